"""The steps of rolling a train back in reverse order, as they stand. Reads of rows; nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE, RunState
from releases.choices import DeploymentKind
from releases.models import Deployment
from trains.choices import MemberState
from trains.models import Train, TrainOrder


@dataclass(frozen=True)
class Step:
    """What rolling back one order means. ``state``: done, running, failed, next, later, stop or beyond.

    ``to``: what succeeded there before; None where nothing did, so there is nothing to roll back to.
    """

    member: TrainOrder
    to: Deployment | None
    state: str
    made: Deployment | None = None
    """The roll back itself."""

    @property
    def word(self) -> MessageLike:
        """The state, for people."""
        return {
            "done": _("rolled back"), "running": _("is being rolled back"), "failed": _("the roll back failed"),
            "next": _("next"), "later": _("later"), "stop": _("stops here: it changed the database"),
            "beyond": _("not rolled back"),
        }[self.state]  # fmt: skip


def plan_back(train: Train, members: Sequence[TrainOrder]) -> list[Step]:
    """All steps, the first one first: three queries. What the train has not deployed is not among them."""
    touched = [one for one in members if one.deployment_id and one.state in (MemberState.SUCCEEDED, MemberState.FAILED)]
    touched.sort(key=lambda one: one.deployment_id or 0, reverse=True)
    if not touched:
        return []
    before, made = _before(train, touched), _made(train, touched)
    steps: list[Step] = []
    is_stopped = is_held = False
    for one in touched:
        step = _step(one, before.get(one.pk), made.get(one.order.component_id), is_stopped=is_stopped, is_held=is_held)
        is_stopped = is_stopped or step.state == "stop"
        is_held = is_held or step.state in ("next", "running", "failed")
        steps.append(step)
    return steps


def _step(one: TrainOrder, to: Deployment | None, made: Deployment | None, *, is_stopped: bool, is_held: bool) -> Step:
    if made is not None and made.pk > (one.deployment_id or 0) and made.state not in (RunState.CANCELLED,):
        state = "running" if made.state in ACTIVE else "done" if made.state == RunState.SUCCEEDED else "failed"
        return Step(one, to, state, made)
    if is_stopped:
        return Step(one, to, "beyond")
    if one.order.changes_database or to is None:
        # What the old version would find is not what it left: people decide, not a list.
        return Step(one, to, "stop" if one.order.changes_database else "beyond")
    return Step(one, to, "later" if is_held else "next")


def _before(train: Train, members: Sequence[TrainOrder]) -> dict[int, Deployment]:
    """By order of the train: the newest success of another snapshot before its own deployment."""
    good = Deployment.objects.filter(
        component=OuterRef("order__component"), space=train.space_id, state=RunState.SUCCEEDED,
        snapshot__isnull=False, pk__lt=OuterRef("deployment"),
    ).exclude(kind=DeploymentKind.REMOVE).exclude(order=OuterRef("order")).order_by("-pk")  # fmt: skip
    rows = TrainOrder.objects.filter(pk__in=[one.pk for one in members])
    ids = dict(rows.annotate(before=Subquery(good.values("pk")[:1])).values_list("pk", "before"))
    found = Deployment.objects.select_related("order__project", "snapshot").defer(
        "snapshot__manifests", "snapshot__origins"
    ).in_bulk([pk for pk in ids.values() if pk])  # fmt: skip
    return {member: found[pk] for member, pk in ids.items() if pk}


def _made(train: Train, members: Sequence[TrainOrder]) -> dict[int, Deployment]:
    """By component: the newest roll back there since the train began, one from its own page too."""
    rows = Deployment.objects.filter(
        space=train.space_id, kind=DeploymentKind.ROLL_BACK, component__in=[one.order.component_id for one in members],
        pk__gt=min(one.deployment_id or 0 for one in members),
    )  # fmt: skip
    return {row.component_id: row for row in rows.order_by("pk")}
