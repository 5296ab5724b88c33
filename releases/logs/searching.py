"""Search over a whole log: literal, blind to case, bounded in time and in what it answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from releases.logs.plain import strip_escapes
from releases.logs.reading import chunks_of, offset_of_line
from releases.models import Build

MOST_HITS = 5000
MOST_SECONDS = 2.0
LONGEST_QUERY = 200


@dataclass(frozen=True)
class Hits:
    """Numbers of the lines that contain the text. ``next`` is where to go on, None when the log was read to its end."""

    lines: list[int]
    next: int | None


def search(build: Build, text: str, first: int = 1, *, seconds: float = MOST_SECONDS) -> Hits:
    """Lines from ``first`` on that contain the text: at most 5,000, for about two seconds."""
    wanted, until = text.lower(), time.monotonic() + seconds
    found: list[int] = []
    for first_line, lines in _searched(build, first, wanted):
        for number in lines:
            if number >= first and number != (found[-1] if found else 0):
                found.append(number)
        if len(found) >= MOST_HITS:
            return Hits(found[:MOST_HITS], found[MOST_HITS - 1] + 1)
        if time.monotonic() > until and first_line > first:
            return Hits(found, first_line)
    return Hits(found, None)


def _searched(build: Build, first: int, wanted: str) -> Iterator[tuple[int, list[int]]]:
    """For each chunk: the line in which it ends, which is the next one's first, and its lines that hit."""
    offset = offset_of_line(build, first)
    if offset is None:
        return
    rows = chunks_of(build).filter(offset__gte=offset).order_by("offset").values_list("first_line", "text")
    carried = ""
    for first_line, stored in rows.iterator(chunk_size=4):
        text = carried + stored
        low = strip_escapes(text).lower()
        lines = low.split("\n") if wanted in low else []
        hits = [first_line + place for place, line in enumerate(lines) if wanted in line]
        yield first_line + stored.count("\n"), hits
        # A line that goes on in the next chunk: its end may be the beginning of a hit.
        last = text[text.rfind("\n") + 1 :]
        carried = last[max(0, len(last) - len(wanted) + 1) :] if wanted[1:] else ""
