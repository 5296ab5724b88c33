"""Roll backs to something older: those that wait for an approval, those that are approved, and who asked for them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from environments import freezes
from environments.access import Rights, may_approve
from environments.models import Space
from environments.needed import needed_in
from foundation.messages import MessageLike, localized_list
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases import break_glass, gates
from releases.models import Review
from releases.roll_back_asks import waiting_asks
from releases.waiting.decisions import Decision, decisions_of, makers_seen, with_own_builds
from releases.waiting.wait import MOST, Wait


@dataclass(frozen=True)
class RollBacks:
    """The longest wait first; ``asked``: what this person asked for and others have not answered yet."""

    to_deploy: list[Wait] = field(default_factory=list)
    to_approve: list[Wait] = field(default_factory=list)
    asked: list[Wait] = field(default_factory=list)


def roll_backs(rights: Rights, *, at_all: bool = True, with_freezes: bool = True) -> RollBacks:
    """What waits for this person, in the same few queries for any number.

    ``at_all``: whether there is any, for who has asked for many kinds at once; ``with_freezes`` likewise.
    """
    found = RollBacks()
    spaces = {space.pk: space for space in rights.spaces if space.approvals}
    if not at_all or not spaces:
        return found
    deploys = {pk for pk, space in spaces.items() if rights.can("deploy", space=space)}
    approves = {pk for pk, space in spaces.items() if may_approve(rights, space)}
    rows = _rows(spaces, deploys | approves, rights)
    decisions = _decisions(rows, spaces, rights)
    all_freezes = freezes.read() if rows and with_freezes else freezes.Freezes()
    frozen = all_freezes.shut(spaces[pk] for pk in deploys)
    for row in rows:
        decision, space = decisions[row.wanted_snapshot_id or 0], spaces[row.space_id]
        if not _lets_in(row, space):
            continue
        if row.requested_by_id == rights.user.pk and _is_unanswered(decision, space):
            found.asked.append(_wait(row, space, _state(row)))
        if row.state != RunState.SUCCEEDED:
            continue
        is_stopped = _is_stopped(row, space, frozen)
        if space.pk in deploys and not is_stopped and decision.consent.is_enough(space, rights.user):
            found.to_deploy.append(_wait(row, space, _why_to_deploy(decision)))
        if space.pk in approves and decision.lacks(rights, needed_in(space)):
            found.to_approve.append(_wait(row, space, _("roll back to it")))
    return found


def reviews_of_roll_backs(rights: Rights) -> Any:
    """Those that may concern this person: whether there is any is asked before they are read."""
    return waiting_asks().filter(space__in=[space.pk for space in rights.spaces if space.approvals])


def _rows(spaces: Collection[int], acts: Collection[int], rights: Rights) -> list[Any]:
    theirs = Q(space__in=list(acts)) | Q(requested_by=rights.user)
    rows = with_own_builds(waiting_asks().filter(theirs, space__in=list(spaces)), rights)
    related = ("order__component", "order__author", "requested_by")
    return list(rows.select_related(*related).order_by("created_at", "pk")[: MOST + 1])


def _decisions(rows: list[Any], spaces: dict[int, Space], rights: Rights) -> dict[int, Decision]:
    for row in rows:
        row.order.project = spaces[row.space_id].project
    makers = {row.wanted_snapshot_id: makers_seen(row, row.order, rights) for row in rows}
    return decisions_of(makers, {row.wanted_snapshot_id: spaces[row.space_id] for row in rows})


def _lets_in(row: Any, space: Space) -> bool:
    """The gates of the order itself and of the flow, of a row that the flow may let in."""
    closed = [gate for gate in gates.order_gates(row.order, space) if not gate.is_open]
    if row.is_promoted and not closed:
        return True
    is_passed_by = row.has_break_glass and all(gate.is_flow for gate in closed)
    return is_passed_by and break_glass.in_force(row.order, space) is not None


def _is_stopped(row: Any, space: Space, frozen: Collection[int]) -> bool:
    """The place is held or its time has not come, and no break-glass opens it: an approval may come all the same."""
    is_shut = row.is_held or space.pk in frozen
    return is_shut and not (row.has_break_glass and break_glass.in_force(row.order, space))


def _is_unanswered(decision: Decision, space: Space) -> bool:
    return decision.consent.no is None and not decision.consent.is_enough(space, None)


def _state(row: Review) -> MessageLike:
    if row.state != RunState.SUCCEEDED:
        return _("roll back, being reviewed")
    return _("roll back, waits for approval")


def _why_to_deploy(decision: Decision) -> MessageLike:
    names = localized_list([one.by.shown_name for one in decision.consent.given])
    return _("roll back approved by %(names)s", names=names)


def _wait(row: Any, space: Space, why: MessageLike) -> Wait:
    return Wait(
        row.order, space, row.created_at, why, row.requested_by or row.order.author, review_id=row.pk,
        snapshot_id=row.wanted_snapshot_id, name_zh=row.name_zh or "", roll_back_to=row.target,
    )  # fmt: skip
