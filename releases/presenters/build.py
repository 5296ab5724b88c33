"""A build: its five stages, how long builds and rollouts usually take here, its panel and its log viewer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any

from django.urls import reverse
from django.utils import timezone

from environments.access import Rights
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE, RunState
from releases.choices import STAGE_NAMES, DeploymentKind, OrderState
from releases.logs.index import LogIndex
from releases.logs.reading import Line, read_lines, sections_of, summary_of
from releases.models import Build, Deployment, ReleaseOrder
from releases.presenters.acts import Act, Refusal, refusal
from releases.presenters.facts import console_url
from releases.presenters.words import STAGE_STATES, build_waits, reason_of

NEARLY = 95
"""What still goes on is never drawn as done, however late it is."""
USUAL_OF = 9
"""How many of the last successes say what is usual."""


@dataclass(frozen=True)
class UsualBuild:
    """Seconds of a whole build and of each stage; None and nothing where none ever succeeded."""

    seconds: int | None = None
    stages: dict[str, int] = field(default_factory=dict)


def usual_build(component_id: int) -> UsualBuild:
    """One query."""
    builds = _recent_builds(component_id)
    stages: dict[str, list[int]] = defaultdict(list)
    for build in builds:
        for stage in build.stages:
            if stage.get("state") == "succeeded":
                stages[str(stage.get("name"))].append(int(stage.get("duration_ms") or 0) // 1000)
    whole = [seconds_between(build.started_at, build.finished_at) for build in builds]
    return UsualBuild(
        _median(whole), {name: usual for name, seconds in stages.items() if (usual := int(median(seconds)))}
    )


def usual_rollout(component_id: int, space_id: int) -> int | None:
    """Seconds from the cluster's yes to the verdict: one query."""
    rows = _recent_rollouts(component_id, space_id)
    return _median([seconds_between(row.applied_at, row.finished_at) for row in rows])


def _recent_builds(component_id: int) -> list[Build]:
    """The last builds of the component that succeeded, newest first: times and stages only."""
    rows = Build.objects.filter(order__component_id=component_id, state=RunState.SUCCEEDED, started_at__isnull=False)
    return list(rows.only("started_at", "finished_at", "stages").order_by("-id")[:USUAL_OF])


def _recent_rollouts(component_id: int, space_id: int) -> list[Deployment]:
    """The last deployments and roll backs of the component that succeeded there, newest first: times only."""
    rows = Deployment.objects.filter(
        component_id=component_id,
        space_id=space_id,
        state=RunState.SUCCEEDED,
        kind__in=[DeploymentKind.DEPLOY, DeploymentKind.ROLL_BACK],
        applied_at__isnull=False,
    )
    return list(rows.only("applied_at", "finished_at").order_by("-id")[:USUAL_OF])


def _median(seconds: list[int | None]) -> int | None:
    known = [one for one in seconds if one is not None]
    # Less than a second says nothing of how long the next one takes.
    return (int(median(known)) or None) if known else None


def seconds_between(start: datetime | None, end: datetime | None) -> int | None:
    """Whole seconds, never negative; up to now while it has no end; None before it began."""
    if start is None:
        return None
    return max(0, int(((end or timezone.now()) - start).total_seconds()))


