"""A person's favourite components, in lists of components."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from components.models import Component, Favourite

MOST_FIRST = 50
"""So many favourites stand before the other components of a list."""


def with_stars(rows: QuerySet[Component], person: User) -> QuerySet[Component]:
    """The same components with ``is_favourite``, in no further query."""
    return rows.annotate(is_favourite=Exists(Favourite.objects.filter(person=person, component=OuterRef("pk"))))


def only_favourites(rows: QuerySet[Component], person: User) -> QuerySet[Component]:
    """Those among them that the person has put first."""
    return rows.filter(pk__in=Favourite.objects.filter(person=person).order_by().values("component"))


def favourites_first(rows: QuerySet[Component], person: User) -> tuple[list[Component], QuerySet[Component]]:
    """The person's favourites among the rows by name, ``MOST_FIRST`` at most, and the rows that are not these."""
    first = list(only_favourites(rows, person).order_by("name", "pk")[:MOST_FIRST])
    return first, rows.exclude(pk__in=[row.pk for row in first])
