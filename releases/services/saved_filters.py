"""Keeping filters of the list of orders. Everybody's own; nobody else sees or changes it."""

from __future__ import annotations

from django.db import transaction
from django.http import QueryDict

from accounts.models import User
from foundation.messages import message as _
from foundation.problems import Invalid, Missing
from releases.filtering import normal_query
from releases.models import SavedFilter

MOST = 20
LONGEST = 40


def saved_filters(person: User) -> list[SavedFilter]:
    """The person's, by name."""
    return list(SavedFilter.objects.filter(person=person))


@transaction.atomic
def save_filter(*, actor: User, name: str, query: str) -> SavedFilter:
    """Keeps what the list's address says under a name. Raises Invalid."""
    _lock(actor)
    kept = normal_query(QueryDict(query))
    if not kept:
        raise Invalid({"query": [_("Choose a filter first: this one shows all orders.")]})
    name = _free_name(actor, name)
    if SavedFilter.objects.filter(person=actor).count() >= MOST:
        raise Invalid({"name": [_("You have %(count)s filters: delete one first.", count=MOST)]})
    return SavedFilter.objects.create(person=actor, name=name, query=kept)


@transaction.atomic
def rename_filter(*, actor: User, pk: int, name: str) -> SavedFilter:
    """Raises Missing, also for another person's, and Invalid."""
    _lock(actor)
    row = SavedFilter.objects.filter(person=actor, pk=pk).first()
    if row is None:
        raise Missing()
    row.name = _free_name(actor, name, besides=pk)
    row.save(update_fields=["name"])
    return row


def delete_filter(*, actor: User, pk: int) -> None:
    """Raises Missing, also for another person's."""
    if not SavedFilter.objects.filter(person=actor, pk=pk).delete()[0]:
        raise Missing()


def _lock(actor: User) -> None:
    """The person's row: two pages saved at once would pass the limit, or take one name twice."""
    User.objects.select_for_update(no_key=True).get(pk=actor.pk)


def _free_name(actor: User, name: str, *, besides: int = 0) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= LONGEST:
        raise Invalid({"name": [_("Write between 1 and %(most)s characters.", most=LONGEST)]})
    if SavedFilter.objects.filter(person=actor, name=name).exclude(pk=besides).exists():
        raise Invalid({"name": [_("You have a filter of this name.")]})
    return name
