"""What a person has chosen to be told."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from accounts.models import User
from environments.access import visible_to
from foundation.runs.choices import RunState
from notifications.models import Mail, Mute, Preferences
from releases.models import ReleaseOrder

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


def is_muted(person: User, order: ReleaseOrder) -> bool:
    """Is this person told nothing of the order?"""
    return Mute.objects.filter(person=person, order=order).exists()
