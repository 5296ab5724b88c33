"""What is known of a log without reading it: kept on the build's row, carried on by every append.

An append looks at its own text alone, so it stays as cheap as the text is short. The chunks carry their counts
(``errors``, ``warnings``) and their first line; jumps find the chunk by those and read that one chunk again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from releases.logs.patterns import ERROR, marked_lines

PIECE = 65_536
"""Characters of a chunk at most: a range of lines is read by whole chunks."""
PART = 4 * PIECE
MOST_SECTIONS = 200
LONGEST_NAME = 100
_MARK = re.compile(r"^\[Pipeline\] (?:\{ \((?P<name>.+)\)|(?P<end>// stage)|(?P<step>stage))$", re.MULTILINE)


@dataclass
class Section:
    """The lines of one stage: from its mark in the log to the line before the next one's.

    ``last`` None: the stage goes on, to the end of what there is.
    """

    name: str
    first: int
    last: int | None = None
    errors: int = 0
    warnings: int = 0


@dataclass(frozen=True)
class Counts:
    """Marked lines of one piece."""

    errors: int
    warnings: int


@dataclass
class LogIndex:
    """``bytes`` as UTF-8; ``loose`` are counts behind a stage that ended, before another begins."""

    bytes: int = 0
    errors: int = 0
    warnings: int = 0
    first_error: int | None = None
    is_mid_line: bool = False
    stage_step: int = 0
    loose: list[int] = field(default_factory=lambda: [0, 0])
    sections: list[Section] = field(default_factory=list)

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> LogIndex:
        """From the build's row; an empty one where nothing is stored."""
        known = dict(stored)
        sections = [Section(**section) for section in known.pop("sections", [])]
        return cls(**known, sections=sections)

    def as_stored(self) -> dict[str, Any]:
        """For the build's row."""
        return asdict(self)

    def take(self, piece: str, first_line: int) -> Counts:
        """Carry the index on over the next piece, whose first character lies in line ``first_line``."""
        self.bytes += len(piece.encode("utf-8", "surrogatepass"))
        counts = [0, 0]
        for place, kind, name in sorted([*_levels(piece), *_marks(piece)]):
            if place == 0 and self.is_mid_line:
                continue  # the line was judged by its beginning
            if kind == "level":
                counts[name != ERROR] += 1
                self._count(name, first_line + place)
            else:
                self._mark(kind, name, first_line + place)
        self.is_mid_line = not piece.endswith("\n")
        return Counts(*counts)

    def _count(self, level: str, line: int) -> None:
        is_error = level == ERROR
        if is_error and self.first_error is None:
            self.first_error = line
        self.errors += is_error
        self.warnings += not is_error
        if self.sections and self.sections[-1].last is None:
            self.sections[-1].errors += is_error
            self.sections[-1].warnings += not is_error
        else:
            self.loose[not is_error] += 1

    def _mark(self, kind: str, name: str, line: int) -> None:
        if kind == "step":
            self.stage_step = line
        elif kind == "end" and self.sections and self.sections[-1].last is None:
            self.sections[-1].last, self.loose = line, [0, 0]
        elif kind == "name" and len(self.sections) < MOST_SECTIONS:
            # "[Pipeline] stage" stands on the line before the mark that has the name.
            first = line - 1 if self.stage_step == line - 1 and line > 1 else line
            if self.sections:
                before = self.sections[-1]
                if before.last is not None:
                    before.errors, before.warnings = before.errors + self.loose[0], before.warnings + self.loose[1]
                before.last = first - 1
            self.sections.append(Section(name[:LONGEST_NAME], first))
            self.loose = [0, 0]


def _levels(piece: str) -> Iterator[tuple[int, str, str]]:
    for place, level in marked_lines(piece):
        yield place, "level", level


def _marks(piece: str) -> Iterator[tuple[int, str, str]]:
    """Where stages begin and end. Branches of a parallel step have marks too, but their lines are mixed."""
    if "[Pipeline] " not in piece:
        return
    place, seen = 0, 0
    for found in _MARK.finditer(piece):
        kind = str(found.lastgroup)
        place, seen = place + piece.count("\n", seen, found.start()), found.start()
        if not (kind == "name" and found["name"].startswith("Branch: ")):
            yield place, kind, found["name"] or ""


def parts_of(text: str) -> Iterator[str]:
    """The text in parts of about 262,144 characters, each up to a line break, however far that is.

    What is masked at a time: the copies that this takes are four bytes a character where one of them is an emoji.
    """
    start = 0
    while start < len(text):
        end = text.find("\n", start + PART) + 1 or len(text)
        yield text[start:end]
        start = end


def pieces_of(text: str) -> Iterator[str]:
    """The text in pieces of at most 65,536 characters, cut behind a line break where there is one."""
    start = 0
    while start < len(text):
        end = min(len(text), start + PIECE)
        if end < len(text):
            end = text.rfind("\n", start, end) + 1 or end
        yield text[start:end]
        start = end
