"""What this room may know of memberships without importing the room above that owns them.

The room above is named by dotted paths, loaded at the first question: imports point down only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils.module_loading import import_string

from accounts.models import Project, User


@dataclass(frozen=True)
class HeldRole:
    """One role in force: ``label`` in the reader's language; project and environment slugs are blank for everywhere."""

    role: str
    label: str
    project: str
    environment: str
    ends_at: datetime | None


_PROJECTS = "environments.access.visible_projects"
_ROLES = "environments.selectors.people.roles_in_force"


def projects_of(user: User) -> QuerySet[Project]:
    """The projects that the person sees."""
    find: Callable[[User], QuerySet[Project]] = import_string(_PROJECTS)
    return find(user)


def roles_of(users: Iterable[User]) -> dict[int, list[HeldRole]]:
    """Roles in force by user id; people without any are absent."""
    find: Callable[[Iterable[User]], dict[int, list[HeldRole]]] = import_string(_ROLES)
    return find(users)
