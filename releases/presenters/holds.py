"""A hold as a page or the API tells it: what is held, by whom, until when, whom it stops, and who may lift it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.urls import reverse
from django.utils.translation import pgettext_lazy

from components.models import Component
from components.naming import short_code
from environments.access import Rights
from environments.models import Space
from environments.page_parts import PagePart
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases import holds
from releases.models import Hold, Promotion
from releases.presenters.acts import Act, refusal

STANDS, LIFTED, OVER = "in_force", "lifted", "over"
WORDS: dict[str, MessageLike] = {
    STANDS: pgettext_lazy("hold", "in force"),
    LIFTED: pgettext_lazy("hold", "lifted"),
    OVER: pgettext_lazy("hold", "over"),
}
SIGN = "hand"
MOST_STOPPED = 5
"""So many of the orders that a hold stops are named."""


def state_of(row: Hold, now: datetime | None = None) -> str:
    """As it is at this moment (the database's ``now``, where it was read): its end is stored some seconds after it."""
    if row.ended_by_id is not None:
        return LIFTED
    is_over = row.ended_at is not None or row.ends_at <= (now or db_now()) or not row.held_by.is_active
    return OVER if is_over else STANDS


@dataclass(frozen=True)
class ShownHold:
    """One that stands, as this person sees it. ``stops``: promoted orders that wait because of it."""

    row: Hold
    lift: Act
    stops: list[Promotion] = field(default_factory=list)

    @property
    def what(self) -> str:
        """The component as people call it; empty where it is the whole space."""
        component = self.row.component
        return short_code(component.name, self.row.space.project.slug) if component else ""


@dataclass(frozen=True)
class SpaceHolds:
    """Of one space, the one that ends first first, with the way to a new one."""

    found: list[ShownHold]
    add: Act


def lift_act(row: Hold, rights: Rights) -> Act:
    """The way to the form that lifts it."""
    no = refusal(rights, "lift_hold", space=row.space, owner_id=row.held_by_id)
    return Act(_("Lift the hold"), reverse("releases:lift-hold", args=[row.pk]), no=no)


def hold_act(space: Space, rights: Rights, component: Component | None = None) -> Act:
    """The way to the form that holds it."""
    url = reverse("releases:hold", args=[space.project.slug, space.environment.slug])
    more = f"?component={component.slug}" if component else ""
    return Act(_("Hold"), url + more, no=refusal(rights, "hold", space=space), sign=SIGN)


def shown_holds(rows: Iterable[Hold], rights: Rights) -> list[ShownHold]:
    """Each with whether this viewer may lift it: no query a row."""
    return [ShownHold(row, lift_act(row, rights)) for row in rows]


def with_stopped(rows: Iterable[Hold], rights: Rights) -> list[ShownHold]:
    """The same with the promoted orders that wait for their ends: one query for all."""
    found = list(rows)
    spaces = {row.space_id for row in found}
    waiting = Promotion.objects.filter(space__in=spaces, ended_at=None, deployed_at=None).order_by("created_at", "pk")
    stopped = list(waiting.select_related("order__author")) if found else []
    return [ShownHold(row, lift_act(row, rights), [one for one in stopped if _stops(row, one)]) for row in found]


def _stops(row: Hold, promotion: Promotion) -> bool:
    return row.space_id == promotion.space_id and row.component_id in (None, promotion.component_id)


def space_panel(space: Space, rights: Rights) -> PagePart:
    """What is held in a space, for its page."""
    rows = holds.rows().filter(holds.standing(), space=space).order_by("ends_at", "pk")
    return PagePart("releases/_holds.html", SpaceHolds(with_stopped(rows, rights), hold_act(space, rights)))
