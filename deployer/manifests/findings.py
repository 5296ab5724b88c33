"""Collecting what is wrong with a manifest, with the path to it, without stopping at the first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployer.errors import Problem
from deployer.interfaces import Manifest
from deployer.sentences import say as _


def is_one_of(value: Any, allowed: frozenset[str] | set[str]) -> bool:
    """Membership for data of any shape (a list or mapping is in no set)."""
    return isinstance(value, str) and value in allowed


class Findings:
    """Problems of one object. Paths read ``Deployment/web .spec.replicas``."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.problems: list[Problem] = []

    def add(self, path: str, message: str) -> None:
        """One problem at a path inside the object."""
        self.problems.append(Problem(f"{self._where} {path}".rstrip(), message))

    def mapping(self, value: Any, path: str) -> Manifest:
        """The value as a mapping; a problem and an empty one when it is something else."""
        if isinstance(value, dict):
            return value
        if value is not None:
            self.add(path, _("This must be a mapping of names to values."))
        return {}

    def items(self, value: Any, path: str) -> Iterator[tuple[str, Manifest]]:
        """Each mapping of a list with its path; a problem for anything else."""
        if not isinstance(value, list):
            if value is not None:
                self.add(path, _("This must be a list."))
            return
        for index, item in enumerate(value):
            item_path = f"{path}[{index}]"
            if isinstance(item, dict):
                yield item_path, item
            else:
                self.add(item_path, _("This must be a mapping of names to values."))

    def only(self, value: Manifest, allowed: frozenset[str], path: str) -> None:
        """A problem for each field that is not in the allow-list."""
        for name in value:
            if name not in allowed:
                self.add(f"{path}.{name}", _("The field %(name)s is not allowed here.", name=name))
