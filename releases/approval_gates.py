"""Who must have agreed before an order goes to a space: enough approvals by today's policy, and four eyes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from accounts.models import User
from environments.access import Rights, approvers_in, can, may_approve, people_who_may, who_may
from environments.models import Space
from environments.needed import Needed, People, groups_of, needed_in
from foundation.clock import db_now
from foundation.messages import Message, MessageLike, localized_names
from foundation.messages import message as _
from releases import selectors
from releases.gate import Gate
from releases.models import Approval, ReleaseOrder, Snapshot
from releases.since import made_since


@dataclass(frozen=True)
class Consent:
    """What people have said of a snapshot: ``given`` counts today, ``no`` stands in the way."""

    makers: set[int]
    given: list[Approval]
    no: Approval | None
    groups: Mapping[int, Collection[str]] = field(default_factory=dict)
    """Of those who gave it, by id; read where the policy needs some of each group."""

    @property
    def people(self) -> People:
        """Whose approvals count, the first one first."""
        return {one.by_id: self.groups.get(one.by_id, ()) for one in in_order(self.given)}

    def is_enough(self, space: Space, deployer: User | None) -> bool:
        """What the gates of approval and of four eyes answer together, without their words."""
        if space.four_eyes and deployer is not None and deployer.pk in self.makers:
            return False
        others = _but(self.people, deployer)
        return not space.approvals or (self.no is None and needed_in(space).is_reached(others))


def approval_gates(order: ReleaseOrder, space: Space, snapshot: Snapshot | None, deployer: User | None) -> list[Gate]:
    """Enough approvals of this very snapshot, no rejection, four eyes over the whole chain."""
    gates = []
    if space.approvals:
        no = selectors.rejection(snapshot) if snapshot else None
        words = selectors.approvals_in_force(snapshot) if snapshot and not no else []
        since = snapshot.created_at if snapshot else None
        asked = agreement(order, space, words, deployer, needed=needed_in(space), since=since)
        # A no is the whole answer: how many would have to agree is asked once it is taken back.
        gates.append(rejected(no) if no else asked)
    return gates + four_eyes_gates(order, space, deployer)


def rejected(no: Approval) -> Gate:
    """Somebody said no: until they withdraw it, or it is of an order that nobody goes on with."""
    values = {"who": no.by.localized_name, "why": no.comment or "–"}
    # One's own word is one's own while one belongs to the project.
    if can(no.by, "see", space=no.space):
        return Gate("approved", False, _("%(who)s rejected it: %(why)s", **values), no.by.shown_name, no.created_at)
    message = _("%(who)s rejected it, and may not take that back any more: repeat it as a new order. %(why)s", **values)
    return Gate("approved", False, message, who_may("create_order", project_id=no.space.project_id), no.created_at)


def agreement(
    order: ReleaseOrder,
    space: Space,
    words: list[Approval],
    deployer: User | None,
    *,
    needed: Needed,
    asked_by: int | None = None,
    since: datetime | None,
) -> Gate:
    """Do enough people agree, whom four eyes allow, by the policy and the roles of this moment?

    ``words`` are approvals in force; ``asked_by`` asked for what they approve, and is no second person either;
    ``since``: when there was something to approve.
    """
    makers = makers_of(order)
    barred = makers | ({asked_by} if asked_by else set())
    given = people_who_agree(space, words, barred)
    others = _but(given, deployer)
    if deployer and not needed.is_reached(others) and needed.is_reached(given):
        own = next(word.created_at for word in words if word.by_id == deployer.pk)
        return _approver_deploys(space, deployer, makers if space.four_eyes else set(), own)
    names = {word.by_id: word.by.localized_name for word in words}
    barred |= {deployer.pk} if deployer else set()
    gate = _enough(space, _Agreed(needed, others, names), barred)
    return replace(gate, since=_reached_at(needed, others, words) if gate.is_open else since)


def _reached_at(needed: Needed, people: People, words: Iterable[Approval]) -> datetime | None:
    """When the last approval came that it took."""
    so_far: dict[int, Collection[str]] = {}
    for word in in_order(words):
        if word.by_id in people:
            so_far[word.by_id] = people[word.by_id]
            if needed.is_reached(so_far):
                return word.created_at
    return None


def people_who_agree(space: Space, words: Iterable[Approval], barred: set[int]) -> People:
    """Whose approvals count today, with their groups where the policy needs some of each."""
    found = {}
    for word in in_order(words):
        rights = Rights(word.by)
        if word.by_id not in barred and counts_today(word, space, rights):
            found[word.by_id] = rights.groups if needed_in(space).per_group else frozenset()
    return found


def fills_a_place(rights: Rights, snapshot: Snapshot) -> bool:
    """Would one more yes, this person's, leave less to come? True where no group has places of its own."""
    needed, order = needed_in(snapshot.space), snapshot.order
    if not needed.per_group:
        return True
    given = people_who_agree(snapshot.space, selectors.approvals_in_force(snapshot), makers_of(order))
    return needed.is_helped_by(rights.groups, given)


def in_order(words: Iterable[Approval]) -> list[Approval]:
    """As they were given: who came first keeps the first group that has a place."""
    return sorted(words, key=lambda word: word.pk)


def _but(people: People, deployer: User | None) -> People:
    return {pk: groups for pk, groups in people.items() if deployer is None or pk != deployer.pk}


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


def _approver_deploys(space: Space, deployer: User, makers: set[int], since: datetime) -> Gate:
    """It is approved, by the very person who would deploy it: no approval is missing, but another person."""
    left = _deployers_but(space, {deployer.pk, *makers})
    message = _(
        "Four eyes: %(who)s approved it, and people who approve an order do not deploy it here.",
        who=deployer.localized_name,
    )
    who = localized_names(left) if left else who_may("manage_members", space=space)
    return Gate("approved", False, message, who, since)


