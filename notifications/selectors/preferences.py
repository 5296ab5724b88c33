"""What a person has chosen to be told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from environments.access import visible_to
from foundation.runs.choices import RunState
from notifications.models import Mail, Mute, Preferences
from releases.models import Mention, ReleaseOrder, Watch

MOST_FAILED = 5


def preferences_of(person: User) -> Preferences:
    """The person's, or what holds for who has chosen nothing."""
    return Preferences.objects.filter(person=person).first() or Preferences(person=person)


def preferences_by_person(people: Collection[int]) -> dict[int, Preferences]:
    """Of each of them, in one query."""
    found = Preferences.objects.in_bulk(list(people))
    return {pk: found.get(pk) or Preferences(person_id=pk) for pk in people}


def mutes_of(people: Collection[int], orders: Collection[int]) -> set[tuple[int, int]]:
    """(person, order) where that person is told nothing of that order."""
    rows = Mute.objects.filter(person__in=list(people), order__in=list(orders)).order_by()
    return set(rows.values_list("person_id", "order_id"))


def own_mutes(person: User) -> QuerySet[Mute]:
    """The orders that the person has muted and sees today, the last one first."""
    rows = Mute.objects.filter(visible_to(person, field="order__project_id"), person=person)
    return rows.select_related("order__component", "order__project").order_by("-pk")


def failed_mails(person: User) -> QuerySet[Mail]:
    """The newest mails to the person that were given up, by the mail's own rules or by the engine."""
    rows = Mail.objects.filter(person=person, state__in=[RunState.FAILED, RunState.ERRORED])
    return rows.order_by("-pk")[:MOST_FAILED]


def own_watches(person: User) -> QuerySet[Watch]:
    """The orders that the person watches and sees today, the last one first."""
    rows = Watch.objects.filter(visible_to(person, field="order__project_id"), person=person)
    return rows.select_related("order__component", "order__project").order_by("-pk")


def watchers_of(order: ReleaseOrder) -> list[User]:
    """Those who are told what happens to it as its author is."""
    watching = Watch.objects.filter(order=order).order_by().values("person")
    return list(User.objects.filter(pk__in=watching, is_active=True).order_by("pk"))


@dataclass(frozen=True)
class Hearing:
    """Whether one person is told nothing of an order, or all that its author is told; and is named in it, unread."""

    is_muted: bool
    is_watched: bool
    is_mentioned: bool


def hearing_of(person: User, order: ReleaseOrder) -> Hearing:
    """All in one query."""
    own = {"person": person, "order": OuterRef("pk")}
    rows = ReleaseOrder.objects.filter(pk=order.pk).order_by()
    unread = Mention.objects.filter(**own, read_at=None)
    asked = (Exists(one) for one in (Mute.objects.filter(**own), Watch.objects.filter(**own), unread))
    found = rows.values_list(*asked).first()
    return Hearing(*found) if found else Hearing(False, False, False)
