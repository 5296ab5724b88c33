"""The strip of five stages."""

from __future__ import annotations

from dataclasses import dataclass

from foundation.problems import Sentence
from foundation.runs.choices import RunState
from releases.models import Build
from releases.views.shown.words import STAGE_STATES

NAMES = ("Prepare Git Code", "Build", "Get Dockerfile & Bootstart.sh", "DockerBuild", "DockerPush")
"""As in the Jenkinsfile; they stay English in every language."""


@dataclass(frozen=True)
class Stage:
    """One stage. ``seconds`` None: not begun. ``message`` is Jenkins' own."""

    name: str
    state: str
    word: Sentence
    seconds: int | None
    message: str


def strip(build: Build | None) -> list[Stage]:
    """The five stages in order, the ones not reached yet as waiting; further ones that a job has come behind them."""
    seen = {stage["name"]: stage for stage in (build.stages if build else [])}
    names = [*NAMES, *(name for name in seen if name not in NAMES)]
    return [_stage(name, seen.get(name), build) for name in names]


def _stage(name: str, seen: dict[str, object] | None, build: Build | None) -> Stage:
    if seen is None:
        state = "skipped" if build is not None and build.is_terminal else "waiting"
        return Stage(name, state, STAGE_STATES[state], None, "")
    state = str(seen.get("state") or "waiting")
    return Stage(
        name=name,
        state=state,
        word=STAGE_STATES.get(state, state),
        seconds=int(str(seen.get("duration_ms") or 0)) // 1000,
        message=str(seen.get("message") or ""),
    )


def summary(build: Build | None) -> tuple[str, str]:
    """(state, words) for the list's column Build: ``Docker Done``, the stage under way, or the stage that failed."""
    if build is None:
        return "", ""
    if build.state == RunState.SUCCEEDED:
        return build.state, "Docker Done"
    stages = strip(build)
    marked = next((stage for stage in stages if stage.state in ("running", "failed", "unstable")), None)
    return build.state, marked.name if marked else ""
