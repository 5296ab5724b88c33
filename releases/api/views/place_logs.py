"""The log of all pods of a place: lines with their pods, from a moment on, or all of it as text."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from foundation.api.views import ApiView
from foundation.messages import message as _
from foundation.problems import Invalid
from foundation.streaming import download
from releases.api.views.deployments import place_of
from releases.logs import patterns, pods
from releases.logs.merged import COLOURS, JOINED, LEFT
from releases.logs.searching import LONGEST_QUERY
from releases.models import Placement
from releases.presenters.place_log import PlaceLogAsked, file_name, moment_of, read_place_log, whole_text

LINE = inline_serializer(
    "PlaceLogLine",
    {
        "at": serializers.CharField(help_text="by the node's clock, in UTC, to the nanosecond"),
        "pod": serializers.CharField(),
        "text": serializers.CharField(),
        "level": serializers.ChoiceField(choices=["", *patterns.LEVELS]),
        "kind": serializers.ChoiceField(choices=["", JOINED, LEFT], help_text="what is told of the pod itself"),
    },
    many=True,
)
POD = inline_serializer(
    "PlaceLogPod",
    {
        "name": serializers.CharField(),
        "short_name": serializers.CharField(),
        "order": serializers.CharField(),
        "colour": serializers.ChoiceField(choices=list(COLOURS)),
        "state": serializers.CharField(),
        "state_word": serializers.CharField(),
        "trouble": serializers.CharField(help_text="why it has no lines here"),
        "is_cut": serializers.BooleanField(help_text="it may have older lines"),
    },
    many=True,
)


class PlaceLog(ApiView):
    more_refusals = (502,)

    @extend_schema(
        operation_id="place_log",
        parameters=[
            OpenApiParameter("container", OpenApiTypes.STR),
            OpenApiParameter("previous", OpenApiTypes.BOOL),
            OpenApiParameter("pod", OpenApiTypes.STR, many=True, description="only of these"),
            OpenApiParameter("since", OpenApiTypes.STR, description="RFC 3339: of known pods, lines from then on"),
            OpenApiParameter("known", OpenApiTypes.STR, many=True, description="pods that you have lines of"),
            OpenApiParameter("text", OpenApiTypes.STR, description="only lines that contain it, blind to case"),
            OpenApiParameter("raw", OpenApiTypes.BOOL),
        ],
        responses={
            (200, "application/json"): inline_serializer(
                "PlaceLog",
                {
                    "lines": LINE,
                    "pods": POD,
                    "left_out": serializers.IntegerField(help_text="pods beyond most_pods"),
                    "now": serializers.CharField(),
                    "most_lines": serializers.IntegerField(help_text="of each pod"),
                    "most_pods": serializers.IntegerField(),
                },
            ),
            (200, "text/plain"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request, project: str, slug: str, environment: str) -> Any:
        """The last lines of each pod, 500 at most and of at most 12 pods, in the order of their times, redacted.

        To follow: ask again with ``since`` ten seconds before the last line, and the pods that you have as ``known``;
        leave out the lines that you have. Pods that came or went are told of in lines with a ``kind``. With ``raw=1``
        up to 20,000 lines of each pod, 4 MiB in all, as text.
        """
        _component, _space, place = place_of(actor_of(request), project, slug, environment)
        asked = self._asked(request)
        if self.flag("raw"):
            return _raw(request, place, asked)
        text = request.query_params.get("text", "")
        if len(text) > LONGEST_QUERY or "\n" in text:
            raise Invalid({"text": [_("Give 1 to 200 characters of one line.")]})
        return Response(read_place_log(place, asked).data(text))

    def _asked(self, request: Request) -> PlaceLogAsked:
        query = request.query_params
        names, known = query.getlist("pod"), query.getlist("known")
        for name, given in (("pod", names), ("known", known)):
            if len(given) > pods.MOST_NAMES:
                raise Invalid({name: [_("At most %(most)s pods.", most=pods.MOST_NAMES)]})
        since = query.get("since", "")
        if since and moment_of(since) is None:
            raise Invalid({"since": [_("Write a time with its zone, such as 2026-11-20T10:00:00Z.")]})
        return PlaceLogAsked(
            container=query.get("container", ""),
            previous=self.flag("previous"),
            names=tuple(names),
            known=tuple(known),
            since=since,
        )


def _raw(request: Request, place: Placement, asked: PlaceLogAsked) -> StreamingHttpResponse:
    name = file_name(place, asked.names)
    return download(request._request, whole_text(place, asked), content_type="text/plain; charset=utf-8", name=name)
