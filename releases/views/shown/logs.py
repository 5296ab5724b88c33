"""The log viewer of a page: what it knows before it asks, and the log's end as text for readers without JavaScript."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from foundation.runs.choices import RunState
from releases.logs import pods
from releases.logs.plain import visible
from releases.logs.reading import Line, read_lines, summary_of
from releases.logs.sections import sections_of
from releases.models import Build, Placement, ReleaseOrder

TAIL_LINES = 200
TAIL_CHARACTERS = 32_000
"""What the page itself carries; the viewer asks for the rest, and the whole text has an address."""
AROUND = 12
SHORT_ROWS = 15


@dataclass(frozen=True)
class Log:
    """A build's log on a page.

    ``text`` are its last lines from ``first`` on; ``around`` the lines around the first error of a failed build, where
    that lies before them. ``data`` is what the viewer starts with; ``opens_at`` is ``error``, ``end`` or ``start``.
    """

    url: str
    link: str
    raw_url: str
    data: dict[str, Any]
    text: str
    first: int
    around: str
    around_line: int
    is_short: bool


def log_of(order: ReleaseOrder, build: Build) -> Log:
    """A handful of small queries, however long the log is."""
    summary = summary_of(build)
    sections = [asdict(section) for section in sections_of(build)]
    has_failed = build.state in (RunState.FAILED, RunState.ERRORED)
    tail = _tail(read_lines(build, summary.lines - TAIL_LINES + 1, TAIL_LINES))
    first = tail[0].line if tail else 1
    error = summary.first_error if has_failed and summary.first_error else 0
    around = read_lines(build, error - AROUND, 2 * AROUND + 1) if 0 < error < first else []
    url = f"/api/v1/orders/{order.number}/builds/{build.attempt}/log/"
    opens_at = "error" if error else ("end" if not build.is_terminal or has_failed else "start")
    return Log(
        url=url,
        link=f"?panel=build&attempt={build.attempt}",
        raw_url=f"{url}?raw=1",
        data={**asdict(summary), "sections": sections, "opens_at": opens_at},
        text=_shown(tail),
        first=first,
        around=_shown(around),
        around_line=error,
        is_short=build.is_terminal and _rows(build, summary.lines) <= SHORT_ROWS,
    )


def _rows(build: Build, lines: int) -> int:
    """Rows that the viewer begins with: a stage that went well is folded to one."""
    folded = [found for found in sections_of(build) if found.state == "succeeded" and found.last]
    return lines - sum((found.last or 0) - found.first for found in folded)


def pod_log_of(place: Placement, pod: str, text: str, *, container: str, previous: bool) -> Log:
    """A pod's last lines, as of now; the viewer asks again for those of a container that runs."""
    names = f"{place.space.project.slug}/{place.component.slug}/environments/{place.space.environment.slug}"
    query = urlencode({"container": container, "previous": "1" if previous else "0"})
    lines = text.removesuffix("\n").split("\n")
    first = max(1, len(lines) - TAIL_LINES + 1)
    return Log(
        url=f"/api/v1/components/{names}/pods/{pod}/log/?{query}",
        link=f"?{query}",
        raw_url="",
        data={**pods.answer_of(text), "is_followed": not previous, "opens_at": "end"},
        text=visible("\n".join(lines[first - 1 :])),
        first=first,
        around="",
        around_line=0,
        is_short=previous and len(lines) <= SHORT_ROWS,
    )


def _tail(lines: list[Line]) -> list[Line]:
    """The last ones, as many as are not too long together; at least one."""
    size, kept = 0, 0
    for line in reversed(lines):
        size += len(line.text)
        if size > TAIL_CHARACTERS and kept:
            break
        kept += 1
    return lines[len(lines) - kept :]


def _shown(lines: list[Line]) -> str:
    return "\n".join(line.shown + (" …" if line.length > len(line.text) else "") for line in lines)
