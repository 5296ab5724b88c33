"""The demo's outcome: a table for people, ``var/demo/report.json`` for programs. Written on failure too."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class People:
    """Who did what in an environment, by user name."""

    promoted: str = ""
    approved: list[str] = field(default_factory=list)
    deployed: str = ""


@dataclass
class Reached:
    """An environment that the order came to, and the cluster that it is in. ``ready`` is ``pods ready/pods wanted``."""

    environment: str
    cluster: str = ""
    verdict: str = ""
    ready: str = ""
    digest: str = ""
    seconds: float = 0.0
    people: People = field(default_factory=People)


@dataclass
class Report:
    """The whole run. ``built`` names who started each attempt; ``error`` is a message, or null."""

    order: str = ""
    commit: str = ""
    image: str = ""
    digest: str = ""
    author: str = ""
    built: list[str] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None
    environments: list[Reached] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """All at once: a reader never sees half of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".new")
        partial.write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n")
        partial.replace(path)

    def table(self) -> str:
        """Environment, cluster, verdict, ready pods, digest, who, seconds."""
        rows = [("environment", "cluster", "verdict", "ready", "digest", "who", "seconds")]
        for one in self.environments:
            seconds = f"{one.seconds:.1f}"
            row = (one.environment, one.cluster, one.verdict, one.ready, one.digest[:19], _who(one.people), seconds)
            rows.append(row)
        widths = [max(_width(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = ["  ".join(_pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _who(people: People) -> str:
    parts = [("promoted", people.promoted), ("approved", ", ".join(people.approved)), ("deployed", people.deployed)]
    return ", ".join(f"{verb} {who}" for verb, who in parts if who)


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
