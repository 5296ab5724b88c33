"""Which memberships count now and whose they are: a person's own, and those of the groups that the person is in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Now

from accounts.models import User
from environments.models import GroupMember, Membership

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Holder(TypedDict):
        holder_id: int

    HeldRow = WithAnnotations[Membership, _Holder]
    """A membership with one of the people who hold it: the person, or somebody of the group."""


def in_force() -> Q:
    """Memberships that count at this moment of the database, which all hosts share."""
    return (Q(starts_at=None) | Q(starts_at__lte=Now())) & not_over()


def not_over() -> Q:
    """Memberships that count now or will."""
    return Q(ends_at=None) | Q(ends_at__gt=Now())


def of_person(user: User | int) -> Q:
    """Memberships of this person, however many groups there are in one query."""
    return Q(user=user) | Q(group__in=GroupMember.objects.filter(user=user).values("group"))


def held_by(users: Iterable[User]) -> QuerySet[HeldRow]:
    """Memberships of these people, in force or not: a row for each who holds it, named by its ``holder_id``."""
    people = [user.pk for user in users]
    groups = GroupMember.objects.filter(user__in=people).values("group")
    rows = Membership.objects.filter(Q(user__in=people) | Q(group__in=groups))
    return each_holder(rows).filter(holder_id__in=people)


def each_holder(rows: QuerySet[Membership]) -> QuerySet[HeldRow]:
    """The rows, one of a group once for each person in it, with ``holder_id``; one of an empty group not at all."""
    return rows.annotate(holder_id=Coalesce("user", "group__members__user")).exclude(holder_id=None)


def holders(rows: QuerySet[Membership]) -> QuerySet[User]:
    """The people who hold these memberships, each once, by user name."""
    in_groups = GroupMember.objects.filter(group__in=rows.order_by().values("group"))
    return User.objects.filter(Q(pk__in=rows.order_by().values("user")) | Q(pk__in=in_groups.values("user")))
