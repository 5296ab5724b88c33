"""Whether anything holds a space: what runs there is known above this app, so that app names a function at start.

As with runs, a dotted path is kept and loaded at the first question.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    # Apps register before there are models.
    from environments.models import Space
    from foundation.messages import MessageLike

_paths: list[str] = []
_running: list[str] = []


def register(path: str) -> None:
    """``path`` leads to a function of a space that says what holds it; empty when nothing does."""
    if path not in _paths:
        _paths.append(path)


def register_under_way(path: str) -> None:
    """``path`` leads to a function of a space that says which deployment runs there; empty when none does."""
    if path not in _running:
        _running.append(path)


def what_is_under_way(space: Space) -> MessageLike:
    """The first answer, inside the caller's transaction; nobody starts a deployment there until it ends."""
    return _first(_running, space)


def what_holds(space: Space) -> MessageLike:
    """The first answer, inside the caller's transaction; empty when the space is free."""
    return _first(_paths, space)


def _first(paths: list[str], space: Space) -> MessageLike:
    for path in paths:
        ask: Callable[[Space], MessageLike] = import_string(path)
        if said := ask(space):
            return said
    return ""
