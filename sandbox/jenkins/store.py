"""What the stand-in remembers and how it is kept: queue items, builds and jobs, as small files of the state directory.

``jobs/NAME/config.xml``, ``jobs/NAME/builds/N/{build.json,log}``, ``queue.json``. The records are plain data; the
controller alone changes them. Each file is written so that a kill leaves the old or the new one, never half of one.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from . import job_config
from .processes import Processes

NOTE = re.compile(rb"\x1b\[8mha:.*?\x1b\[0m", re.DOTALL)
MOST_LINES = 10_000
_PIPELINE_NOTE = b"\x1b[8mha:////" + base64.b64encode(b"sandbox pipeline console note") + b"\x1b[0m"


@dataclass(frozen=True)
class Piece:
    """Answer of progressiveText: CRLF body, the size header, and whether more is to come."""

    body: bytes
    size: int
    has_more: bool


class BuildLog:
    """Append-only text file; lines starting with ``[Pipeline]`` carry a console note, as Jenkins writes them."""

    def __init__(self, path: Path, *, is_open: bool) -> None:
        self.path = path
        self.is_open = is_open
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        """Append one line (or several, when the text has line breaks)."""
        note = _PIPELINE_NOTE if text.startswith("[Pipeline]") else b""
        self.write(note + text.encode("utf-8", "replace") + b"\n")

    def write(self, data: bytes) -> None:
        """Append raw bytes as a process wrote them; after ``close`` they are dropped."""
        with self._lock:
            if self.is_open:
                self._append(data)

    def close(self, *last: str) -> None:
        """Append the last lines; no more will come, even if one still writes (a build that was dropped may)."""
        with self._lock:
            self._append("".join(f"{line}\n" for line in last).encode())
            self.is_open = False

    def cut(self, size: int) -> None:
        """Keep the first bytes only: what was read behind them is written anew, or never."""
        with self._lock:
            os.truncate(self.path, min(size, self.path.stat().st_size))

    def _append(self, data: bytes) -> None:
        with self.path.open("ab") as stream:
            stream.write(data)

    def _read(self, start: int = 0) -> tuple[bytes, int]:
        try:
            with self.path.open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(min(start, size))
                return stream.read(), size
        except FileNotFoundError:
            return b"", 0

    def text(self) -> bytes:
        """consoleText: everything up to now, LF, notes stripped."""
        return NOTE.sub(b"", self._read()[0])

    def piece(self, start: int, *, is_legacy: bool) -> Piece:
        """progressiveText from a byte offset; an offset beyond the end is served again from 0."""
        has_more = self.is_open  # before reading: a line written in between shall be asked for again
        data, size = self._read(start)
        if start > size:
            data, size = self._read(0)
            start = 0
        if has_more:
            data = data[: data.rfind(b"\n") + 1]
        if is_legacy:
            return Piece(NOTE.sub(b"", data).replace(b"\n", b"\r\n"), start + len(data), has_more)
        if has_more:
            data = b"".join(line + b"\n" for line in data.split(b"\n")[:-1][:MOST_LINES])
        return Piece(data.replace(b"\n", b"\r\n"), size, has_more)


def write_text(path: Path, text: str) -> None:
    """Replace the file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Replace the file with JSON."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1))


def read_json(path: Path) -> Any:
    """The JSON in the file, or None when there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


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


LAST_STAGE = {"ABORTED": "ABORTED", "NOT_BUILT": "NOT_EXECUTED", "FAILURE": "FAILED", "UNSTABLE": "UNSTABLE"}
"""The last stage entered takes the run's overall result (``StatusAndTiming.computeChunkStatus2``)."""


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
    artifacts: list[str] = field(default_factory=list)
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


@dataclass
class Job:
    """A job: its configuration, its builds by number, the number the next build will get."""

    name: str
    config: job_config.JobConfig
    next_number: int = 1
    builds: dict[int, LiveBuild] = field(default_factory=dict)

    def newest(self) -> list[LiveBuild]:
        """Builds, newest first."""
        return [self.builds[number] for number in sorted(self.builds, reverse=True)]


class Store:
    """Reads everything at start, writes each change at once."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        (self.root / "jobs").mkdir(parents=True, exist_ok=True)

    def _job_dir(self, job: str) -> Path:
        return self.root / "jobs" / quote(job, safe=" ")

    def log_path(self, job: str, number: int) -> Path:
        return self._job_dir(job) / "builds" / str(number) / "log"

    def artifacts(self, job: str, number: int) -> Path:
        """The folder of what a build archived."""
        return self.log_path(job, number).with_name("archive")

    def save_job(self, job: Job) -> None:
        """Configuration and next number."""
        write_text(self._job_dir(job.name) / "config.xml", job.config.xml)
        self.save_next_number(job)

    def save_next_number(self, job: Job) -> None:
        """Before the build exists: a number is used once, even if its build fails to start."""
        write_text(self._job_dir(job.name) / "nextBuildNumber", f"{job.next_number}\n")

    def save_build(self, build: Build) -> None:
        write_json(self.log_path(build.job, build.number).with_name("build.json"), build.stored())

    def remove_build(self, build: Build) -> None:
        """Log and record."""
        shutil.rmtree(self.log_path(build.job, build.number).parent, ignore_errors=True)

    def save_queue(self, items: list[dict[str, Any]], next_id: int) -> None:
        """The waiting items and the next id."""
        write_json(self.root / "queue.json", {"items": items, "next_id": next_id})

    def load_queue(self) -> tuple[list[dict[str, Any]], int]:
        """What was waiting when we went."""
        data = read_json(self.root / "queue.json") or {"items": [], "next_id": 1}
        return list(data["items"]), int(data["next_id"])

    def load_jobs(self) -> dict[str, Job]:
        """All jobs with all their builds."""
        jobs = {}
        for folder in sorted((self.root / "jobs").iterdir()):
            config = folder / "config.xml"
            if config.is_file():
                name = unquote(folder.name)
                jobs[name] = self._load_job(name, folder)
        return jobs

    def _load_job(self, name: str, folder: Path) -> Job:
        job = Job(name, job_config.parse((folder / "config.xml").read_text(encoding="utf-8")))
        for path in folder.glob("builds/*/build.json"):
            build = Build.restored(read_json(path))
            job.builds[build.number] = LiveBuild(build, BuildLog(path.with_name("log"), is_open=build.is_building))
        number = folder / "nextBuildNumber"
        stored = int(number.read_text()) if number.is_file() else 1
        job.next_number = max([stored, *(n + 1 for n in job.builds)])
        return job
