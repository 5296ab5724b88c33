"""Putting a deployment into a place: the rows that a click makes, and those that the end of the one before makes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from environments.models import Space
from environments.policy import policy_in_force
from foundation.installation import current_epoch
from foundation.messages import message as _
from foundation.problems import Refused, Stale
from foundation.runs.choices import RunState
from foundation.runs.models import PARKED
from foundation.runs.wake import hinted_at, launch_hint, wake
from releases import going_on
from releases.choices import DeploymentKind
from releases.events import record_act
from releases.models import (
    Deployment,
    DrpSwitch,
    NamespaceWatch,
    Placement,
    ReleaseOrder,
    Review,
    Snapshot,
    SpaceObservation,
)

EACH_SECONDS = 0.25
MOST_SECONDS = 5.0


def wake_observations(rows: QuerySet[SpaceObservation], *, under_way: int) -> None:
    """These spaces are looked at soon: at once where nothing is under way, and the later, the more deployments are.

    Each end and each pod that moves would be a pass over the whole space, in the very seconds in which the processes
    are needed for verdicts that people wait for.
    """
    for pk in rows.values_list("pk", flat=True):
        wake(SpaceObservation, pk, prompt=False, after=min(MOST_SECONDS, EACH_SECONDS * under_way))


def ensure_not_archived(space: Space) -> None:
    """Raise Refused where the space went into the archive since it was read; call it under a lock of its placement."""
    if Space.objects.filter(pk=space.pk, is_archived=True).exists():
        message = _("%(name)s is archived for this project: nothing goes there.", name=space.environment.label)
        raise Refused(message, "space-archived")


def create_deployment(  # noqa: PLR0913 - the columns of one row, nearly all optional
    order: ReleaseOrder,
    space: Space,
    place: Placement,
    *,
    actor: User,
    kind: str = DeploymentKind.DEPLOY,
    snapshot: Snapshot | None = None,
    review: Review | None = None,
    overlay: dict[str, Any] | None = None,
    live_fingerprint: str = "",
    cause: Deployment | None = None,
    removals: Sequence[str] = (),
    break_glass_id: int | None = None,
    drp_switch: DrpSwitch | None = None,
) -> Deployment:
    """A deployment in the place that ``lock_placement`` locked, due now; raises Stale naming who was first."""
    if place.in_progress is not None:
        raise Stale(
            _(
                "%(who)s is deploying order %(number)s here right now.",
                who=place.in_progress.deployed_by.shown_name,
                number=place.in_progress.order.number,
            ),
            who_can_help=place.in_progress.deployed_by.shown_name,
        )
    ensure_not_archived(space)
    deployment = Deployment.objects.create(
        order=order,
        component_id=order.component_id,
        space=space,
        kind=kind,
        snapshot=snapshot,
        review=review,
        overlay=overlay or {},
        live_fingerprint=live_fingerprint,
        removals=list(removals),
        break_glass_id=break_glass_id,
        drp_switch=drp_switch,
        policy=policy_in_force(space),
        deployed_by=actor,
        is_automatic=cause is not None,
        cause=cause,
        remote=space.cluster.remote_key,
        next_at=hinted_at(),
        epoch=current_epoch(),
        nonce=secrets.token_hex(4),
    )
    going_on.note_deployed(deployment)
    place.in_progress = deployment
    place.save(update_fields=["in_progress", "changed_at"])
    data: dict[str, Any] = {
        "kind": kind, "snapshot": snapshot.short_hash if snapshot else "", "automatic": cause is not None
    }  # fmt: skip
    if removals:
        data["removals"] = list(removals)
    if break_glass_id:
        data["break_glass"] = break_glass_id
    if drp_switch:
        data["drp_switch"] = drp_switch.pk
    record_act(order, "deployment.queued", actor, subject=deployment, space=space, data=data)
    _follow_space(space)
    launch_hint("deployment", deployment.pk)
    return deployment


def _follow_space(space: Space) -> None:
    """The runs that look at the space and watch its namespace; parked until something there is ours."""
    SpaceObservation.objects.get_or_create(
        space=space,
        defaults={"state": RunState.RUNNING, "remote": space.cluster.remote_key, "next_at": PARKED},
    )
    # No remote: a watch takes no slot, and looks after its connections itself.
    NamespaceWatch.objects.get_or_create(
        cluster=space.cluster,
        namespace=space.namespace,
        defaults={"state": RunState.RUNNING, "next_at": PARKED},
    )
