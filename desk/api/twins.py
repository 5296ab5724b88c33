"""Environments and their twins over the API: what is out of line, one project side by side, and 对齐灾备."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actor import actor_of
from accounts.choices import Scope
from desk.comparison import KINDS, Wanted, compare
from desk.comparison.differing import OUT_OF_LINE
from desk.twins import list_twins, pair_in, twin_lines
from environments.access import Rights
from environments.selectors.places import find_space
from foundation.api.serializers import Input, text
from foundation.api.views import ApiView
from releases.api.serializers.orders import GateOutput
from releases.choices import TestVerdict
from releases.readiness import WORDS
from releases.services.align import Wish, align
from releases.services.promote_many import MOST

DIFFERS = OpenApiParameter("differs", OpenApiTypes.STR, enum=[*KINDS], description="only these; else all but amounts")
START = OpenApiParameter("start", OpenApiTypes.STR, description="the `next_start` of the page before")
PROJECT = OpenApiParameter("project", OpenApiTypes.STR, description="short name: components of this one alone")


class TwinPairOutput(serializers.Serializer[Any]):
    """One pair of a project, and how many of its components are out of line."""

    project = serializers.CharField(source="pair.project.slug")
    sibling = serializers.CharField(source="pair.left.environment.slug")
    twin = serializers.CharField(source="pair.right.environment.slug")
    total = serializers.IntegerField(source="counts.total")
    out_of_line = serializers.IntegerField(source="counts.out_of_line")
    readiness = serializers.CharField(source="readiness.state", help_text="one of " + ", ".join(WORDS))
    by_kind = serializers.DictField(source="counts.by_kind", child=serializers.IntegerField())


class OutOfLineOutput(serializers.Serializer[Any]):
    """One component; orders are empty where nothing serves."""

    project = serializers.CharField(source="pair.project.slug")
    sibling = serializers.CharField(source="pair.left.environment.slug")
    twin = serializers.CharField(source="pair.right.environment.slug")
    component = serializers.CharField(source="slug")
    sibling_order = serializers.CharField(source="left", allow_blank=True)
    twin_order = serializers.CharField(source="right", allow_blank=True)
    differs = serializers.ListField(child=serializers.CharField(), source="kinds")


class TwinsOutput(serializers.Serializer[Any]):
    pairs = TwinPairOutput(many=True)
    components = OutOfLineOutput(many=True, source="lines")
    next_start = serializers.CharField(source="more", allow_blank=True, help_text="empty at the end")


class Twins(ApiView):
    """Every environment with a twin, in all projects that one may see."""

    @extend_schema(operation_id="twins", parameters=[PROJECT, DIFFERS, START], responses=TwinsOutput)
    def get(self, request: Request) -> Response:
        """How many components are out of line by project, and which, a page at a time."""
        given = request.query_params
        found = list_twins(
            Rights(actor_of(request)),
            project=given.get("project", "")[:130],
            kind=given.get("differs", ""),
            start=given.get("start", "")[:200],
        )
        return self.shown(TwinsOutput, found)


class TwinItemOutput(serializers.Serializer[Any]):
    """One value on either side; ``is_unlike``: the two should be alike."""

    name = serializers.CharField(source="code")
    sibling = serializers.CharField(source="left")
    twin = serializers.CharField(source="right")
    difference = serializers.CharField(source="word")
    is_unlike = serializers.BooleanField()


class TwinComponentOutput(serializers.Serializer[Any]):
    component = serializers.CharField(source="line.component.slug")
    differs = serializers.ListField(child=serializers.CharField(), source="line.kinds")
    sibling_order = serializers.CharField(source="line.left.serves.order.number", allow_null=True, default=None)
    sibling_digest = serializers.CharField(source="line.left.serves.order.image_digest", allow_null=True, default=None)
    twin_order = serializers.CharField(source="line.right.serves.order.number", allow_null=True, default=None)
    twin_digest = serializers.CharField(source="line.right.serves.order.image_digest", allow_null=True, default=None)
    items = TwinItemOutput(many=True)
    state = serializers.CharField(source="standing.state", help_text="of its alignment")
    reason = serializers.CharField(source="standing.why", allow_blank=True)
    who_can_help = serializers.CharField(source="standing.who", allow_blank=True)


class TwinOutput(serializers.Serializer[Any]):
    sibling = serializers.CharField(source="pair.left.environment.slug")
    twin = serializers.CharField(source="pair.right.environment.slug")
    total = serializers.IntegerField()
    out_of_line = serializers.IntegerField()
    components = TwinComponentOutput(many=True)
    next_start = serializers.CharField(allow_blank=True, help_text="empty at the end")


class ProjectTwin(ApiView):
    """An environment of a project and its twin."""

    @extend_schema(operation_id="project_twin", parameters=[DIFFERS, START], responses=TwinOutput)
    def get(self, request: Request, slug: str, environment: str) -> Response:
        """Component by component, what differs first; how far the alignment of each is."""
        rights = Rights(actor_of(request))
        pair = pair_in(rights, slug, environment.lower())
        assert pair.left is not None and pair.right is not None
        given = request.query_params
        kind, start = given.get("differs", "") or OUT_OF_LINE, given.get("start", "")[:130]
        slugs = (pair.left.environment.slug, pair.right.environment.slug)
        found = compare(rights, pair, Wanted(slug, *slugs, kind, start))
        answer = {
            "pair": pair, "total": found.counts.total, "out_of_line": found.counts.out_of_line,
            "components": twin_lines(rights, pair, found.lines), "next_start": found.more,
        }  # fmt: skip
        return self.shown(TwinOutput, answer)


class AlignInput(Input):
    orders = serializers.ListField(
        child=serializers.CharField(max_length=85), max_length=MOST,
        help_text="numbers; `NUMBER@SNAPSHOT` with the hash that was reviewed in the twin deploys it too",
    )  # fmt: skip
    test_verdict = serializers.ChoiceField(
        choices=TestVerdict.choices, required=False, allow_blank=True, default="",
        help_text="else the word that was given for the sibling",
    )  # fmt: skip
    note = text(2000, default="")


class AlignedOutput(serializers.Serializer[Any]):
    """What came of one order."""

    order = serializers.CharField(source="number")
    result = serializers.ChoiceField(choices=["deploying", "waiting", "promoted", "unchanged", "refused"])
    promotion = serializers.IntegerField(source="promotion.pk", allow_null=True, default=None)
    deployment = serializers.IntegerField(source="deployment.pk", allow_null=True, default=None)
    missing = GateOutput(many=True, help_text="closed gates of its deployment")
    code = serializers.CharField(source="error.code", allow_null=True, default=None)
    reason = serializers.CharField(source="error.message", allow_null=True, default=None)
    who_can_help = serializers.CharField(source="error.who_can_help", allow_null=True, default=None)


class AlignOutput(serializers.Serializer[Any]):
    items = AlignedOutput(many=True)


class Alignments(ApiView):
    """对齐灾备."""

    scope = Scope.DEPLOY
    more_scopes = (Scope.PROMOTE,)

    @extend_schema(operation_id="twin_align", request=AlignInput, responses=AlignOutput)
    def post(self, request: Request, slug: str, environment: str) -> Response:
        """Promote each of the orders to the twin and deploy it, through its own gates; says what came of each."""
        given = self.given(AlignInput)
        user = actor_of(request)
        space = find_space(user, slug, environment)
        wishes = [Wish.read(one) for one in given.pop("orders")]
        return self.shown(AlignOutput, {"items": align(actor=user, space=space, wishes=wishes, **given)})
