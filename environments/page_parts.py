"""What apps above add to the pages of a space and of a project: this app may not import them, so they name a function
at start.

As with runs, a dotted path is kept and loaded at the first question. An app that is not installed adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    # Apps register before there are models.
    from accounts.models import Project
    from environments.access import Rights
    from environments.models import Space

T = TypeVar("T")


@dataclass(frozen=True)
class PagePart:
    """A template, and what it reads under the name ``part.shown``."""

    template: str
    shown: Any


class PageParts(Generic[T]):
    """Of the pages of one kind of thing."""

    def __init__(self) -> None:
        self._paths: list[str] = []

    def register(self, path: str) -> None:
        """``path`` leads to a function of the thing and a viewer's rights that returns a :class:`PagePart`."""
        if path not in self._paths:
            self._paths.append(path)

    def of(self, thing: T, rights: Rights) -> list[PagePart]:
        """The answers, in the order of registration."""
        asked: list[Callable[[T, Rights], PagePart]] = [import_string(path) for path in self._paths]
        return [ask(thing, rights) for ask in asked]


SPACE: PageParts[Space] = PageParts()
PROJECT: PageParts[Project] = PageParts()
