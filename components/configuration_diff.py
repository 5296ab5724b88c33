"""Configurations of a component side by side: which variable and file is what, where."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from components.history import entry_text, shown_length
from components.models import ConfigVersion
from environments.models import Environment

LONGEST_SHOWN = 200


@dataclass(frozen=True)
class Cell:
    """One variable or file in one environment; ``text`` is empty where it is not set (or set to nothing)."""

    environment: Environment
    is_set: bool
    text: str = ""
    is_reference: bool = False
    is_odd: bool = False
    """Another value than the first environment that has one."""


@dataclass(frozen=True)
class Line:
    """One variable or file across the environments."""

    name: str
    cells: list[Cell]

    @property
    def is_missing_somewhere(self) -> bool:
        """Set in one environment and not in another."""
        return not all(cell.is_set for cell in self.cells)

    @property
    def differs(self) -> bool:
        """Not the same everywhere."""
        return self.is_missing_somewhere or any(cell.is_odd for cell in self.cells)


@dataclass(frozen=True)
class Comparison:
    """All variables and files by name."""

    variables: list[Line]
    files: list[Line]

    def only_differences(self) -> Comparison:
        """Without what is the same everywhere."""
        return Comparison(
            [line for line in self.variables if line.differs], [line for line in self.files if line.differs]
        )

    def named(self, text: str) -> Comparison:
        """Only what has ``text`` in its name."""
        wanted = text.lower()
        return Comparison(
            [line for line in self.variables if wanted in line.name.lower()],
            [line for line in self.files if wanted in line.name.lower()],
        )


def compare(configs: Sequence[tuple[Environment, ConfigVersion | None]]) -> Comparison:
    """The newest configuration of each environment, in the order given."""
    variables = [(place, _variables(config)) for place, config in configs]
    files = [(place, _files(config)) for place, config in configs]
    return Comparison(_lines(variables), _lines(files))


Found = dict[str, tuple[str, bool]]
"""Text by name, and whether it is a reference to a Secret."""


def _variables(config: ConfigVersion | None) -> Found:
    entries = config.env if config else []
    return {str(entry["name"]): (entry_text(entry), bool(entry.get("secret"))) for entry in entries}


def _files(config: ConfigVersion | None) -> Found:
    """A file is compared by what it holds and shown by how long it is."""
    files = config.files if config else {}
    return {
        name: (f"{shown_length(text)} · {hashlib.sha256(text.encode()).hexdigest()[:8]}", False)
        for name, text in files.items()
    }


def _lines(places: list[tuple[Environment, Found]]) -> list[Line]:
    names = sorted({name for _place, found in places for name in found})
    return [Line(name, _cells(name, places)) for name in names]


def _cells(name: str, places: list[tuple[Environment, Found]]) -> list[Cell]:
    first = next(found[name][0] for _place, found in places if name in found)
    cells = []
    for place, found in places:
        if name not in found:
            cells.append(Cell(place, False))
            continue
        text, is_reference = found[name]
        cells.append(Cell(place, True, text[:LONGEST_SHOWN], is_reference, text != first))
    return cells
