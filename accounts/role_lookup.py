"""What accounts may know of memberships: imports point down, so the app that owns them registers who answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts.models import Project, User


@dataclass(frozen=True)
class HeldRole:
    """One role in force: ``label`` in the reader's language; project and environment slugs are blank for everywhere.

    ``group`` is the short name of the group that holds it; blank for the person's own.
    """

    role: str
    label: str
    project: str
    environment: str
    group: str
    ends_at: datetime | None


@dataclass(frozen=True)
class Lookup:
    """The two questions that the app which owns memberships answers."""

    projects_of: Callable[[User], QuerySet[Project]]
    roles_of: Callable[[Iterable[User]], dict[int, list[HeldRole]]]


_registered: list[Lookup] = []


def register(lookup: Lookup) -> None:
    """Called once, when all apps are loaded, by the app that owns memberships."""
    _registered[:] = [lookup]


def projects_of(user: User) -> QuerySet[Project]:
    """The projects that the person sees."""
    return _registered[0].projects_of(user)


def roles_of(users: Iterable[User]) -> dict[int, list[HeldRole]]:
    """Roles in force by user id; people without any are absent."""
    return _registered[0].roles_of(users)
