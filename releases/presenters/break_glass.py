"""A break-glass as a page or the API tells it: in force, over, reviewed, and what this person may do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import pgettext_lazy

from accounts.models import Project
from environments.access import Rights, visible_to
from environments.models import Environment, Space
from environments.page_parts import PagePart
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Refused
from releases import break_glass
from releases.break_glass_filters import IN_FORCE, OVER, REVIEWED, BreakGlassFilters
from releases.gate import Gate
from releases.models import BreakGlass, Deployment, ReleaseOrder
from releases.presenters.acts import Act, explain_url, refusal
from releases.services.break_glass import ensure_openable, ensure_reviewable

WORDS: dict[str, MessageLike] = {
    IN_FORCE: pgettext_lazy("break-glass", "in force"),
    OVER: pgettext_lazy("break-glass", "over, waits for its review"),
    REVIEWED: pgettext_lazy("break-glass", "reviewed"),
}
USES: dict[str, MessageLike] = {
    "yes": pgettext_lazy("break-glass", "deployed under it"),
    "no": pgettext_lazy("break-glass", "nothing deployed"),
}
ENDS: dict[str, MessageLike] = {
    "by_hand": pgettext_lazy("break-glass", "ended early"),
    "expired": pgettext_lazy("break-glass", "expired"),
}
Choice = tuple[str, MessageLike, bool]
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
    def why_over(self) -> MessageLike:
        """Why it ended by itself; empty where a person ended it."""
        return break_glass.why_over(self.row) if self.row.expired_at else ""

    @property
    def over_at(self) -> datetime:
        """When it was over, of those that are."""
        return self.row.ended_at or self.row.expired_at or self.row.ends_at

    @property
    def is_in_force(self) -> bool:
        return self.state == IN_FORCE

    @property
    def deployments(self) -> list[Deployment]:
        """What was deployed on its strength, newest first."""
        return list(break_glass.deployments_under(self.row))

    @property
    def deployed(self) -> int:
        """How many of them, in a list that has counted them."""
        return int(self.row.__dict__.get("deployed", 0))


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


def listed(rows: Iterable[BreakGlass]) -> list[ShownBreakGlass]:
    """Each with its state, for a list that decides nothing: in no further query for those that are told over."""
    return [ShownBreakGlass(row, state_of(row)) for row in rows]


def filter_choices(filters: BreakGlassFilters, rights: Rights) -> dict[str, list[Choice]]:
    """(value, text, is chosen) by filter."""
    seen = Project.objects.filter(visible_to(rights.user, rights=rights, field="pk")).order_by("slug")
    places = Environment.objects.order_by("position", "slug").values_list("slug", flat=True)
    texts: dict[str, Iterable[tuple[str, MessageLike]]] = {
        "project": ((slug, slug.upper()) for slug in seen.values_list("slug", flat=True)),
        "environment": ((slug, slug.upper()) for slug in places),
        "state": WORDS.items(),
        "used": USES.items(),
        "ended": ENDS.items(),
    }
    return {
        name: [(value, text, value == getattr(filters, name)) for value, text in found] for name, found in texts.items()
    }


def space_panel(space: Space, rights: Rights) -> PagePart:
    """What is in force or waits for its review in a space, for its page."""
    return PagePart("releases/_break_glasses.html", shown_rows(break_glass.unreviewed_in(space), rights))


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
