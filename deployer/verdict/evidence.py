"""What the end of a container's log says about its cause."""

from __future__ import annotations

import re
from dataclasses import replace

from deployer.interfaces import Diagnosis
from deployer.verdict.containers import is_wrong_program

MOST_LINES = 3
_LONGEST_LINE = 200
_ERROR = re.compile(
    r"^(?:\S+ ){0,6}\[?(?:ERROR|FATAL|CRITICAL|SEVERE|panic|fatal|error)\b"
    r"|^(?:[\w.$]+\.)*[A-Z]\w*(?:Error|Exception|Failure)\b|^Caused by: |\bexec format error\b|^(?:sh|bash|/\S+): "
    r"|\blevel=(?:error|fatal|panic)\b|\"level\":\s*\"(?:error|fatal|panic)\"",
)
_FRAME = re.compile(r"^\s|^at \S+\(")


def error_lines(log: str) -> tuple[str, ...]:
    """The last lines that tell of an error, at most three; the last lines at all where none does."""
    lines = [line.rstrip() for line in log.splitlines() if line.strip()]
    told = [line for line in lines if _ERROR.search(line) and not _FRAME.match(line)]
    return tuple(line[:_LONGEST_LINE] for line in (told or lines)[-MOST_LINES:])


def refine_by_log(diagnosis: Diagnosis, log: str) -> Diagnosis:
    """A container that the node cannot execute says so in its log alone: runc has started it by then."""
    if diagnosis.code not in ("crash_loop", "init_failed", "start_failed") or not is_wrong_program(log):
        return diagnosis
    values = {**diagnosis.values, "message": error_lines(log)[-1]}
    return replace(diagnosis, code="wrong_architecture", values=values)
