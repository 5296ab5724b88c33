"""What stands on the calendar, from the rows of each kind: one query a kind, however many there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Count, F, Q
from django.db.models.functions import Coalesce, TruncDate
from django.urls import reverse

from accounts.models import User
from components.naming import short_code
from desk.calendar.wanted import KINDS
from environments import freezes
from environments.access import Rights
from environments.choices import FreezeKind
from environments.models import Freeze, Space
from environments.windows import Span
from foundation.messages import MessageLike
from foundation.runs.choices import ACTIVE, TERMINAL, RunState
from releases import holds
from releases.choices import DeploymentKind
from releases.feed import with_names
from releases.gate import Gate, first_closed
from releases.models import BreakGlass, Deployment, GoWord, Hold, Schedule
from releases.presenters.acts import panel_url
from releases.presenters.freezes import PLANNED, ShownFreeze
from releases.presenters.holds import STANDS, state_of
from releases.presenters.holds import WORDS as HOLD_WORDS
from releases.presenters.schedules import SIGNS, STATES, WORDS, why_of
from releases.schedules import rows as schedules
from trains.choices import SIGNS as TRAIN_SIGNS
from trains.models import Train
from trains.selectors import trains_visible_to
from trains.standing import Member

MOST, MOST_OF_A_DAY = 500, 50
"""So many of a kind are read for a month, and so many that ended are shown of the chosen day."""
ICONS = {
    "freeze": "snowflake", "window": "calendar", "hold": "hand", "schedule": "clock", "train": "stack",
    "deployment": "rocket", "break-glass": "alert",
}  # fmt: skip
TONES = {"freeze": "blocked", "window": "running", "hold": "blocked", "break-glass": "blocked"}


@dataclass(frozen=True)
class SaidMember:
    """One order of a train with what people say of it."""

    member: Member
    words: list[GoWord]


@dataclass(frozen=True)
class Item:
    """One thing, from a moment to another (the same for what is of one moment)."""

    kind: str
    begins_at: datetime
    ends_at: datetime
    name: str
    url: str
    who: User | None = None
    where: MessageLike = ""
    """In words, where it is not one ``space``."""
    space: Space | None = None
    sign: str = ""
    word: MessageLike = ""
    """Its state as a badge; both empty where it has none."""
    detail: MessageLike = ""
    order: str = ""
    """The number of the order, where it is of one."""
    code: str = ""
    """The order's short name."""
    is_daily: bool = False
    """A freeze that comes again on many days: the day's line tells it, and no label."""
    row: Schedule | Train | None = None
    gates: list[Gate] = field(default_factory=list)
    """What holds or is missing of what is still to come, as of its time; asked for the chosen day alone."""
    members: list[SaidMember] = field(default_factory=list)
    """The orders of a train that goes on; asked for the chosen day alone."""
    words: list[GoWord] = field(default_factory=list)
    """Go and no-go of people, of what is scheduled; read for the chosen day alone."""
    may_say: bool = False
    """It is still to come, and this person may say theirs."""

    @property
    def icon(self) -> str:
        return ICONS[self.kind]

    @property
    def kind_word(self) -> MessageLike:
        return KINDS[self.kind]

    @property
    def label(self) -> str:
        """What a cell calls it: a component by its short code, a hold of a whole space by its environment."""
        if not self.space or self.kind not in ("hold", "schedule", "break-glass"):
            return self.name
        return short_code(self.name, self.space.project.slug) if self.name else self.space.environment.label

    @property
    def tone(self) -> str:
        """The colour of its label; empty: none of its own."""
        return TONES.get(self.kind, "")

    @property
    def closed(self) -> Gate | None:
        """What would stop it then."""
        return first_closed(self.gates)

    def touches(self, since: datetime, until: datetime) -> bool:
        """Whether something of it is between these two moments."""
        return self.begins_at < until and (self.ends_at > since or self.begins_at >= since)


# ---------------------------------------------------------------- freezes and release windows
def frozen_items(
    rights: Rights, spaces: Collection[Space], since: datetime, until: datetime, *, is_narrowed: bool
) -> Iterator[Item]:
    """Freezes and release windows with each span of theirs while they counted; ``is_narrowed``: over those spaces."""
    found = freezes.visible_freezes(rights.user, rights=rights).filter(made_at__lt=until)
    found = found.filter(Q(ended_at=None) | Q(ended_at__gt=since))
    found = found.exclude(Q(kind=FreezeKind.ONCE) & (Q(ends_at__lte=since) | Q(begins_at__gte=until)))
    for row in found[:MOST]:
        if is_narrowed and not any(row.is_over(space) for space in spaces):
            continue
        for span in row.window.spans(since, until):
            if counted := _while_it_counted(row, span):
                yield _of_freeze(row, counted)


def _while_it_counted(row: Freeze, span: Span) -> Span | None:
    """What is left of a span of a row that was made in it, or ended before its time; None for nothing."""
    begins_at = max(span.begins_at, row.made_at)
    ends_at = min(span.ends_at, row.ended_at or span.ends_at)
    return Span(begins_at, ends_at) if begins_at < ends_at else None


def _of_freeze(row: Freeze, span: Span) -> Item:
    kind = "window" if row.is_window else "freeze"
    return Item(
        kind, span.begins_at, span.ends_at, row.name, reverse("releases:freeze", args=[row.pk]), row.made_by,
        "" if row.space else ShownFreeze(row, PLANNED).where, row.space, detail=row.reason,
        is_daily=kind == "freeze" and row.kind != FreezeKind.ONCE,
    )  # fmt: skip


