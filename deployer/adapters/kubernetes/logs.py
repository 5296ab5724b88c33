"""What containers printed: the end of one log, as text or line by line with the node's own times."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

from deployer.adapters.kubernetes.session import Session, object_path
from deployer.errors import NotFound, Rejected
from deployer.interfaces import LogWanted, TimedLog
from deployer.messages import message as _

LOG_LIMIT_BYTES = 1024 * 1024
_NO_PREVIOUS = "previous terminated container"
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?")
_PARTS = (1, 8, 64)
_FIRST = "0001-01-01T00:00:00.000000000Z"
"""Of lines before the first one that says when it was written."""


def pod_log(session: Session, namespace: str, pod: str, *, container: str, previous: bool, tail_lines: int) -> str:
    """The last lines of a container's log, at most 1 MiB."""
    wanted = LogWanted(container, previous, tail_lines, limit_bytes=LOG_LIMIT_BYTES, seconds=0)
    return _text(session, namespace, pod, wanted, [])[0]


def timed_log(session: Session, namespace: str, pod: str, wanted: LogWanted) -> TimedLog:
    """The lines that are wanted, each with its time; raises NotFound, Rejected with the cluster's own words."""
    more = [("timestamps", "true")] + ([("sinceTime", wanted.since)] if wanted.since else [])
    text, most = _text(session, namespace, pod, wanted, more)
    rows = text.removesuffix("\n").split("\n") if text else []
    times, lines, at = [], [], _FIRST
    for row in rows:
        found = _STAMP.match(row)
        # A node's clock may have been set back: a line is never told before the one that it follows.
        at = max(at, _utc(found)) if found else at
        times.append(at)
        lines.append(row[found.end() :] if found else row)
    return TimedLog(tuple(times), tuple(lines), is_cut=len(rows) >= most)


def _utc(found: re.Match[str]) -> str:
    """One form for all zones and fractions, so that times sort as text."""
    second = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00")).astimezone(UTC)
    return f"{second:%Y-%m-%dT%H:%M:%S}.{(found[2] or '').ljust(9, '0')}Z"


def _text(
    session: Session, namespace: str, pod: str, wanted: LogWanted, more: list[tuple[str, str]]
) -> tuple[str, int]:
    """The text, and how many lines it might have had.

    The node cuts behind so many bytes, and the newest lines would be lost: then fewer are asked for.
    """
    for part in _PARTS:
        lines = max(1, wanted.tail_lines // part)
        text = _ask(session, namespace, pod, replace(wanted, tail_lines=lines), more)
        if len(text.encode()) < wanted.limit_bytes:
            break
    return text, lines


def _ask(session: Session, namespace: str, pod: str, wanted: LogWanted, more: list[tuple[str, str]]) -> str:
    query = [("tailLines", str(wanted.tail_lines)), ("limitBytes", str(wanted.limit_bytes)), *more]
    if wanted.container:
        query.append(("container", wanted.container))
    if wanted.previous:
        query.append(("previous", "true"))
    try:
        answer = session.read(f"{object_path('v1', 'Pod', namespace, pod)}/log", query, seconds=wanted.seconds)
    except Rejected as exc:
        if _NO_PREVIOUS in str(exc):
            raise NotFound(_("The container has not run before, so there is no earlier log.")) from exc
        raise
    return answer.body.decode("utf-8", "replace").replace("\r\n", "\n")
