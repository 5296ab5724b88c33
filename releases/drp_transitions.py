"""The only place that changes the state of a DRP switch or of a component in it, with the audit in one transaction."""

from __future__ import annotations

from typing import Any

import audit
from accounts.models import User
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Stale
from releases.choices import DrpMemberState, DrpState
from releases.models import DrpMember, DrpSwitch

MOVES: dict[str, frozenset[str]] = {
    DrpState.ASKED: frozenset({DrpState.RUNNING, DrpState.REFUSED, DrpState.WITHDRAWN, DrpState.EXPIRED}),
    DrpState.RUNNING: frozenset({DrpState.STOPPED, DrpState.SERVES, DrpState.RETURNING}),
    DrpState.STOPPED: frozenset({DrpState.RUNNING, DrpState.RETURNING}),
    DrpState.SERVES: frozenset({DrpState.RETURNING}),
    DrpState.RETURNING: frozenset({DrpState.RETURNED, DrpState.STOPPED}),
}
MEMBER_MOVES: dict[str, frozenset[str]] = {
    DrpMemberState.WAITING: frozenset({DrpMemberState.DEPLOYING, DrpMemberState.FAILED}),
    DrpMemberState.DEPLOYING: frozenset({DrpMemberState.SERVES, DrpMemberState.FAILED}),
    DrpMemberState.FAILED: frozenset({DrpMemberState.WAITING, DrpMemberState.LEFT_OUT}),
}
"""From state to states; a state that is not named is final."""


class IllegalMove(Exception):
    """A programming mistake: the table knows no such move."""


def may_move(row: DrpSwitch, to: str) -> bool:
    """The table knows the move."""
    return to in MOVES.get(row.state, frozenset())


def move_switch(row: DrpSwitch, to: str, *, actor: User | None, reason: MessageLike = "", **fields: Any) -> None:
    """Move it, with ``fields`` written besides. Raises Stale where somebody moved it first, IllegalMove."""
    _move(row, MOVES, to, fields)
    record(row, to, actor, reason=reason)


def move_member(member: DrpMember, to: str, *, actor: User | None, note: MessageLike = "", **fields: Any) -> None:
    """The same of one component; the caller has the lock of its switch, which ``member.switch`` is."""
    _move(member, MEMBER_MOVES, to, {"note": note, **fields})
    record(member.switch, f"component_{to}", actor, reason=note, order=member.order.number)


def _move(row: DrpSwitch | DrpMember, table: dict[str, frozenset[str]], to: str, fields: dict[str, Any]) -> None:
    if to not in table.get(row.state, frozenset()):
        raise IllegalMove(f"{type(row).__name__} {row.pk}: {row.state} → {to}")
    if type(row)._default_manager.filter(pk=row.pk, state=row.state).update(state=to, **fields) != 1:
        raise Stale(_("It has changed in the meantime: refresh the page."))
    row.state = to
    for name, value in fields.items():
        setattr(row, name, value)


def record(row: DrpSwitch, act: str, actor: User | None, *, reason: MessageLike = "", **after: Any) -> None:
    """One act on it, in the caller's transaction; ``actor`` None for the platform."""
    audit.record(
        actor or audit.platform,
        f"drp_switch.{act}",
        object_type="drp_switch",
        object_id=row.pk,
        object_name=f"{row.kind} {row.pk}",
        project=row.space.project.slug,
        environment=row.space.environment.slug,
        reason=reason,
        after={"kind": row.kind, **after},
    )
