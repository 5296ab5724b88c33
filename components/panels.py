"""What apps above add to a component's page: this app may not import them, so they name a function at start.

As with runs, a dotted path is kept and loaded at the first question. An app that is not installed adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    # Apps register before there are models.
    from accounts.models import User
    from components.models import Component

Tell = Callable[["Component", "User"], dict[str, Any]]
TellOfMany = Callable[[Sequence["Component"]], dict[int, Any]]

_paths: dict[str, str] = {}


def register(name: str, path: str) -> None:
    """``path`` leads to a function of a component and a viewer that returns what a template is given."""
    _paths[name] = path


def tell_of_many(name: str, components: Sequence[Component]) -> dict[int, Any]:
    """The same of a page of components, by component id, in a fixed number of queries."""
    if name not in _paths or not components:
        return {}
    say: TellOfMany = import_string(_paths[name])
    return say(components)


def tell(name: str, component: Component, viewer: User) -> dict[str, Any]:
    """The answer of the app that registered for ``name``; empty when none did."""
    if name not in _paths:
        return {}
    say: Tell = import_string(_paths[name])
    return say(component, viewer)
