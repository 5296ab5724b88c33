"""What a review saw, ready to draw: diff lines, quota bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from deployer.quantities import bytes_to_gib, millicores_to_cores
from releases.models import Review

CPU = ("cpu", "requests.cpu", "limits.cpu")
LINES_MOST = 400


@dataclass(frozen=True)
class Line:
    """One line of a diff: kind add, del, at or same; ``origin`` says which template line it came from."""

    kind: str
    text: str
    origin: str = ""


@dataclass(frozen=True)
class ObjectDiff:
    """One object's diff; ``action`` create, change, same or remove."""

    kind: str
    name: str
    action: str
    changes: list[dict[str, str]]
    shown: list[Line]
    is_cut: bool


@dataclass(frozen=True)
class Bar:
    """One line of a quota, texts in ``unit``; percentages of the hard limit, at most 100."""

    resource: str
    unit: str
    used: str
    after: str
    peak: str
    hard: str
    short: str
    used_percent: int
    after_percent: int


def diff_of(review: Review) -> list[ObjectDiff]:
    """Changed objects first, by what happens to them."""
    origins = _origins(review)
    rows = [_object(row, origins) for row in review.findings.get("diff", [])]
    return sorted(rows, key=lambda row: row.action == "same")


def _origins(review: Review) -> dict[str, str]:
    """Text of a line (stripped) → ``template:line``, where the text comes from one place only."""
    found: dict[str, str] = {}
    for lines in review.snapshot.origins if review.snapshot else []:
        for text, template, number in lines:
            key = str(text).strip()
            place = f"{template}:{number}"
            found[key] = place if found.get(key, place) == place else ""
    return found


def _object(row: Mapping[str, Any], origins: Mapping[str, str]) -> ObjectDiff:
    # The first two lines of a unified diff only name the two sides.
    lines = [str(line) for line in row.get("lines", [])][2:]
    shown = [_line(line, origins) for line in lines[:LINES_MOST]]
    changes = [dict(change) for change in row.get("changes", [])]
    return ObjectDiff(
        kind=str(row["kind"]),
        name=str(row["name"]),
        action=str(row["action"]),
        changes=changes,
        shown=shown,
        is_cut=len(lines) > LINES_MOST,
    )


_KINDS = {"+": "add", "-": "del", "@": "at"}


def _line(text: str, origins: Mapping[str, str]) -> Line:
    kind = _KINDS.get(text[:1], "same")
    return Line(kind, text, origins.get(text[1:].strip(), "") if kind == "add" else "")


def bars_of(review: Review) -> list[Bar]:
    """The quota lines that this deployment counts towards."""
    return [_bar(row) for row in review.findings.get("quota", [])]


def _bar(row: Mapping[str, Any]) -> Bar:
    resource, hard = str(row["resource"]), int(row["hard"])
    show: Callable[[int], str] = str
    unit = ""
    if resource in CPU:
        show, unit = millicores_to_cores, _("cores")
    elif resource.endswith(("memory", "storage")):
        show, unit = bytes_to_gib, "GiB"
    missing = int(row.get("short_by") or 0)
    return Bar(
        resource=resource,
        unit=unit,
        used=_short(show(int(row["used"]))),
        after=_short(show(int(row["after"]))),
        peak=_short(show(int(row["peak"]))),
        hard=_short(show(hard)),
        short=_short(show(missing)) if missing else "",
        used_percent=_percent(int(row["used"]), hard),
        after_percent=_percent(int(row["after"]), hard),
    )


def _percent(part: int, whole: int) -> int:
    return min(100, part * 100 // whole) if whole else 100


def _short(text: str) -> str:
    """At most three decimals: exact amounts of foreign pods may have dozens."""
    whole, dot, decimals = text.partition(".")
    return f"{whole}.{decimals[:3]}".rstrip("0").rstrip(".") if dot else whole