def deployers_left(order: ReleaseOrder, space: Space, barred: set[int]) -> list[str]:
    """Names of those who may deploy the order there, without ``barred`` and whom four eyes bar."""
    return _deployers_but(space, barred | (makers_of(order) if space.four_eyes else set()))


def nobody_deploys_after(person: User, snapshot: Snapshot) -> MessageLike:
    """Why this person had better not be the one to approve: nobody else would be left to deploy; empty otherwise."""
    order, space = snapshot.order, snapshot.space
    said = {word.by_id for word in selectors.approvals_in_force(snapshot)}
    if deployers_left(order, space, said | {person.pk}) or not deployers_left(order, space, said):
        return ""
    others = _approvers_but(space, makers_of(order) | said | {person.pk})
    if others:
        who = localized_names(person.shown_name for person in others)
        return _("If you approve, nobody is left to deploy it: let %(who)s approve, and deploy it yourself.", who=who)
    return _(
        "If you approve, nobody is left to deploy it: %(who)s can give one more person the role.",
        who=who_may("manage_members", space=space),
    )


def _deployers_but(space: Space, barred: set[int]) -> list[str]:
    """Names of those who may deploy there, without some people."""
    return [person.shown_name for person in people_who_may("deploy", space=space) if person.pk not in barred]


@dataclass(frozen=True)
class _Agreed:
    """Whose approvals count towards what is needed, in words too."""

    needed: Needed
    people: People
    names: Mapping[int, object]

    @property
    def words(self) -> MessageLike:
        """How many of how many; where groups count, which one each counts for and what is missing."""
        missing = [f"{slug} ({count})" for slug, count in self.needed.missing(self.people).items()]
        numbers = {
            "given": len(self.people), "needed": self.needed.approvals, "missing": missing, "whom": self._placed()
        }  # fmt: skip
        if missing and numbers["whom"]:
            return _("%(given)s of %(needed)s approvals: %(whom)s; missing of %(missing)s.", **numbers)
        if missing:
            return _("%(given)s of %(needed)s approvals; missing of %(missing)s.", **numbers)
        if numbers["whom"]:
            return _("%(given)s of %(needed)s approvals: %(whom)s.", **numbers)
        return _("%(given)s of %(needed)s approvals.", given=len(self.people), needed=self.needed.approvals)

    def _placed(self) -> list[Message]:
        found = self.needed.counted_for(self.people)
        return [_("%(who)s for %(group)s", who=self.names[pk], group=slug) for pk, slug in found.items()]


def _enough(space: Space, agreed: _Agreed, barred: set[int]) -> Gate:
    """Enough approvals, or who can still give one; a team that is too small is told so, not left to wait.

    ``barred``: ids of who may not approve this order, with any role.
    """
    needed, people = agreed.needed, agreed.people
    if needed.is_reached(people):
        return Gate("approved", True, agreed.words)
    left = _approvers_but(space, barred | people.keys())
    groups = groups_of(space, [person.pk for person in left])
    if not needed.is_reached({**people, **groups}):
        return _nobody_left(space, agreed, {**people, **groups})
    helping = [person.shown_name for person in left if needed.is_helped_by(groups[person.pk], people)]
    return Gate("approved", False, agreed.words, localized_names(helping))


def _nobody_left(space: Space, agreed: _Agreed, everybody: People) -> Gate:
    """All who could approve are too few: who could add people is asked."""
    numbers = {"given": len(agreed.people), "needed": agreed.needed.approvals}
    if missing := list(agreed.needed.missing(everybody)):
        message = _(
            "Nobody who may approve it is left in %(names)s (%(given)s of %(needed)s approvals). A person counts for "
            "one group only.",
            **numbers,
            names=missing,
        )
        return Gate("approved", False, message, who_may("manage_people"))
    message = _(
        "Nobody is left who may approve it (%(given)s of %(needed)s approvals): people who created, built or "
        "deploy an order do not approve it. Give one more person the role here.",
        **numbers,
    )
    return Gate("approved", False, message, who_may("manage_members", space=space))


def fair_approvers(order: ReleaseOrder, space: Space, *, but: int | None = None) -> str:
    """Whom to ask for an approval of this order: nobody who created or built it; failing them, who can add people."""
    left = _approvers_but(space, makers_of(order) | ({but} if but else set()))
    names = [person.shown_name for person in left]
    return localized_names(names) if names else who_may("manage_members", space=space)


def _approvers_but(space: Space, barred: set[int]) -> list[User]:
    """Those who may approve there, without some people."""
    return [person for person in approvers_in(space) if person.pk not in barred]


def makers_of(order: ReleaseOrder) -> set[int]:
    """Ids of the author and of who built it: four eyes bar them from approving it, administrators included."""
    return {order.author_id, *selectors.builders_of(order)}


def four_eyes_gates(order: ReleaseOrder, space: Space, deployer: User | None) -> list[Gate]:
    """Who created or built an order does not deploy it; empty where the space does not ask for it."""
    if not space.four_eyes or deployer is None:
        return []
    makers = makers_of(order)
    if deployer.pk in makers:
        others, since = _deployers_but(space, makers), made_since(order, deployer)
        if others:
            message = _("Four eyes: people who created or built an order do not deploy it here.")
            return [Gate("four-eyes", False, message, localized_names(others), since)]
        message = _(
            "Four eyes: people who created or built an order do not deploy it here. Nobody else may deploy here: give "
            "one more person the role."
        )
        return [Gate("four-eyes", False, message, who_may("manage_members", space=space), since)]
    return [Gate("four-eyes", True, _("Four eyes are kept."))]
