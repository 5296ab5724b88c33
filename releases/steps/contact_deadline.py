"""A cluster that does not answer ends a deployment there after LOST_SECONDS, and is read before the next one.
A Jenkins that does not answer ends a build that was asked to stop so long ago.

Giving up needs no cluster, so it is a run of its own: the deployments wait behind the breaker of their cluster, or
for their review, which waits there too.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from deployer.interfaces import Observation
from deployer.manifests import mark_of
from environments.models import Space
from foundation.clock import db_now, now_minus
from foundation.messages import message as _
from foundation.models import Remote
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.lease import Again, Lease, Outcome, lease_seconds
from releases.choices import DeploymentKind, Reason
from releases.events import append_event
from releases.locks import lock_end, lock_orders
from releases.models import Build, Deployment, Placement
from releases.transitions import NOTHING_RUNS, end_run, give_turn

PAUSE_SECONDS = 10.0


def step(lease: Lease) -> Outcome:
    """Give up what has waited too long."""
    for pk in list(overdue().values_list("pk", flat=True)):
        give_up(pk)
    for pk in list(overdue_builds().values_list("pk", flat=True)):
        give_up_build(pk)
    return Again(PAUSE_SECONDS)


def overdue_builds() -> QuerySet[Build]:
    """Builds that were asked to stop LOST_SECONDS ago, with a Jenkins or a registry that has given no fact since.

    Without a person's wish, or a deadline, a build waits for its Jenkins as long as that takes: it may be built there.
    """
    limit = now_minus(settings.LOST_SECONDS)
    rows = Build.objects.filter(contact_lost_since__lte=limit, stop_requested_at__lte=limit)
    return rows.filter(state__in=sorted(ACTIVE))


def give_up_build(pk: int) -> None:
    """End one build as lost, unless it ended or was heard of in the meantime.

    Its run in Jenkins is refused its claim from now on; if it has claimed, its image is told when it arrives.
    """
    row = Build.objects.select_related("order", "registry").get(pk=pk)
    with transaction.atomic():
        lock_orders(row.order_id)
        found = overdue_builds().filter(pk=pk).select_for_update(of=("self",)).values_list("state", flat=True).first()
        if found is None:
            return
        row.state = found
        message = _(
            "%(side)s has not answered for %(minutes)s minutes: the build was given up, and whether it was stopped in "
            "Jenkins is not known. If its image arrives all the same, the next build takes it.",
            side=row.other_side,
            minutes=settings.LOST_SECONDS // 60,
        )
        data = {"attempt": row.attempt, "message": message}
        end_run(row, RunState.ERRORED, actor=None, reason=Reason.LOST, data=data, message=message)


def overdue() -> QuerySet[Deployment]:
    """Active deployments without contact for LOST_SECONDS: their own, or their cluster's ever since they began.

    A deployment of today may say that its cluster is silent since yesterday: its own time counts from its beginning.
    """
    limit = now_minus(settings.LOST_SECONDS)
    silent = Remote.objects.filter(opened_at__lte=limit).values("name")
    return Deployment.objects.filter(
        Q(contact_lost_since__lte=limit) | Q(remote__in=silent), created_at__lte=limit, state__in=sorted(ACTIVE)
    )


def give_up(pk: int) -> None:
    """End one deployment as lost, unless it ended or was heard of in the meantime."""
    row = Deployment.objects.select_related("order__project", "space__environment", "space__cluster").get(pk=pk)
    with transaction.atomic():
        lock_end(row)
        found = overdue().filter(pk=pk).select_for_update(of=("self",)).values_list("state", flat=True).first()
        if found is None:
            return
        row.state = found
        message = _(
            "%(cluster)s has not answered for %(minutes)s minutes: the deployment was given up, and what runs there "
            "is not known.",
            cluster=row.space.cluster.name,
            minutes=settings.LOST_SECONDS // 60,
        )
        data = {"kind": row.kind, "message": message}
        end_run(row, RunState.ERRORED, actor=None, reason=Reason.LOST, data=data, message=message)


def unknown_placements(space: Space) -> list[Placement]:
    """Where the next pass over the space has to find out what runs."""
    return list(Placement.objects.filter(space=space, unknown_since__isnull=False))


def seconds_until_read(space: Space) -> float:
    """After a force-release: until nothing that its step had sent under its last lease can still arrive."""
    released = Deployment.objects.filter(space=space, reason=Reason.RELEASED).order_by("-finished_at")
    last = released.values_list("finished_at", flat=True).first()
    return lease_seconds() - (db_now() - last).total_seconds() if last else 0.0


def record_read(lease: Lease, place: Placement, seen: Observation) -> None:
    """Write down which deployment the cluster has, so that people may deploy there again; raises LeaseLost."""
    rows = Deployment.objects.filter(component=place.component_id, space=place.space_id)
    latest = rows.select_related("order", "space__environment", "space__cluster").order_by("-pk").first()
    if latest is None:
        return
    applied = _applied_there(rows, seen)
    with transaction.atomic():
        lock_end(latest)
        data = {"environment": latest.space.environment.slug, "applied": applied.pk if applied else None}
        append_event(latest.order_id, "placement.read", data=data)
        lease.hold()
        fields: dict[str, Any] = {"last_applied": applied} if applied else {}
        if applied is None and latest.kind == DeploymentKind.REMOVE:
            # Given up in the middle, and it did its work.
            fields = dict(NOTHING_RUNS)
        # One that was given up after this read began stays unknown.
        Placement.objects.filter(pk=place.pk, unknown_since__lte=place.unknown_since).update(
            unknown_since=None, seen_at=Now(), changed_at=Now(), **fields
        )
        give_turn(place.component_id, place.space_id)


def _applied_there(rows: QuerySet[Deployment], seen: Observation) -> Deployment | None:
    """Which of these deployments left its mark on a workload; None for no workload, or one that is not ours."""
    for mark in filter(None, map(mark_of, seen.deployments)):
        found = rows.filter(pk=mark.number, epoch=mark.epoch, nonce=mark.nonce).first()
        if found is not None:
            return found
    return None
