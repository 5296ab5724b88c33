"""What Jenkins calls: claim and report of a build. Its trigger id is the only credential, and it names one attempt."""

from __future__ import annotations

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from foundation.api.serializers import read
from foundation.messages import message as _
from foundation.problems import Missing, Refused
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.wake import wake
from releases.api.serializers import hooks as shapes
from releases.events import append_event
from releases.locks import lock_orders
from releases.models import Build
from releases.services.nudges import look_for_late_image


def _build(trigger_id: str) -> Build:
    build = Build.objects.filter(trigger_id=trigger_id).first()
    if build is None:
        raise Missing(_("No build has this trigger id."))
    return build


class Hook(APIView):
    """An address that Jenkins calls: nobody signs in, the trigger id in the body is the credential."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class Claim(Hook):
    """First act of the first stage: may this Jenkins run go on?"""

    @extend_schema(exclude=True)
    def post(self, request: Request) -> Response:
        """200 for the one run that is ours; 409 for a second one, or when nobody waits for it any more."""
        given = read(shapes.ClaimInput, request.data)
        build = _build(str(given["trigger_id"]))
        with transaction.atomic():
            lock_orders(build.order_id)
            # Compare and set: two runs of one trigger id cannot both be the first.
            free = Build.objects.filter(
                pk=build.pk, build_number=None, state__in=sorted(ACTIVE), stop_requested_at=None
            )
            if free.update(build_number=given["build_number"], queue_why="", queue_since=None) == 1:
                append_event(build.order_id, "build.claimed", data={"id": build.pk, "number": given["build_number"]})
        build.refresh_from_db()
        if build.state not in ACTIVE or build.stop_requested_at or build.build_number != given["build_number"]:
            raise Refused(_("The platform does not wait for this build: end it."), "not-claimed")
        wake(Build, build.pk, prompt=False)
        return Response({"order": build.order.number, "attempt": build.attempt})


class Report(Hook):
    """Last act of the fifth stage: a nudge with the digest. The registry decides, not this."""

    @extend_schema(exclude=True)
    def post(self, request: Request) -> Response:
        """The build is looked at now; one that has ended has the registry asked again."""
        given = read(shapes.ReportInput, request.data)
        build = _build(str(given["trigger_id"]))
        if build.build_number not in (None, given["build_number"]):
            raise Refused(_("The platform does not wait for this build."), "not-claimed")
        waiting = Build.objects.filter(pk=build.pk, state__in=sorted(ACTIVE))
        if waiting.update(reported_digest=given["digest"]):
            wake(Build, build.pk, prompt=False)
        elif build.state != RunState.SUCCEEDED:
            # Everybody who may read the order knows the trigger id by now, so nothing of this is told.
            look_for_late_image(build)
        return Response({"order": build.order.number})
