"""A freeze as a page or the API tells it: of what, when, whom it stops, and what this person may do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import pgettext_lazy

from environments import freezes
from environments.access import Rights
from environments.choices import FreezeKind
from environments.models import Freeze, Space
from environments.page_parts import PagePart
from environments.windows import Span
from foundation.clock import db_now
from foundation.messages import MessageLike, localized_list
from foundation.messages import message as _
from releases.presenters.acts import Act, refusal

IN_FORCE, PLANNED, OVER = "in_force", "planned", "over"
WORDS: dict[str, MessageLike] = {
    IN_FORCE: pgettext_lazy("freeze", "in force"),
    PLANNED: pgettext_lazy("freeze", "planned"),
    OVER: pgettext_lazy("freeze", "over"),
}
SIGNS = {IN_FORCE: "blocked", PLANNED: "queued", OVER: "cancelled"}
WINDOW_WORDS: dict[str, MessageLike] = {
    IN_FORCE: pgettext_lazy("release window", "open"),
    PLANNED: pgettext_lazy("release window", "shut"),
    OVER: pgettext_lazy("release window", "over"),
}
WINDOW_SIGNS = {IN_FORCE: "succeeded", PLANNED: "blocked", OVER: "cancelled"}
DAYS = (
    pgettext_lazy("weekday", "Mon"), pgettext_lazy("weekday", "Tue"), pgettext_lazy("weekday", "Wed"),
    pgettext_lazy("weekday", "Thu"), pgettext_lazy("weekday", "Fri"), pgettext_lazy("weekday", "Sat"),
    pgettext_lazy("weekday", "Sun"),
)  # fmt: skip
SIGN = "snowflake"
MOST_NEXT = 8


@dataclass(frozen=True)
class ShownFreeze:
    """One, at one moment: ``span`` is the one in force, or else the next."""

    row: Freeze
    state: str
    span: Span | None = None

    @property
    def word(self) -> MessageLike:
        return WINDOW_WORDS[self.state] if self.row.is_window else WORDS[self.state]

    @property
    def sign(self) -> str:
        """The badge of the state."""
        return WINDOW_SIGNS[self.state] if self.row.is_window else SIGNS[self.state]

    @property
    def where(self) -> MessageLike:
        """Of what it is."""
        row = self.row
        if row.space is not None:
            return str(row.space)
        name = row.project.slug.upper() if row.project else _("the whole site")
        return _("%(name)s, production only", name=name) if row.only_production else name

    @property
    def when(self) -> MessageLike:
        """Its days and clocks in words; nothing of one that is once, whose span says it."""
        row = self.row
        if row.kind == FreezeKind.ONCE or row.opens is None or row.closes is None:
            return ""
        clocks = f"{row.opens:%H:%M}–{row.closes:%H:%M} {row.zone}"
        if row.kind == FreezeKind.DATES and row.calendar is not None:
            return _("on the dates of %(name)s, %(clocks)s", name=row.calendar.name, clocks=clocks)
        return f"{localized_list(DAYS[day] for day in row.weekdays)} {clocks}"


def shown(row: Freeze, now: datetime) -> ShownFreeze:
    """As it is at the moment."""
    if row.ended_at is not None:
        return ShownFreeze(row, OVER)
    window = row.window
    if span := window.covering(now):
        return ShownFreeze(row, IN_FORCE, span)
    span = window.next_after(now)
    return ShownFreeze(row, PLANNED if span else OVER, span)


def shown_all(rows: Iterable[Freeze]) -> list[ShownFreeze]:
    """Each at the same moment, in the order given."""
    now = db_now()
    return [shown(row, now) for row in rows]


def next_spans(row: Freeze, now: datetime) -> list[Span]:
    """The first few that are not over."""
    found: list[Span] = []
    span = row.window.covering(now) or row.window.next_after(now)
    while span is not None and len(found) < MOST_NEXT:
        found.append(span)
        span = row.window.next_after(span.begins_at)
    return found


@dataclass(frozen=True)
class SpaceFreezes:
    """Of one space, those in force first, with the way to a new one."""

    found: list[ShownFreeze] = field(default_factory=list)
    add: Act | None = None


def space_panel(space: Space, rights: Rights) -> PagePart:
    """What freezes a space, now or later, for its page."""
    all_rows = freezes.read()
    found = shown_all(row for row in all_rows.found if row.is_over(space))
    live = sorted((one for one in found if one.span is not None), key=lambda one: (one.state != IN_FORCE, one.span))
    url = reverse("releases:new-freeze") + "?" + urlencode({"space": f"{space.project.slug}/{space.environment.slug}"})
    no = refusal(rights, "freeze", project_id=space.project_id)
    return PagePart("releases/_freezes.html", SpaceFreezes(live, Act(_("New freeze"), url, no=no, sign=SIGN)))
