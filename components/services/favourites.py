"""Putting components first. Everybody's own; nobody else sees or changes it."""

from __future__ import annotations

from accounts.models import User
from components.models import Component, Favourite
from components.selectors import find_component
from environments.access import require


def add_favourite(*, actor: User, component: Component) -> None:
    """From now on it stands first in the person's lists; a second time changes nothing."""
    require(actor, "see", project_id=component.project_id)
    Favourite.objects.get_or_create(person=actor, component=component)


def remove_favourite(*, actor: User, project: str, slug: str) -> None:
    """It stands where it would. Raises Missing.

    A row that one made oneself goes where its component is seen no more as well; a token ends at its project.
    """
    own = Favourite.objects.filter(person=actor, component__project__slug=project, component__slug=slug.lower())
    if actor.only_project_id is not None:
        own = own.filter(component__project=actor.only_project_id)
    if not own.delete()[0]:
        find_component(actor, project, slug)
