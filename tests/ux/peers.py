"""The table of docs/ux.md: limits, and what peers take."""

from __future__ import annotations

from dataclasses import dataclass

from tests.whole.product import ROOT

PAGE = ROOT / "docs" / "ux.md"
_HEAD = "| task | limit | peer | peer takes |"


@dataclass(frozen=True)
class Peer:
    """One line of the table."""

    task: str
    limit: int
    peer: str
    takes: int
    steps: str
    source: str


def read_peers() -> list[Peer]:
    """All lines, in their order."""
    text = PAGE.read_text(encoding="utf-8")
    _before, head, rest = text.partition(_HEAD)
    assert head, f"{PAGE} has no table that begins with {_HEAD}"
    lines = [line for line in rest.split("\n\n", 1)[0].splitlines()[2:] if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [
        Peer(task, int(limit), peer, int(takes), steps, source) for task, limit, peer, takes, steps, source in cells
    ]


def limits() -> dict[str, int]:
    """Task → limit; the table must not contradict itself."""
    found: dict[str, int] = {}
    for row in read_peers():
        assert found.setdefault(row.task, row.limit) == row.limit, f"two limits for {row.task}"
    return found
