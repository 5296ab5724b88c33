"""Who must have agreed before an order goes to a space: enough approvals by today's policy, and four eyes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from environments.access import Rights, approvers_in, may_approve, people_who_may, who_may
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import localized_list
from foundation.messages import message as _
from releases import selectors
from releases.gate import Gate
from releases.models import Approval, ReleaseOrder, Snapshot


@dataclass(frozen=True)
class Consent:
    """What people have said of a snapshot: ``given`` counts today, ``no`` stands in the way."""

    makers: set[int]
    given: list[Approval]
    no: Approval | None

    def is_enough(self, space: Space, deployer: User | None) -> bool:
        """What the gates of approval and of four eyes answer together, without their words."""
        if space.four_eyes and deployer is not None and deployer.pk in self.makers:
            return False
        others = [one for one in self.given if deployer is None or one.by_id != deployer.pk]
        return not space.approvals or (self.no is None and len(others) >= space.approvals)


def approval_gates(order: ReleaseOrder, space: Space, snapshot: Snapshot | None, deployer: User | None) -> list[Gate]:
    """Enough approvals of this very snapshot, no rejection, four eyes over the whole chain."""
    gates = []
    if space.approvals:
        no = selectors.rejection(snapshot) if snapshot else None
        if no:
            gates.append(rejected(no))
        words = selectors.approvals_in_force(snapshot) if snapshot else []
        gates.append(agreement(order, space, words, deployer, needed=space.approvals))
    return gates + four_eyes_gates(order, space, deployer)


def rejected(no: Approval) -> Gate:
    """Somebody said no: until they withdraw it."""
    message = _("%(who)s rejected it: %(why)s", who=no.by.localized_name, why=no.comment or "–")
    return Gate("approved", False, message, no.by.shown_name, no.created_at)


def agreement(
    order: ReleaseOrder,
    space: Space,
    words: list[Approval],
    deployer: User | None,
    *,
    needed: int,
    asked_by: int | None = None,
) -> Gate:
    """Do enough people agree, whom four eyes allow, by the policy and the roles of this moment?

    ``words`` are approvals in force; ``asked_by`` asked for what they approve, and is no second person either.
    """
    makers = makers_of(order)
    barred = makers | ({asked_by} if asked_by else set())
    given = [word for word in words if word.by_id not in barred and counts_today(word, space, Rights(word.by))]
    others = [word for word in given if deployer is None or word.by_id != deployer.pk]
    if deployer and len(others) < needed <= len(given):
        return _approver_deploys(space, deployer, makers if space.four_eyes else set())
    return _enough(space, others, barred | ({deployer.pk} if deployer else set()), needed)


def counts_today(approval: Approval, space: Space, rights: Rights, *, now: datetime | None = None) -> bool:
    """By the policy and its giver's ``rights`` of this moment: those of the day it was given do not matter.

    ``now``: the database's clock, for who has read it once for many.
    """
    hours = space.approval_hours
    if hours and approval.created_at + timedelta(hours=hours) <= (now or db_now()):
        return False
    if space.approval_needs_comment and not approval.comment.strip():
        return False
    return may_approve(rights, space)


def _approver_deploys(space: Space, deployer: User, makers: set[int]) -> Gate:
    """It is approved, by the very person who would deploy it: no approval is missing, but another person."""
    left = _deployers_but(space, {deployer.pk, *makers})
    message = _(
        "Four eyes: %(who)s approved it, and people who approve an order do not deploy it here.",
        who=deployer.localized_name,
    )
    who = localized_list(left[:3]) if left else who_may("manage_members", space=space)
    return Gate("approved", False, message, who)


def _deployers_but(space: Space, barred: set[int]) -> list[str]:
    """Names of those who may deploy there, without some people."""
    return [person.shown_name for person in people_who_may("deploy", space=space) if person.pk not in barred]


def _enough(space: Space, given: list[Approval], barred: set[int], needed: int) -> Gate:
    """Enough approvals, or who can still give one; a team that is too small is told so, not left to wait.

    ``barred``: ids of who may not approve this order, with any role.
    """
    numbers = {"given": len(given), "needed": needed}
    if len(given) >= needed:
        return Gate("approved", True, _("%(given)s of %(needed)s approvals.", **numbers))
    left = _approvers_but(space, barred | {approval.by_id for approval in given})
    if len(given) + len(left) >= needed:
        return Gate("approved", False, _("%(given)s of %(needed)s approvals.", **numbers), localized_list(left[:3]))
    message = _(
        "Nobody is left who may approve it (%(given)s of %(needed)s approvals): people who created, built or "
        "deploy an order do not approve it. Give one more person the role here.",
        **numbers,
    )
    return Gate("approved", False, message, who_may("manage_members", space=space))


def fair_approvers(order: ReleaseOrder, space: Space, *, but: int | None = None) -> str:
    """Whom to ask for an approval of this order: nobody who created or built it; failing them, who can add people."""
    names = _approvers_but(space, makers_of(order) | ({but} if but else set()))
    return localized_list(names[:3]) if names else who_may("manage_members", space=space)


def _approvers_but(space: Space, barred: set[int]) -> list[str]:
    """Names of those who may approve there, without some people."""
    return [person.shown_name for person in approvers_in(space) if person.pk not in barred]


def makers_of(order: ReleaseOrder) -> set[int]:
    """Ids of the author and of who built it: four eyes bar them from approving it, administrators included."""
    return {order.author_id, *selectors.builders_of(order)}


def four_eyes_gates(order: ReleaseOrder, space: Space, deployer: User | None) -> list[Gate]:
    """Who created or built an order does not deploy it; empty where the space does not ask for it."""
    if not space.four_eyes or deployer is None:
        return []
    makers = makers_of(order)
    if deployer.pk in makers:
        others = _deployers_but(space, makers)
        if others:
            message = _("Four eyes: people who created or built an order do not deploy it here.")
            return [Gate("four-eyes", False, message, localized_list(others[:3]))]
        message = _(
            "Four eyes: people who created or built an order do not deploy it here. Nobody else may deploy here: give "
            "one more person the role."
        )
        return [Gate("four-eyes", False, message, who_may("manage_members", space=space))]
    return [Gate("four-eyes", True, _("Four eyes are kept."))]
