"""The state directory: ``jobs/NAME/config.xml``, ``jobs/NAME/builds/N/{build.json,log}``, ``queue.json``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from . import job_config, storage
from .log_file import BuildLog
from .records import Build, LiveBuild


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
        """Where the build's log lies."""
        return self._job_dir(job) / "builds" / str(number) / "log"

    def save_job(self, job: Job) -> None:
        """Configuration and next number."""
        storage.write_text(self._job_dir(job.name) / "config.xml", job.config.xml)
        self.save_next_number(job)

    def save_next_number(self, job: Job) -> None:
        """Before the build exists: a number is used once, whatever happens to its build."""
        storage.write_text(self._job_dir(job.name) / "nextBuildNumber", f"{job.next_number}\n")

    def save_build(self, build: Build) -> None:
        """build.json."""
        storage.write_json(self.log_path(build.job, build.number).with_name("build.json"), build.stored())

    def save_queue(self, items: list[dict[str, Any]], next_id: int) -> None:
        """The waiting items and the next id."""
        storage.write_json(self.root / "queue.json", {"items": items, "next_id": next_id})

    def load_queue(self) -> tuple[list[dict[str, Any]], int]:
        """What was waiting when we went."""
        data = storage.read_json(self.root / "queue.json") or {"items": [], "next_id": 1}
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
            build = Build.restored(storage.read_json(path))
            job.builds[build.number] = LiveBuild(build, BuildLog(path.with_name("log"), is_open=build.is_building))
        number = folder / "nextBuildNumber"
        stored = int(number.read_text()) if number.is_file() else 1
        job.next_number = max([stored, *(n + 1 for n in job.builds)])
        return job
