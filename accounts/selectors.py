"""Reads of the accounts app."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Project, Token, User
from accounts.role_lookup import HeldRole, projects_of, roles_of
from foundation.installation import is_demo
from foundation.problems import Missing


@dataclass(frozen=True)
class Someone:
    """A person and the roles in force."""

    person: User
    roles: list[HeldRole]


def demo_people() -> list[Someone]:
    """Everybody who may sign in, with roles, most able last; empty outside of demo data."""
    if not is_demo():
        return []
    people = list(User.objects.filter(is_active=True).order_by("pk")[:50])
    held = roles_of(people)
    return [Someone(person, held.get(person.pk, [])) for person in people]


def own_tokens(user: User) -> QuerySet[Token]:
    """The person's tokens that still work; for a token bound to a project only those of that project."""
    alive: QuerySet[Token] = Token.objects.filter(Q(expiry=None) | Q(expiry__gt=timezone.now()), user=user)
    if user.only_project_id is not None:
        alive = alive.filter(project_id=user.only_project_id)
    return alive.select_related("project")


def own_token(user: User, key: str) -> Token:
    """One of the person's own tokens by its public beginning; raises Missing."""
    token = own_tokens(user).filter(token_key=key).first()
    if token is None:
        raise Missing
    return token


def own_project(user: User, slug: str) -> Project:
    """A project that the person sees; raises Missing for any other."""
    project = projects_of(user).filter(slug=slug).first()
    if project is None:
        raise Missing
    return project
