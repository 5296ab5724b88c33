"""Somebody left: what of theirs ends with it, in the transaction that deactivates them."""

from __future__ import annotations

from accounts.models import User
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.schedules import waiting_schedules
from releases.services.approvals import given_by, void_unused
from releases.services.holds import end_holds_of
from releases.services.schedules import end_each
from releases.services.turns import end_waiting, lock_waiting
from releases.turns import waiting_turns


def leave(actor: User, person: User) -> None:
    """Their turns and schedules end, what they hold is free, and what they approved and nobody deployed yet is void."""
    approved = given_by(person).values_list("order_id", flat=True)
    # All locks at once, by the order that holds everywhere: places, then orders by ascending id.
    scheduled = waiting_schedules().filter(asked_by=person)
    turns = lock_waiting(waiting_turns().filter(asked_by=person), *approved, *scheduled.values_list("order", flat=True))
    why = _("%(who)s may not sign in any more.", who=person.localized_name)
    end_waiting(turns, actor=actor, message=why)
    end_each(scheduled, actor=actor, message=why, to=RunState.FAILED)
    void_unused(actor, person)
    end_holds_of(actor, person)
