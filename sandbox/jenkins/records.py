"""What the stand-in remembers: queue items, builds, stages. Plain data; the controller alone changes it."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from .log_file import BuildLog
from .processes import Processes


def now_ms() -> int:
    """Milliseconds since 1970, as all of Jenkins' times."""
    return int(time.time() * 1000)


@dataclass
class QueueItem:
    """A waiting start of a job. ``left_at`` (monotonic seconds) once it left; it is remembered for 300 s."""

    id: int
    job: str
    parameters: dict[str, str]
    user: str
    since_ms: int
    due_ms: int
    number: int | None = None
    is_cancelled: bool = False
    left_at: float | None = None
    buildable_since_ms: int | None = None

    def stored(self) -> dict[str, Any]:
        """What of it survives a restart."""
        names = ("id", "job", "parameters", "user", "since_ms", "due_ms")
        return {name: getattr(self, name) for name in names}


@dataclass
class Stage:
    """One entered stage. ``status`` in wfapi's words."""

    id: str
    name: str
    status: str
    started_ms: int
    ended_ms: int | None = None
    message: str = ""


@dataclass
class Build:
    """One run of a job. ``result`` may be set while it still runs; it is final when ``is_building`` is False."""

    job: str
    number: int
    queue_id: int
    user: str
    parameters: dict[str, str]
    started_ms: int
    queued_ms: int
    cookie: str
    is_building: bool = True
    result: str | None = None
    description: str | None = None
    ended_ms: int | None = None
    abort_causes: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)

    def stored(self) -> dict[str, Any]:
        """As JSON for build.json."""
        return asdict(self)

    @classmethod
    def restored(cls, data: dict[str, Any]) -> Build:
        """From build.json."""
        return cls(**{**data, "stages": [Stage(**stage) for stage in data["stages"]]})


@dataclass
class LiveBuild:
    """A build with its log and, while it runs, its processes and what it waits for."""

    build: Build
    log: BuildLog
    processes: Processes | None = None
    waits_for_label: str | None = None
    placeholder_id: int = 0
    placeholder_since_ms: int = 0
