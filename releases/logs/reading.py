"""Reads of a stored log: a range of lines, one whole line, the next marked line. Only the chunks asked for are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from asgiref.sync import sync_to_async
from django.db.models import QuerySet, Sum
from django.db.models.functions import Right

from foundation.clock import db_now
from foundation.problems import Missing
from releases.logs.index import LogIndex
from releases.logs.patterns import ERROR, HEAD, level_of
from releases.logs.plain import visible
from releases.models import Build, LogChunk

MOST_LINES = 1000
MOST_READ = 4_000_000
"""Characters that one request reads at most: a log may be a single line of a hundred megabytes."""
LONGEST_WHOLE = 2_000_000
CHUNKS_READ = 64


@dataclass(frozen=True)
class Line:
    """A line's first 2,000 characters. ``length`` is the whole line's, or what was read of it."""

    line: int
    text: str
    length: int
    level: str
    at: datetime | None

    @property
    def shown(self) -> str:
        """The text as a page may show it."""
        return visible(self.text)


@dataclass(frozen=True)
class Summary:
    """What the viewer's foot says. ``lines`` counts an unfinished last line; ``newest_at`` by the database's clock.

    ``state``: receiving, complete, cut (the build ended before Jenkins had given all of it), gone (past its retention).
    ``version``: lines of another one were others, because the log was replaced by what Jenkins has.
    """

    state: str
    lines: int
    size: int
    bytes: int
    errors: int
    warnings: int
    first_error: int | None
    newest_at: datetime | None
    now: datetime
    version: int = 0


@dataclass(frozen=True)
class Mark:
    """A marked line, and the how manieth it is of its level. ``line`` None: there is none that way."""

    line: int | None
    position: int
    total: int


def summary_of(build: Build) -> Summary:
    """Two small queries."""
    index = LogIndex.read(build.log_index)
    newest = chunks_of(build).order_by("-offset").values_list("at").first()
    return Summary(
        state=_state(build, is_there=newest is not None),
        lines=build.log_lines + index.is_mid_line,
        size=build.log_size,
        bytes=index.bytes,
        errors=index.errors,
        warnings=index.warnings,
        first_error=index.first_error,
        newest_at=newest[0] if newest else None,
        now=db_now(),
        version=build.log_version,
    )


def _state(build: Build, *, is_there: bool) -> str:
    if not build.is_terminal:
        return "receiving"
    if build.log_size and not is_there:
        return "gone"
    return "complete" if build.log_is_complete else "cut"


def chunks_of(build: Build) -> QuerySet[LogChunk]:
    """The build's chunks."""
    return LogChunk.objects.filter(build_id=build.pk)


def offset_of_line(build: Build, line: int) -> int | None:
    """Offset of the chunk in which that line begins; None when the log does not reach so far back any more.

    A line begins behind the line break of the one before, so it is the last chunk that starts in an earlier line.
    """
    if line <= 1:
        return 0
    rows = chunks_of(build).filter(first_line__lt=line).order_by("-first_line", "-offset")
    return rows.values_list("offset", flat=True).first()


def read_lines(build: Build, first: int, count: int) -> list[Line]:
    """Lines from ``first`` on: fewer than asked for at the log's end, or when they are very long."""
    first, count = max(1, first), min(count, MOST_LINES)
    found = (line for line in _lines_from(build, first, head=HEAD) if line.line >= first)
    return list(islice(found, count))


def whole_line(build: Build, number: int) -> Line:
    """One line in full, up to 2,000,000 characters; raises Missing."""
    for line in _lines_from(build, number, head=LONGEST_WHOLE):
        if line.line == number:
            return line
    raise Missing()


def _lines_from(build: Build, first: int, *, head: int) -> Iterator[Line]:
    """Lines of the chunks from that line's on; stops after 4,000,000 characters, the last line then as far as read."""
    offset = offset_of_line(build, first)
    if offset is None:
        return
    chunks = chunks_of(build).filter(offset__gte=offset).order_by("offset")
    open_line: Line | None = None
    read = 0
    for number, text, at in chunks.values_list("first_line", "text", "at").iterator(chunk_size=2):
        pieces = text.split("\n")
        for place, piece in enumerate(pieces):
            line = _begun(number + place, piece, at, head)
            if open_line is not None:
                line, open_line = _joined(open_line, piece, head), None
            if place < len(pieces) - 1:
                yield line
            elif line.length:
                open_line = line
        read += len(text)
        if read >= MOST_READ:
            break
    if open_line is not None:
        yield open_line


def _begun(number: int, piece: str, at: datetime | None, head: int) -> Line:
    return Line(number, piece[:head], len(piece), level_of(piece[:HEAD]), at)


def _joined(line: Line, piece: str, head: int) -> Line:
    return replace(line, text=(line.text + piece[: head - len(line.text)])[:head], length=line.length + len(piece))


