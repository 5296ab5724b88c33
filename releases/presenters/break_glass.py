"""A break-glass as a page or the API tells it: in force, over, reviewed, and what this person may do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import pgettext_lazy

from environments.access import Rights
from environments.models import Space
from environments.space_panels import SpacePart
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Refused
from releases import break_glass
from releases.gate import Gate
from releases.models import BreakGlass, Deployment, ReleaseOrder
from releases.presenters.acts import Act, explain_url, refusal
from releases.services.break_glass import ensure_openable, ensure_reviewable

IN_FORCE, OVER, REVIEWED = "in_force", "to_review", "reviewed"
WORDS: dict[str, MessageLike] = {
    IN_FORCE: pgettext_lazy("break-glass", "in force"),
    OVER: pgettext_lazy("break-glass", "over, waits for its review"),
    REVIEWED: pgettext_lazy("break-glass", "reviewed"),
}
SIGNS = {IN_FORCE: "blocked", OVER: "queued", REVIEWED: "succeeded"}


def state_of(row: BreakGlass) -> str:
    """In force, over or reviewed, at this moment."""
    if row.reviewed_at is not None:
        return REVIEWED
    return IN_FORCE if break_glass.is_in_force(row) else OVER


@dataclass(frozen=True)
class ShownBreakGlass:
    """One of them as this person sees it; ``why`` is what stands between them and its review."""

    row: BreakGlass
    state: str
    who: str = ""
    may_end: bool = False
    may_review: bool = False
    why: MessageLike = ""
    explain: str = ""

    @property
    def word(self) -> MessageLike:
        return WORDS[self.state]

    @property
    def sign(self) -> str:
        """The badge of the state."""
        return SIGNS[self.state]

    @property
    def is_in_force(self) -> bool:
        return self.state == IN_FORCE

    @property
    def deployments(self) -> list[Deployment]:
        """What was deployed on its strength, newest first."""
        return list(break_glass.deployments_under(self.row))


def shown(row: BreakGlass, rights: Rights) -> ShownBreakGlass:
    """With who reviews it and what this viewer may do."""
    state = state_of(row)
    if state == REVIEWED:
        return ShownBreakGlass(row, state)
    no = refusal(rights, "review_break_glass", space=row.space, order=row.order)
    why = no.why or break_glass.why_not_reviewer(rights.user, row) or _not_yet(row)
    return ShownBreakGlass(
        row, state, break_glass.who_reviews(row), may_end=state == IN_FORCE and not no.why, may_review=not why,
        why=why, explain=explain_url("review_break_glass", row.order, row.space) if why else "",
    )  # fmt: skip


def _not_yet(row: BreakGlass) -> MessageLike:
    try:
        ensure_reviewable(row)
    except Refused as refused:
        return refused.message
    return ""


def shown_rows(rows: Iterable[BreakGlass], rights: Rights) -> list[ShownBreakGlass]:
    """Each of them."""
    return [shown(row, rights) for row in rows]


def space_panel(space: Space, rights: Rights) -> SpacePart:
    """What is in force or waits for its review in a space, for its page."""
    return SpacePart("releases/_break_glasses.html", shown_rows(break_glass.unreviewed_in(space), rights))


def open_act(order: ReleaseOrder, space: Space, rights: Rights, closed: Iterable[Gate]) -> Act | None:
    """The way to the form, for who has the right and where a gate of the flow is closed."""
    if not any(gate.is_flow for gate in closed) or not rights.can("break_glass", space=space):
        return None
    try:
        ensure_openable(order, space, rights.user)
    except Refused:
        return None
    url = reverse("releases:break-glass-open", args=[order.number, space.environment.slug])
    return Act(_("Break-glass"), url, sign="alert")
