"""What a pass reads of a running build, and the columns that follow from it: stages, and the next piece of the log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Now

from deployer.interfaces import BuildServerClient, LogPage
from foundation.runs.choices import ACTIVE
from releases.events import append_event
from releases.live.notify import send_signal
from releases.logs.storage import clear_log, next_chunks
from releases.models import Build, LogChunk
from releases.steps.build import cadence

_STAGE = re.compile(r"^\[Pipeline\] (?:stage$|// stage$|\{ \()|^Stage \"", re.MULTILINE)


@dataclass(frozen=True)
class Read:
    """What Jenkins answered. ``stages`` None: not asked. ``calls``: how many requests it took."""

    page: LogPage
    stages: list[dict[str, Any]] | None
    calls: int


@dataclass
class Progress:
    """What there is to store: columns, chunks, and whether a stage has changed, which is an event."""

    fields: dict[str, Any]
    chunks: list[LogChunk] = field(default_factory=list)
    is_news: bool = False


def read(build: Build, server: BuildServerClient, *, asks_stages: bool = True) -> Read:
    """One or two requests: the log, and the stages if they are asked for or if the log tells of one."""
    assert build.build_number is not None
    number, stages = build.build_number, None
    if asks_stages:
        stages = [asdict(stage) for stage in server.stages(build.job, number)]
    page = server.read_log(build.job, number, build.log_offset)
    if stages is None and _STAGE.search(page.text):
        stages = [asdict(stage) for stage in server.stages(build.job, number)]
    return Read(page, stages, 1 if stages is None else 2)


def progress_of(build: Build, found: Read, now: datetime) -> Progress:
    """What to store of it. Writes nothing but that a log is taken out which begins anew."""
    page = found.page
    fields: dict[str, Any] = {"log_offset": page.next_offset, "log_is_complete": page.is_complete, "read_at": now}
    if page.was_rewound:
        # It was cut in Jenkins, and this page begins at its beginning.
        fields |= clear_log(build)
    chunks: list[LogChunk] = []
    if page.text:
        chunks, more = next_chunks(build, page.text, is_doubtful=page.has_gap)
        fields |= {"lines_at": now} | more
    # A stage view that answers nothing, once, takes nothing back.
    stages = found.stages or build.stages
    if found.stages is not None:
        fields |= {"stages": stages, "stages_at": now}
    # Durations grow all the time; only a change of state is an event.
    return Progress(fields, chunks, is_news=_states(stages) != _states(build.stages))


def tell(build: Build, progress: Progress) -> None:
    """Inside the transaction of the columns: the event of a stage, the signal of a log that grew."""
    if progress.is_news:
        data = {"id": build.pk, "stages": progress.fields["stages"]}
        append_event(build.order_id, "build.stages", data=data)
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
    return cadence.pause_seconds(followed, lines_age=age, is_watched=is_watched, calls=calls)


def is_due(build: Build, pause: float, now: datetime) -> bool:
    """Whether its log is to be read: a build that nobody watches is looked at more often than it is read."""
    return build.read_at is None or (now - build.read_at).total_seconds() >= min(pause, cadence.UNWATCHED_SECONDS) - 0.5


def asks_stages(build: Build, now: datetime) -> bool:
    """Whether its stages are to be asked for although the log tells of none."""
    return build.stages_at is None or (now - build.stages_at).total_seconds() >= cadence.STAGES_SECONDS


def _states(stages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(stage["name"], stage["state"]) for stage in stages]
