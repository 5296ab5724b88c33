"""What a pass reads of a running build, and the columns that follow from it: stages, and the next piece of the log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Now

from deployer.errors import DeployerError, NotFound, Rejected, Unavailable
from deployer.interfaces import AgentWait, BuildServerClient, LogPage
from foundation.clock import db_now
from foundation.runs.choices import ACTIVE
from releases.events import append_event
from releases.live.notify import send_signal
from releases.logs.storage import clear_log, next_chunks
from releases.logs.truth import LogReader
from releases.models import Build, LogChunk
from releases.steps.build import cadence

_STAGE = re.compile(r"^\[Pipeline\] (?:stage$|// stage$|\{ \()|^Stage \"", re.MULTILINE)


NO_WAIT = AgentWait("", 0)
SILENT_SECONDS = 3.0
"""A build that wrote nothing for so long may wait for an agent."""


@dataclass(frozen=True)
class Read:
    """What Jenkins answered, in so many ``calls``. ``stages`` None: not asked, or ``error`` says why it shows none.
    ``wait``: what agent it waits for."""

    page: LogPage
    stages: list[dict[str, Any]] | None
    calls: int
    wait: AgentWait = NO_WAIT
    error: DeployerError | None = None


@dataclass
class Progress:
    """What there is to store: columns, chunks, and the events of a stage or a wait that has changed."""

    fields: dict[str, Any]
    chunks: list[LogChunk] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def is_news(self) -> bool:
        """Whether there is an event to append."""
        return bool(self.events)


def read(build: Build, server: BuildServerClient, *, asks_stages: bool = True) -> Read:
    """One or two requests: the log, and the stages if they are asked for or if the log tells of one.

    Stages that Jenkins does not show keep nobody from the log.
    """
    assert build.build_number is not None
    stages, error = _stages(build, server) if asks_stages else (None, None)
    page = server.read_log(build.job, build.build_number, build.log_offset)
    if not asks_stages and _STAGE.search(page.text):
        stages, error = _stages(build, server)
    calls = 1 if stages is None else 2
    if page.text or page.is_complete or not _is_silent(build):
        return Read(page, stages, calls, error=error)
    return Read(page, stages, calls + 1, _agent_wait(build, server), error)


def _stages(build: Build, server: BuildServerClient) -> tuple[list[dict[str, Any]] | None, DeployerError | None]:
    assert build.build_number is not None
    try:
        return [asdict(stage) for stage in server.stages(build.job, build.build_number)], None
    except (Unavailable, Rejected, NotFound) as error:
        return None, error


def _is_silent(build: Build) -> bool:
    return build.lines_at is None or (db_now() - build.lines_at).total_seconds() >= SILENT_SECONDS


def _agent_wait(build: Build, server: BuildServerClient) -> AgentWait:
    """A queue that Jenkins does not show keeps nobody from the log: what was known of the wait stays."""
    try:
        return server.agent_waits(build.job).get(build.build_number or 0, NO_WAIT)
    except (NotFound, Rejected, Unavailable):
        return AgentWait(build.queue_why, int(build.queue_since.timestamp() * 1000) if build.queue_since else 0)


def moment_of(milliseconds: int) -> datetime | None:
    """A time of Jenkins."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def progress_of(build: Build, found: Read, now: datetime) -> Progress:
    """What to store of it. Writes nothing but that a log is taken out which begins anew."""
    page = found.page
    # What has a rest counts as not read: it is due.
    read_at = None if page.has_rest else now
    fields: dict[str, Any] = {"log_offset": page.next_offset, "log_is_complete": page.is_complete, "read_at": read_at}
    if page.was_rewound:
        # It was cut in Jenkins, and this page begins at its beginning.
        fields |= clear_log(build)
    chunks: list[LogChunk] = []
    if page.text:
        chunks, more = next_chunks(build, page.text, is_doubtful=page.has_gap)
        more["log_reader"]["is_fast"] = len(page.text) >= cadence.FAST_CHARACTERS
        fields |= {"lines_at": now} | more
    # A stage view that answers nothing, once, takes nothing back.
    stages = found.stages or build.stages
    if found.stages is not None:
        fields |= {"stages": stages, "stages_at": now}
    events: list[tuple[str, dict[str, Any]]] = []
    # Durations grow all the time; only a change of state is an event.
    if _states(stages) != _states(build.stages):
        events.append(("build.stages", {"id": build.pk, "stages": stages}))
    if (why := found.wait.why[:300]) != build.queue_why:
        fields |= {"queue_why": why, "queue_since": moment_of(found.wait.since_ms)}
        events.append(("build.waits_for_agent" if why else "build.has_agent", {"id": build.pk, "why": why}))
    return Progress(fields, chunks, events)


def tell(build: Build, progress: Progress) -> None:
    """Inside the transaction of the columns: the events, and the signal of a log that grew."""
    for kind, data in progress.events:
        append_event(build.order_id, kind, data=data)
    if progress.chunks:
        send_signal(build.order_id)


def keep(build: Build, fields: Mapping[str, Any]) -> None:
    """The row in memory as it was written."""
    for name, value in fields.items():
        setattr(build, name, value)


def count_followed(server_id: int) -> cadence.Followed:
    """The builds that are followed on a server now."""
    watched = Q(watched_until__gt=Now())
    rows = Build.objects.filter(server_id=server_id, phase="building", state__in=sorted(ACTIVE))
    found = rows.aggregate(builds=Count("pk"), watched=Count("pk", filter=watched))
    return cadence.Followed(found["builds"], found["watched"])


def pause_of(build: Build, followed: cadence.Followed, now: datetime, *, calls: int = 1) -> float:
    """From the read of its log that is due, or was just made, to the next."""
    # What it reported is the last that its last stage does: its end is near.
    is_watched = bool(build.watched_until and build.watched_until > now) or bool(build.reported_digest)
    age = (now - build.lines_at).total_seconds() if build.lines_at else None
    if age is not None and age < cadence.LINES_SECONDS:
        is_watched |= LogReader.read(build.log_reader).is_fast
    return cadence.pause_seconds(followed, lines_age=age, is_watched=is_watched, calls=calls)


def is_due(build: Build, pause: float, now: datetime) -> bool:
    """Whether its log is to be read: a build that nobody watches is looked at more often than it is read."""
    return build.read_at is None or (now - build.read_at).total_seconds() >= min(pause, cadence.UNWATCHED_SECONDS) - 0.5


def asks_stages(build: Build, now: datetime) -> bool:
    """Whether its stages are to be asked for although the log tells of none."""
    return build.stages_at is None or (now - build.stages_at).total_seconds() >= cadence.STAGES_SECONDS


def _states(stages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(stage["name"], stage["state"]) for stage in stages]