# ---------------------------------------------------------------- marked lines
def mark_after(build: Build, level: str, line: int) -> Mark:
    """The first line of that level behind ``line``."""
    start = offset_of_line(build, line + 1) or 0
    rows = _marked(build, level).filter(offset__gte=start).order_by("offset")
    for offset, first_line, text in rows.values_list("offset", "first_line", "text")[:CHUNKS_READ]:
        found = _levels_of(build, offset, first_line, text, level)
        rest = [number for number in found if number > line]
        if rest:
            return _placed(build, level, offset, found, rest[0])
    return Mark(None, 0, _total(build, level))


def mark_before(build: Build, level: str, line: int) -> Mark:
    """The last line of that level before ``line``."""
    rows = _marked(build, level).order_by("-offset")
    start = offset_of_line(build, line)
    rows = rows.filter(offset__lte=start or 0)
    for offset, first_line, text in rows.values_list("offset", "first_line", "text")[:CHUNKS_READ]:
        found = _levels_of(build, offset, first_line, text, level)
        rest = [number for number in found if number < line]
        if rest:
            return _placed(build, level, offset, found, rest[-1])
    return Mark(None, 0, _total(build, level))


def _marked(build: Build, level: str) -> QuerySet[LogChunk]:
    rows = chunks_of(build)
    return rows.filter(errors__gt=0) if level == ERROR else rows.filter(warnings__gt=0)


def _levels_of(build: Build, offset: int, first_line: int, text: str, level: str) -> list[int]:
    """Numbers of the lines of that level that begin in the chunk, as they were counted when it came."""
    lines = text.split("\n")
    begins = 0 if offset == 0 or _ends_with_line(build, offset) else 1
    return [first_line + place for place in range(begins, len(lines)) if level_of(lines[place]) == level]


def _ends_with_line(build: Build, offset: int) -> bool:
    """Whether what lies before the offset ends with a line break."""
    rows = chunks_of(build).filter(offset__lt=offset).order_by("-offset").annotate(last=Right("text", 1))
    return rows.values_list("last", flat=True).first() in (None, "\n")


def _placed(build: Build, level: str, offset: int, found: list[int], line: int) -> Mark:
    name = "errors" if level == ERROR else "warnings"
    before = _marked(build, level).filter(offset__lt=offset).aggregate(n=Sum(name))["n"] or 0
    return Mark(line, before + found.index(line) + 1, _total(build, level))


def _total(build: Build, level: str) -> int:
    index = LogIndex.read(build.log_index)
    return index.errors if level == ERROR else index.warnings


CHUNKS = 32
"""Two megabytes at a time: each read changes threads twice."""


def raw_chunks(build: Build) -> Iterator[str]:
    """For WSGI and tests."""
    after = -1
    while texts := _next(build, after):
        for _offset, text in texts:
            yield text
        after = texts[-1][0]


async def raw_chunks_async(build: Build) -> AsyncIterator[str]:
    """For ASGI: each read on the request's own thread, which closes its connection when the answer has been sent."""
    after = -1
    while texts := await sync_to_async(_next)(build, after):
        for _offset, text in texts:
            yield text
        after = texts[-1][0]


def _next(build: Build, after: int) -> list[tuple[int, str]]:
    rows = chunks_of(build).filter(offset__gt=after).order_by("offset").values_list("offset", "text")
    return list(rows[:CHUNKS])


@dataclass(frozen=True)
class LogSection:
    """``last`` None: to the end. ``state`` is empty and ``seconds`` None where Jenkins names no such stage."""

    name: str
    first: int
    last: int | None
    errors: int
    warnings: int
    state: str
    seconds: int | None


def sections_of(build: Build) -> list[LogSection]:
    """In the log's order; the second section of a name is the second stage of that name."""
    stages: dict[tuple[str, int], dict[str, object]] = {}
    seen: Counter[str] = Counter()
    for stage in build.stages:
        stages[str(stage["name"]), seen[str(stage["name"])]] = stage
        seen[str(stage["name"])] += 1
    seen.clear()
    found = []
    for section in LogIndex.read(build.log_index).sections:
        stage = stages.get((section.name, seen[section.name]), {})
        seen[section.name] += 1
        lasted = stage.get("duration_ms")
        found.append(
            LogSection(
                section.name, section.first, section.last, section.errors, section.warnings,
                state=str(stage.get("state") or ""),
                seconds=None if lasted is None else -(-int(str(lasted)) // 1000),  # begun seconds, as the strip says
            )
        )  # fmt: skip
    return found


LOG_CHUNKS_MOST = 64
LOG_CHARACTERS_MOST = 1_000_000


def log_from(build: Build, offset: int) -> str:
    """Log text from a character offset on, at most 64 chunks and about a million characters; empty at the end."""
    before = chunks_of(build).filter(offset__lte=offset).order_by("-offset")
    last = before.values_list("offset", flat=True).first()
    if last is None:
        return ""
    chunks = chunks_of(build).filter(offset__gte=last).order_by("offset")[:LOG_CHUNKS_MOST]
    text = ""
    for chunk in chunks.iterator(chunk_size=2):
        text += chunk.text
        if len(text) - (offset - last) >= LOG_CHARACTERS_MOST:
            break
    return text[offset - last :]
