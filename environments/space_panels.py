"""What apps above add to a space's page: this app may not import them, so they name a function at start.

As with runs, a dotted path is kept and loaded at the first question. An app that is not installed adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    # Apps register before there are models.
    from environments.access import Rights
    from environments.models import Space


@dataclass(frozen=True)
class SpacePart:
    """A template, and what it reads under the name ``part.shown``."""

    template: str
    shown: Any


_paths: list[str] = []


def register(path: str) -> None:
    """``path`` leads to a function of a space and a viewer's rights that returns a :class:`SpacePart`."""
    if path not in _paths:
        _paths.append(path)


def parts_of(space: Space, rights: Rights) -> list[SpacePart]:
    """The answers, in the order of registration."""
    asked: list[Callable[[Space, Rights], SpacePart]] = [import_string(path) for path in _paths]
    return [ask(space, rights) for ask in asked]
