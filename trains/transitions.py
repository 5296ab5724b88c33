"""The only place that changes the state of a train or of an order in it, with the audit row in one transaction."""

from __future__ import annotations

from typing import Any

import audit
from accounts.models import User
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Stale
from releases.services.page_news import tell_pages
from trains.choices import MemberState, TrainState
from trains.models import Train, TrainOrder

TRAIN_MOVES: dict[str, frozenset[str]] = {
    TrainState.DRAFT: frozenset({TrainState.RUNNING}),
    TrainState.RUNNING: frozenset({TrainState.PAUSED, TrainState.DONE}),
    TrainState.PAUSED: frozenset({TrainState.RUNNING, TrainState.ROLLED_BACK}),
    TrainState.DONE: frozenset({TrainState.ROLLED_BACK}),
}
MEMBER_MOVES: dict[str, frozenset[str]] = {
    MemberState.WAITING: frozenset({MemberState.DEPLOYING, MemberState.SKIPPED}),
    MemberState.DEPLOYING: frozenset({MemberState.SUCCEEDED, MemberState.FAILED}),
    MemberState.FAILED: frozenset({MemberState.WAITING, MemberState.SKIPPED}),
}
"""From state to states; a state that is not named is final."""


class IllegalMove(Exception):
    """A programming mistake: the table knows no such move."""


def move_train(train: Train, to: str, *, actor: User | None, reason: str = "", **fields: Any) -> None:
    """Move it, with ``fields`` written besides. Raises Stale where somebody moved it first, IllegalMove."""
    _move(train, TRAIN_MOVES, to, fields)
    record(train, f"train.{to}", actor, reason=reason)


def move_member(member: TrainOrder, to: str, *, actor: User | None, reason: MessageLike = "", **fields: Any) -> None:
    """The same of one order in its train."""
    _move(member, MEMBER_MOVES, to, {"note": "", **fields})
    record(member.train, f"train.order_{to}", actor, order=member.order.number, reason=reason)


def _move(row: Train | TrainOrder, table: dict[str, frozenset[str]], to: str, fields: dict[str, Any]) -> None:
    old = row.state
    if to not in table.get(old, frozenset()):
        raise IllegalMove(f"{type(row).__name__} {row.pk}: {old} → {to}")
    if type(row)._default_manager.filter(pk=row.pk, state=old).update(state=to, **fields) != 1:
        raise Stale(_("This train has changed in the meantime: refresh the page."))
    row.state = to
    for name, value in fields.items():
        setattr(row, name, value)


def record(
    train: Train, verb: str, actor: User | None, *, order: str = "", reason: MessageLike = "", **after: Any
) -> None:
    """One act on a train, in the caller's transaction, and word of it to its pages; ``actor`` None for the platform."""
    tell_pages(train.space.project_id)
    audit.record(
        actor or audit.platform,
        verb,
        object_type="train",
        object_id=train.pk,
        object_name=train.name,
        project=train.space.project.slug,
        environment=train.space.environment.slug,
        reason=reason,
        after={**({"order": order} if order else {}), **after},
    )
