"""How far one component's alignment is: to be promoted, to be deployed, or what it waits for and who can clear it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse

from desk.comparison import Line
from desk.comparison.promoting import Onward, onward_of
from environments.access import Rights, names_who_may
from environments.models import Space
from environments.needed import needed_in
from foundation.messages import MessageLike, localized_names
from foundation.messages import message as _
from releases.models import ReleaseOrder
from releases.presenters.acts import panel_url
from releases.presenters.schedules import ready_word
from releases.schedules import due_times
from releases.waiting.decisions import Decision
from releases.waiting.reviewed import reviewed_orders


@dataclass(frozen=True)
class Standing:
    """``state``: promote or deploy (it may be ticked), waits, running, blocked, ask, none; ``value`` for the form."""

    state: str
    word: MessageLike
    why: MessageLike = ""
    who: MessageLike = ""
    url: str = ""
    value: str = ""

    @property
    def may(self) -> bool:
        """It may be ticked."""
        return bool(self.value)

    @property
    def badge(self) -> str:
        """The state that icon and colour are taken from."""
        return {"promote": "passed", "deploy": "passed", "waits": "waiting", "none": "passed"}.get(
            self.state, self.state
        )

    @property
    def sign(self) -> str:
        """Another icon than that state's."""
        return {"ask": "user", "deploy": "promoted"}.get(self.state, "")


def standings_of(rights: Rights, right: Space, lines: Sequence[Line]) -> dict[int, Standing]:
    """By component, of those that serve another order than the sibling: the same queries for any number of them."""
    ahead = [line.sides for line in lines if not line.is_behind and "version" in line.kinds and line.left.serves]
    onward = {line.component.pk: line.onward for line in lines if line.is_behind and line.left.serves}
    onward |= onward_of(rights, right, ahead)
    promoted = [line for line in lines if (one := onward.get(line.component.pk)) and one.state == "promoted"]
    found = _Promoted(rights, right, promoted).standings() if promoted else {}
    return {line.component.pk: found.get(line.component.pk) or _of(line, onward) for line in lines}


def _of(line: Line, onward: dict[int, Onward]) -> Standing:
    one = onward.get(line.component.pk)
    if one is None or one.order is None:
        nothing = _("nothing serves in %(name)s", name=line.left.space.environment.label)
        return Standing("none", "", "" if line.left.serves else nothing)
    if one.may:
        return Standing("promote", _("may be promoted"), "", "", one.url, one.order.number)
    return Standing(one.state, one.word, one.why, one.who, one.url)


class _Promoted:
    """Orders that hold the twin's promotion: what their reviews and approvals say."""

    def __init__(self, rights: Rights, space: Space, lines: Sequence[Line]) -> None:
        self.rights, self.space, self.lines = rights, space, lines
        orders = [line.left.serves.order for line in lines if line.left.serves]
        self.reviewed = reviewed_orders(orders, space)
        self.due = due_times(orders, space)
        self.deploys = rights.can("deploy", space=space)
        self._read: dict[str, str] = {}

    def standings(self) -> dict[int, Standing]:
        return {line.component.pk: self._of(line) for line in self.lines}

    def _of(self, line: Line) -> Standing:
        assert line.left.serves is not None
        order = line.left.serves.order
        url = reverse("releases:review", args=[order.number, self.space.environment.slug])
        attempt = line.right.attempt
        if attempt is not None and attempt.order_id == order.pk and attempt.is_active:
            return Standing("running", _("is being deployed"), url=panel_url(order.number, self.space.environment.slug))
        found = self.reviewed.get(order.pk)
        if found is None or found.is_running:
            return Standing("waits", _("is being reviewed"), url=url)
        decision = found.decision
        if decision is None:
            return Standing("blocked", _("the review found problems"), url=url)
        if decision.consent.is_enough(self.space, self.rights.user):
            return self._reviewed(order, found.snapshot_hash, url)
        return self._not_agreed(decision, url)

    def _reviewed(self, order: ReleaseOrder, snapshot_hash: str, url: str) -> Standing:
        due_at = self.due.get(order.pk)
        word = ready_word(due_at)
        if self.deploys:
            return Standing("deploy", word, "", "", url, f"{order.number}@{snapshot_hash[:12]}")
        if due_at:
            return Standing("waits", word, url=url)
        return Standing("ask", _("Ask %(who)s", who=self._names("deploy")), _("It may be deployed."), url=url)

    def _not_agreed(self, decision: Decision, url: str) -> Standing:
        consent, needed = decision.consent, needed_in(self.space).approvals
        if consent.no is not None:
            return Standing("blocked", _("rejected"), consent.no.comment, consent.no.by.shown_name, url)
        if len(consent.given) >= needed:
            return Standing("blocked", _("four eyes"), _("Somebody else deploys it."), self._names("deploy"), url)
        why = _("%(given)s of %(needed)s approvals.", given=len(consent.given), needed=needed)
        return Standing("waits", _("waits for approval"), why, self._names("approve"), url)

    def _names(self, verb: str) -> str:
        """Read once for a page, however many lines name them."""
        if verb not in self._read:
            self._read[verb] = localized_names(names_who_may(verb, space=self.space))
        return self._read[verb]