def percent_of(elapsed: int, usual: int | None) -> int:
    """How far a bar is while it goes on; 0 where nobody knows what is usual."""
    return min(NEARLY, elapsed * 100 // max(1, usual)) if usual is not None else 0


ENDED_STAGES = frozenset({"succeeded", "failed", "unstable", "cancelled"})


@dataclass(frozen=True)
class Stage:
    """One stage. ``seconds`` None: not begun. ``message`` is Jenkins' own. ``percent`` of the usual time, for a bar."""

    name: str
    state: str
    word: MessageLike
    seconds: int | None
    message: str
    percent: int = 0
    usual: int | None = None
    began: datetime | None = None
    """Of a stage that goes on: the page counts from it."""


def stage_strip(build: Build | None, usual: UsualBuild | None = None) -> list[Stage]:
    """The five stages in order, the ones not reached yet as waiting; further ones that a job has come behind them."""
    seen = {stage["name"]: stage for stage in (build.stages if build else [])}
    names = [*STAGE_NAMES, *(name for name in seen if name not in STAGE_NAMES)]
    known = usual or UsualBuild()
    return [_stage(name, seen.get(name), build, known.stages.get(name)) for name in names]


def _stage(name: str, seen: dict[str, object] | None, build: Build | None, usual: int | None) -> Stage:
    if seen is None:
        state = "skipped" if build is not None and build.is_terminal else "waiting"
        return Stage(name, state, STAGE_STATES[state], None, "", usual=usual)
    state = str(seen.get("state") or "waiting")
    if build is not None and build.is_terminal and state in ("running", "waiting"):
        state = "unknown"  # nobody looks at it any more: it was lost, or Jenkins stopped showing it
    seconds = _seconds(seen, state)
    percent = 100 if state in ENDED_STAGES else percent_of(seconds, usual) if state == "running" else 0
    return Stage(
        name=name,
        state=state,
        word=STAGE_STATES.get(state, state),
        seconds=seconds,
        message=str(seen.get("message") or ""),
        percent=percent,
        usual=usual,
        began=_began(seen, state),
    )


def _began(seen: dict[str, object], state: str) -> datetime | None:
    started = int(str(seen.get("started_ms") or 0))
    return datetime.fromtimestamp(started / 1000, UTC) if state == "running" and started else None


def _seconds(seen: dict[str, object], state: str) -> int:
    """What Jenkins said; a stage that runs has gone on since it was looked at."""
    said = int(str(seen.get("duration_ms") or 0))
    started = int(str(seen.get("started_ms") or 0))
    if state == "running" and started:
        said = max(said, int(timezone.now().timestamp() * 1000) - started)
    # Rounded up: what ran for a moment did run.
    return -(-said // 1000)


def stage_summary(build: Build | None) -> tuple[str, str]:
    """(state, words) for the list's column Build: ``Docker Done``, the stage under way, ``Build failed``.

    A build that ended otherwise (stopped, a deadline, a mistake of ours) says so, or nothing where the order's state
    does; the stage that it stood in would be no answer.
    """
    if build is None:
        return "", ""
    if build.state == RunState.SUCCEEDED:
        return build.state, "Docker Done"
    stages = stage_strip(build)
    marked = next((stage for stage in stages if stage.state in ("running", "failed", "unstable")), None)
    if marked and marked.state == "failed":
        return build.state, str(_("%(stage)s failed", stage=marked.name))
    if build.is_terminal:
        return build.state, "" if build.state == RunState.FAILED else str(RunState(build.state).label)
    return build.state, marked.name if marked else ""


@dataclass(frozen=True)
class BuildPanel:
    """The newest attempt (or the one asked for), with its strip. ``error`` is the log's first line that tells of one.

    ``seconds`` since it began, ``usual`` as long as builds of this component take; None: nobody knows.
    """

    build: Build | None
    attempts: list[Build]
    stages: list[Stage]
    waits: MessageLike
    reason: MessageLike
    console: str
    start: Act | None
    error: Line | None
    seconds: int | None
    began: datetime | None
    usual: int | None


def build_panel(
    order: ReleaseOrder, rights: Rights, attempt: int | None = None, usual: UsualBuild | None = None
) -> BuildPanel:
    """Attempts newest first; ``attempt`` picks an older one."""
    rows = Build.objects.filter(order=order).select_related("started_by", "server", "stop_requested_by", "registry")
    attempts = list(rows.order_by("-attempt"))
    build = next((row for row in attempts if row.attempt == attempt), attempts[0] if attempts else None)
    return BuildPanel(
        build=build,
        attempts=attempts,
        stages=stage_strip(build, usual),
        waits=build_waits(build) if build else "",
        reason=reason_of(build) if build else "",
        console=console_url(build) if build else "",
        start=start_act(order, rights),
        error=_first_error(build) if build else None,
        seconds=seconds_between(build.started_at, build.finished_at) if build else None,
        began=build.started_at if build and not build.is_terminal else None,
        usual=usual.seconds if usual else None,
    )


def _first_error(build: Build) -> Line | None:
    """Where a reader of a failed build begins."""
    if build.state not in (RunState.FAILED, RunState.ERRORED):
        return None
    number = LogIndex.read(build.log_index).first_error
    return next(iter(read_lines(build, number, 1)), None) if number else None


def start_act(order: ReleaseOrder, rights: Rights) -> Act | None:
    """The way to the dialog; None when there is nothing to build any more."""
    if order.state not in (OrderState.CREATED, OrderState.BUILD_FAILED):
        return None
    no = refusal(rights, "build", project_id=order.project_id, owner_id=order.author_id, order=order)
    label = _("Build") if order.state == OrderState.CREATED else _("Build again")
    url = reverse("releases:build", args=[order.number])
    return Act(label, url, no=no, is_primary=True, letter="b")


def stop_act(order: ReleaseOrder, build: Build | None, rights: Rights) -> Act | None:
    """The stop button of a build that goes on; None otherwise."""
    if build is None or build.state not in ACTIVE:
        return None
    url = reverse("releases:stop", args=[order.number, build.attempt])
    if build.stop_requested_at:
        message = _("It was asked to stop; the page says so when Jenkins has stopped it.")
        return Act(_("Stop the build"), url, "post", no=Refusal(message), is_danger=True)
    no = refusal(rights, "stop_build", project_id=order.project_id, owner_id=order.author_id, order=order)
    ask = _("Jenkins is asked to stop it; the order can be built again.")
    return Act(_("Stop the build"), url, "post", no=no, is_danger=True, confirm=ask)


TAIL_LINES = 200
TAIL_CHARACTERS = 32_000
"""What the page itself carries; the viewer asks for the rest, and the whole text has an address."""
AROUND = 12
SHORT_ROWS = 15


@dataclass(frozen=True)
class Log:
    """A build's log on a page.

    ``text`` are its last lines from ``first`` on; ``around`` the lines around the first error of a failed build, where
    that lies before them. ``data`` is what the viewer starts with; ``opens_at`` is ``error``, ``end`` or ``start``.
    """

    url: str
    link: str
    raw_url: str
    data: dict[str, Any]
    text: str
    first: int
    around: str
    around_line: int
    is_short: bool


def log_of(order: ReleaseOrder, build: Build) -> Log:
    """A handful of small queries, however long the log is."""
    summary = summary_of(build)
    sections = [asdict(section) for section in sections_of(build)]
    has_failed = build.state in (RunState.FAILED, RunState.ERRORED)
    tail = _tail(read_lines(build, summary.lines - TAIL_LINES + 1, TAIL_LINES))
    first = tail[0].line if tail else 1
    error = summary.first_error if has_failed and summary.first_error else 0
    around = read_lines(build, error - AROUND, 2 * AROUND + 1) if 0 < error < first else []
    url = f"/api/v1/orders/{order.number}/builds/{build.attempt}/log/"
    opens_at = "error" if error else ("end" if not build.is_terminal or has_failed else "start")
    return Log(
        url=url,
        link=f"?panel=build&attempt={build.attempt}",
        raw_url=f"{url}?raw=1",
        data={**asdict(summary), "sections": sections, "opens_at": opens_at},
        text=_shown(tail),
        first=first,
        around=_shown(around),
        around_line=error,
        is_short=build.is_terminal and _rows(build, summary.lines) <= SHORT_ROWS,
    )


def _rows(build: Build, lines: int) -> int:
    """Rows that the viewer begins with: a stage that went well is folded to one."""
    folded = [found for found in sections_of(build) if found.state == "succeeded" and found.last]
    return lines - sum((found.last or 0) - found.first for found in folded)


def _tail(lines: list[Line]) -> list[Line]:
    """The last ones, as many as are not too long together; at least one."""
    size, kept = 0, 0
    for line in reversed(lines):
        size += len(line.text)
        if size > TAIL_CHARACTERS and kept:
            break
        kept += 1
    return lines[len(lines) - kept :]


def _shown(lines: list[Line]) -> str:
    return "\n".join(line.shown + (" …" if line.length > len(line.text) else "") for line in lines)
