"""Somebody left: what of theirs ends with it, in the transaction that deactivates them."""

from __future__ import annotations

from accounts.models import User
from foundation.messages import message as _
from releases.services.approvals import given_by, void_unused
from releases.services.holds import end_holds_of
from releases.services.turns import end_waiting, lock_waiting
from releases.turns import waiting_turns


def leave(actor: User, person: User) -> None:
    """Their turns wait no longer, what they hold is free, and what they approved and nobody deployed yet is void."""
    approved = given_by(person).values_list("order_id", flat=True)
    # All locks at once, by the order that holds everywhere: places, then orders by ascending id.
    turns = lock_waiting(waiting_turns().filter(asked_by=person), *approved)
    end_waiting(turns, actor=actor, message=_("%(who)s may not sign in any more.", who=person.localized_name))
    void_unused(actor, person)
    end_holds_of(actor, person)