# ---------------------------------------------------------------- holds, break-glass
def held_items(space_ids: Collection[int], since: datetime, until: datetime, now: datetime) -> Iterator[Item]:
    """Holds that stood or stand in that time."""
    found = holds.rows().filter(space__in=space_ids, held_at__lt=until)
    found = found.filter(Q(ended_at__gt=since) | Q(ended_at=None, ends_at__gt=since))
    for row in found.order_by("held_at", "pk")[:MOST]:
        yield _of_hold(row, now)


def _of_hold(row: Hold, now: datetime) -> Item:
    state = state_of(row, now)
    return Item(
        "hold", row.held_at, row.ended_at or row.ends_at, row.component.name if row.component else "",
        reverse("releases:lift-hold", args=[row.pk]), row.held_by, "", row.space,
        "blocked" if state == STANDS else "cancelled", HOLD_WORDS[state], row.reason,
    )  # fmt: skip


def opened_items(space_ids: Collection[int], since: datetime, until: datetime) -> Iterator[Item]:
    """Each break-glass that was opened in that time."""
    found = BreakGlass.objects.filter(space__in=space_ids, opened_at__gte=since, opened_at__lt=until)
    parts = ("order__component", "order__project", "space__project", "space__environment", "opened_by")
    for row in found.select_related(*parts).order_by("opened_at", "pk")[:MOST]:
        ends_at = row.ended_at or row.expired_at or row.ends_at
        yield Item(
            "break-glass", row.opened_at, ends_at, row.order.component.name,
            reverse("releases:break-glass", args=[row.pk]), row.opened_by, "", row.space, detail=row.reason,
            order=row.order.number, code=row.order.short_name,
        )  # fmt: skip


# ---------------------------------------------------------------- what is to come, and what happened
def scheduled_items(space_ids: Collection[int], since: datetime, until: datetime) -> Iterator[Item]:
    """Scheduled deployments of that time, with what became of them."""
    found = schedules().filter(space__in=space_ids, due_at__gte=since, due_at__lt=until).order_by("due_at", "pk")
    for row in found[:MOST]:
        state = STATES[row.state]
        yield Item(
            "schedule", row.due_at, row.due_at, row.order.component.name,
            panel_url(row.order.number, row.space.environment.slug), row.asked_by, "", row.space, SIGNS[state],
            WORDS[state], why_of(row), row.order.number, row.order.short_name, row=row,
        )  # fmt: skip


def train_items(
    rights: Rights, space_ids: Collection[int], since: datetime, until: datetime, now: datetime
) -> Iterator[Item]:
    """Release trains from their start to their end; a draft stands where it was made."""
    found = trains_visible_to(rights).filter(space__in=space_ids)
    found = found.annotate(from_at=Coalesce(F("started_at"), F("created_at"))).filter(from_at__lt=until)
    found = found.filter(Q(from_at__gte=since) | Q(ended_at__gt=since) | Q(ended_at=None, started_at__isnull=False))
    for row in found.order_by("from_at", "pk")[:MOST]:
        begins_at = row.started_at or row.created_at
        # One that goes on is on each day until today, and on none that has not come.
        goes_on_until = max(begins_at, now) if row.started_at else begins_at
        yield Item(
            "train", begins_at, row.ended_at or goes_on_until, row.name, reverse("trains:train", args=[row.pk]),
            row.started_by or row.created_by, "", row.space, TRAIN_SIGNS[row.state],
            row.get_state_display(), f"{getattr(row, 'over')}/{getattr(row, 'count')}", row=row,  # noqa: B009 - of the query
        )  # fmt: skip


def deployed_items(space_ids: Collection[int], since: datetime, until: datetime) -> list[Item]:
    """What ended in that time, and what began in it and goes on; the first first, one more than are shown."""
    ended = Q(state__in=sorted(TERMINAL), finished_at__gte=since, finished_at__lt=until)
    goes_on = Q(state__in=sorted(ACTIVE), created_at__gte=since, created_at__lt=until)
    found = with_names(Deployment.objects.filter(ended | goes_on, space__in=space_ids))
    rows = found.select_related("order", "component__project", "space__environment", "space__project", "deployed_by")
    return [_of_deployment(row) for row in rows.order_by("created_at", "pk")[: MOST_OF_A_DAY + 1]]


def _of_deployment(row: Deployment) -> Item:
    at = row.finished_at or row.created_at
    return Item(
        "deployment", at, at, row.component.name, reverse("releases:rollout", args=[row.pk]), row.deployed_by, "",
        row.space, row.state, row.get_state_display(), DeploymentKind(row.kind).label, row.order.number,
        row.order.short_name,
    )  # fmt: skip


def ended_by_day(space_ids: Collection[int], since: datetime, until: datetime) -> dict[date, tuple[int, int]]:
    """How many deployments succeeded and how many did not, by day in the reader's zone: one query."""
    bad = [RunState.FAILED, RunState.ERRORED]
    found = Deployment.objects.filter(
        state__in=[RunState.SUCCEEDED, *bad], finished_at__gte=since, finished_at__lt=until, space__in=space_ids
    )
    by_day = found.order_by().annotate(on=TruncDate("finished_at")).values("on")
    counted = by_day.annotate(
        good=Count("pk", filter=Q(state=RunState.SUCCEEDED)), bad=Count("pk", filter=Q(state__in=bad))
    )
    return {on: (good, bad) for on, good, bad in counted.values_list("on", "good", "bad")}


def in_time(found: Iterable[Item]) -> list[Item]:
    """By when they begin; what lasts stands before what is of one moment."""
    return sorted(found, key=lambda item: (item.begins_at, item.kind not in TONES))
