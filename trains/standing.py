"""Where each order of a train stands, what it waits for and who can clear it: the gates' answers, for all at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.urls import reverse

from environments.access import Rights, names_who_may
from environments.models import Space
from environments.needed import needed_in
from foundation.messages import MessageLike, localized_names
from foundation.messages import message as _
from releases import gates, selectors
from releases.choices import OrderState
from releases.models import ReleaseOrder
from releases.presenters.acts import panel_url
from releases.presenters.schedules import ready_word
from releases.schedules import due_times
from releases.waiting import read_ahead_of_promotions
from releases.waiting.reviewed import Reviewed, reviewed_orders
from trains.choices import ENDED, OVER, MemberState
from trains.models import Train, TrainOrder
from trains.selectors import is_held, open_wave

_BUILD: dict[str, tuple[str, MessageLike]] = {
    OrderState.CREATED: ("waiting", _("waits for its build")),
    OrderState.BUILDING: ("running", _("is being built")),
    OrderState.BUILD_FAILED: ("failed", _("build failed")),
    OrderState.CLOSED: ("cancelled", _("closed")),
}
_MEMBER: dict[str, tuple[str, MessageLike]] = {
    MemberState.SUCCEEDED: ("succeeded", _("succeeded")),
    MemberState.FAILED: ("failed", _("failed")),
    MemberState.SKIPPED: ("cancelled", _("skipped")),
}


@dataclass(frozen=True)
class Standing:
    """``state``: the one that icon and colour are taken from; ``who`` can clear it."""

    state: str
    word: MessageLike
    why: MessageLike = ""
    who: MessageLike = ""
    url: str = ""
    is_for_viewer: bool = False
    """It waits for an approval that this person may give."""


@dataclass(frozen=True)
class Member:
    """One order of a train as a page and the API show it."""

    row: TrainOrder
    standing: Standing
    is_to_come: bool
    """Its wave has not begun: it may still leave the train."""

    @property
    def code(self) -> str:
        """The component as people call it."""
        return self.row.code

    @property
    def waits_for(self) -> str:
        """The component of its wave that it waits for; empty without one."""
        return self.row.waits_for.code if self.row.waits_for else ""

    @property
    def may_skip(self) -> bool:
        """The table of moves lets it."""
        return self.row.state in (MemberState.WAITING, MemberState.FAILED)

    @property
    def may_retry(self) -> bool:
        """It failed."""
        return self.row.state == MemberState.FAILED


def standings(rights: Rights, train: Train, members: Sequence[TrainOrder]) -> list[Member]:
    """The same number of queries for any number of orders; a deployment there is under way adds none."""
    for row in members:
        row.train = train
    stand = _Stand(rights, train, members)
    wave = open_wave(members)
    found = []
    for row in members:
        is_to_come = train.state == "draft" or (train.state not in ENDED and row.wave > wave)
        found.append(Member(row, stand.of(row), is_to_come))
    return found


class _Stand:
    def __init__(self, rights: Rights, train: Train, members: Sequence[TrainOrder]) -> None:
        self.rights, self.train, self.members = rights, train, members
        waiting = [row.order for row in members if row.state == MemberState.WAITING and row.order.image_digest]
        spaces = [space for space in rights.spaces if space.project_id == train.space.project_id]
        self.space: Space = next((one for one in spaces if one.pk == train.space_id), train.space)
        if self.space in spaces:
            read_ahead_of_promotions(waiting, spaces)
        self.reviewed = reviewed_orders(waiting, self.space) if waiting else {}
        self.due = due_times(waiting, self.space)

    def of(self, row: TrainOrder) -> Standing:
        """One order."""
        url = panel_url(row.order.number, self.space.environment.slug)
        if row.state == MemberState.DEPLOYING:
            return _deploying(row)
        if row.state in _MEMBER:
            state, word = _MEMBER[row.state]
            link = reverse("releases:rollout", args=[row.deployment_id]) if row.deployment_id else url
            return Standing(state, word, row.reason or row.note, "", link)
        if not row.order.image_digest:
            state, word = _BUILD.get(row.order.state, _BUILD[OrderState.CREATED])
            return Standing(state, word, row.note, "", panel_url(row.order.number, "build"))
        held = self._held(row, url)
        return held or self._at_the_gates(row.order, url)

    def _held(self, row: TrainOrder, url: str) -> Standing | None:
        """Something of the train comes first; its gates are shown besides, so that people can clear them in time."""
        wave = open_wave(self.members)
        if row.wave > wave:
            first: MessageLike = _("after wave %(n)s", n=row.wave - 1)
        elif is_held(row, self.members) and row.waits_for is not None:
            first = _("waits for %(name)s", name=row.waits_for.order.component.name)
        else:
            return None
        closed = self._at_the_gates(row.order, url)
        return Standing("waiting", first, url=url) if closed.state == "passed" else closed

    def _at_the_gates(self, order: ReleaseOrder, url: str) -> Standing:
        if selectors.current_promotion(order, self.space) is None:
            return self._unpromoted(order, url)
        review = reverse("releases:review", args=[order.number, self.space.environment.slug])
        found = self.reviewed.get(order.pk)
        if self.space.asks_review and (found is None or found.is_running):
            return Standing("waiting", _("is being reviewed"), url=review)
        if found is not None and found.has_problems:
            return Standing("blocked", _("the review found problems"), url=review)
        return self._decided(order, found, review)

    def _unpromoted(self, order: ReleaseOrder, url: str) -> Standing:
        closed = gates.first_closed(gates.promotion_gates(order, self.space))
        if closed is not None:
            return Standing("blocked", closed.title, closed.message, closed.who, url)
        names = [order.author.shown_name] if self.space.creators_may_promote else []
        who = localized_names(dict.fromkeys([*names, *self._promoters]))
        return Standing("waiting", _("waits for promotion"), "", who, url)

    def _decided(self, order: ReleaseOrder, found: Reviewed | None, url: str) -> Standing:
        consent = found.decision.consent if found and found.decision else None
        needed = needed_in(self.space)
        if consent is not None and consent.no is not None:
            return Standing("blocked", _("rejected"), consent.no.comment, consent.no.by.shown_name, url)
        given = len(consent.given) if consent else 0
        if given < needed.approvals:
            why = _("%(given)s of %(needed)s approvals.", given=given, needed=needed.approvals)
            is_own = bool(self._may_approve and found and found.decision and found.decision.lacks(self.rights, needed))
            return Standing("waiting", _("waits for approval"), why, self._approvers, url, is_own)
        return Standing("passed", ready_word(self.due.get(order.pk)), url=url)

    @cached_property
    def _promoters(self) -> list[str]:
        return names_who_may("promote", space=self.space)

    @cached_property
    def _may_approve(self) -> bool:
        return self.rights.can("approve", space=self.space)

    @cached_property
    def _approvers(self) -> str:
        return localized_names(names_who_may("approve", space=self.space))


def _deploying(row: TrainOrder) -> Standing:
    deployment = row.deployment or (row.turn.deployment if row.turn else None)
    if deployment is None:
        return Standing(
            "waiting", _("waits its turn"), url=panel_url(row.order.number, row.train.space.environment.slug)
        )
    url = reverse("releases:rollout", args=[deployment.pk])
    return Standing("running", _("is being deployed"), deployment.message, "", url)


def over(members: Sequence[TrainOrder]) -> int:
    """How many succeeded or were skipped."""
    return sum(row.state in OVER for row in members)
