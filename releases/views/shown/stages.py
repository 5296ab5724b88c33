"""The strip of five stages."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext

from foundation.problems import Sentence
from foundation.runs.choices import RunState
from releases.models import Build
from releases.views.shown.usual import UsualBuild, percent_of
from releases.views.shown.words import STAGE_STATES

NAMES = ("Prepare Git Code", "Build", "Get Dockerfile & Bootstart.sh", "DockerBuild", "DockerPush")
"""As in the Jenkinsfile; they stay English in every language."""


ENDED = frozenset({"succeeded", "failed", "unstable", "cancelled"})


@dataclass(frozen=True)
class Stage:
    """One stage. ``seconds`` None: not begun. ``message`` is Jenkins' own. ``percent`` of the usual time, for a bar."""

    name: str
    state: str
    word: Sentence
    seconds: int | None
    message: str
    percent: int = 0
    usual: int | None = None


def strip(build: Build | None, usual: UsualBuild | None = None) -> list[Stage]:
    """The five stages in order, the ones not reached yet as waiting; further ones that a job has come behind them."""
    seen = {stage["name"]: stage for stage in (build.stages if build else [])}
    names = [*NAMES, *(name for name in seen if name not in NAMES)]
    known = usual or UsualBuild()
    return [_stage(name, seen.get(name), build, known.stages.get(name)) for name in names]


def _stage(name: str, seen: dict[str, object] | None, build: Build | None, usual: int | None) -> Stage:
    if seen is None:
        state = "skipped" if build is not None and build.is_terminal else "waiting"
        return Stage(name, state, STAGE_STATES[state], None, "", usual=usual)
    state = str(seen.get("state") or "waiting")
    seconds = _seconds(seen, state)
    percent = 100 if state in ENDED else percent_of(seconds, usual) if state == "running" else 0
    return Stage(
        name=name,
        state=state,
        word=STAGE_STATES.get(state, state),
        seconds=seconds,
        message=str(seen.get("message") or ""),
        percent=percent,
        usual=usual,
    )


def _seconds(seen: dict[str, object], state: str) -> int:
    """What Jenkins said; a stage that runs has gone on since it was looked at."""
    said = int(str(seen.get("duration_ms") or 0))
    started = int(str(seen.get("started_ms") or 0))
    if state == "running" and started:
        said = max(said, int(timezone.now().timestamp() * 1000) - started)
    # Rounded up: what ran for a moment did run.
    return -(-said // 1000)


def summary(build: Build | None) -> tuple[str, str]:
    """(state, words) for the list's column Build: ``Docker Done``, the stage under way, ``Build failed``.

    A build that ended otherwise (stopped, a deadline, a mistake of ours) says so, or nothing where the order's state
    does; the stage that it stood in would be no answer.
    """
    if build is None:
        return "", ""
    if build.state == RunState.SUCCEEDED:
        return build.state, "Docker Done"
    stages = strip(build)
    marked = next((stage for stage in stages if stage.state in ("running", "failed", "unstable")), None)
    if marked and marked.state == "failed":
        return build.state, gettext("%(stage)s failed") % {"stage": marked.name}
    if build.is_terminal:
        return build.state, "" if build.state == RunState.FAILED else str(RunState(build.state).label)
    return build.state, marked.name if marked else ""
