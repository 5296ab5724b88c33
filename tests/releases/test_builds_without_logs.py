"""A Jenkins that shows a build and not its log: it is stopped and ends all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from deployer.errors import Forbidden, NoFact, NotFound, Unavailable
from deployer.interfaces import BuildDetail, BuildStatus, ImageFacts, LogPage, StageStatus
from foundation.models import Remote
from releases.models import Build
from releases.presenters.build import stage_strip
from tests.cast import World
from tests.releases.answers import Jenkins
from tests.releases.rows import build as make_build
from tests.releases.rows import make_component, make_order
from tests.releases.test_build_remotes import (
    IN_SESSION,
    OURS,
    WELL,
    breakers_are_closed,
    in_jenkins,
    put,
    put_image,
    step,
)

ENDED = BuildStatus(number=3, queue_id=1, is_building=False, result="FAILURE")
NO_LOG = [
    Forbidden("Jenkins does not allow that."),
    NotFound("Jenkins has no such log."),
    NoFact("Jenkins, or a proxy before it, answers 500."),
]


@pytest.fixture
def queued(world: World) -> Build:
    return make_build(make_order(make_component(world), world.dana))


@pytest.mark.parametrize("error", NO_LOG, ids=lambda error: type(error).__name__)
def test_it_is_stopped(queued: Build, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    row = in_jenkins(queued, phase="building", stop_requested_at=timezone.now(), **IN_SESSION)
    detail = BuildDetail(3, True, None, "", "", {"TRIGGER_ID": str(row.trigger_id)}, queue_id=1)
    jenkins = Jenkins(**{**WELL, "read_log": error}, builds={3: OURS}, build=detail, stop=None)
    put(monkeypatch, jenkins)
    assert step(row).is_active and "stop" in jenkins.asked and row.stop_level == "stop"


def test_its_deadline_counts(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    ago = timezone.now() - timedelta(seconds=5)
    row = in_jenkins(queued, phase="building", seen_at=ago, phase_seconds=3599, **IN_SESSION)
    detail = BuildDetail(3, True, None, "", "", {"TRIGGER_ID": str(row.trigger_id)}, queue_id=1)
    jenkins = Jenkins(**{**WELL, "read_log": NotFound("no log")}, builds={3: OURS}, build=detail, stop=None)
    put(monkeypatch, jenkins)
    assert step(row).stop_reason == "build_deadline" and "stop" in jenkins.asked


def end(row: Build, monkeypatch: pytest.MonkeyPatch, apart: float, passes: int, **answers: Any) -> int:
    """So many passes at a Jenkins that shows the end, each ``apart`` seconds after the one before; how many it took."""
    put(monkeypatch, Jenkins(**{**WELL, "builds": {3: ENDED}, **answers}))
    for many in range(1, passes + 1):
        breakers_are_closed()
        if step(row).is_terminal:
            return many
        reader = {**row.log_reader}
        for name in {"missed_since", "missed_at"} & set(reader):
            reader[name] -= apart
        Build.objects.filter(pk=row.pk).update(log_reader=reader)
    return passes + 1


@pytest.mark.parametrize("error", [*NO_LOG, Unavailable("no stages in time")], ids=lambda error: type(error).__name__)
def test_its_log_is_read_where_its_stages_are_not(
    queued: Build, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    row = in_jenkins(queued, phase="building", **IN_SESSION)
    page = LogPage("[Pipeline] stage\nline\n", 22, is_complete=False)
    put(monkeypatch, Jenkins(**{**WELL, "stages": error, "read_log": page}, builds={3: OURS}))
    assert step(row).log_size == 22 and row.contact_lost_since is not None
    breakers_are_closed()
    ended = {**WELL, "stages": error, "read_log": LogPage("", 22, is_complete=True), "builds": {3: ENDED}}
    put(monkeypatch, Jenkins(**ended))
    assert step(row).phase == "finalizing" and row.log_is_complete


@pytest.mark.parametrize("error", [*NO_LOG, Unavailable("no queue in time")], ids=lambda error: type(error).__name__)
def test_a_queue_that_jenkins_does_not_show_keeps_nobody_from_the_log(
    queued: Build, monkeypatch: pytest.MonkeyPatch, error: Any
) -> None:
    """A build that writes nothing is looked for among what waits for an agent."""
    row = in_jenkins(queued, phase="building", queue_why="Waiting for ‘linux’", **IN_SESSION)
    answers = {**WELL, "read_log": LogPage("", 7, is_complete=False), "agent_waits": error, "builds": {3: OURS}}
    put(monkeypatch, Jenkins(**answers))
    assert step(row).contact_lost_since is None and not row.message
    assert (row.log_offset, row.queue_why) == (7, "Waiting for ‘linux’")


NO_STAGES = [*NO_LOG, Unavailable("no stages in time")]


@pytest.mark.parametrize("result", ["FAILURE", "SUCCESS"])
@pytest.mark.parametrize("error", NO_STAGES, ids=lambda error: type(error).__name__)
def test_stages_that_jenkins_does_not_show_delay_no_end(
    queued: Build, monkeypatch: pytest.MonkeyPatch, error: Any, result: str
) -> None:
    seen = [{"name": "Build", "state": "running", "started_ms": 1, "duration_ms": 1, "message": ""}]
    row = in_jenkins(queued, phase="building", stages=seen, **IN_SESSION)
    labels = {"io.prism4k.trigger": str(row.trigger_id)}
    put_image(monkeypatch, ImageFacts("sha256:" + "0" * 64, labels, "", 1, ()) if result == "SUCCESS" else None)
    pages = [LogPage("line\n", 5, is_complete=True), LogPage("", 5, is_complete=True)]
    ended = replace(ENDED, result=result)
    passes = end(row, monkeypatch, 0, 9, read_log=pages, read_whole_log=["line\n"], stages=error, builds={3: ended})
    assert 3 < passes < 8, "one wrong answer takes no stages away"
    assert (row.state, row.log_is_complete) == ("succeeded" if result == "SUCCESS" else "failed", True)
    assert {stage.state for stage in stage_strip(row)} == {"unknown"}
    assert f"Jenkins does not show its stages: {error.message}" in stage_strip(row)[0].message
    assert result == "SUCCESS" or f"Jenkins does not show its stages: {error.message}" in str(row.message)
    assert not Remote.objects.filter(opened_at__isnull=False).exists(), "other builds there are followed as before"


def test_stages_that_come_after_a_wrong_answer_are_kept(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="building", **IN_SESSION)
    stages = (StageStatus("Build", "failed", 1, 2, "exit code 3"),)
    page = LogPage("", 0, is_complete=True)
    answers = [NO_LOG[0], NO_LOG[0], stages]
    end(row, monkeypatch, 0, 9, read_log=page, stages=answers)
    assert row.is_terminal and str(row.message) == "Build: exit code 3" and [s["name"] for s in row.stages] == ["Build"]


def test_what_a_lost_build_stood_in_does_not_go_on(queued: Build) -> None:
    seen = [{"name": "Build", "state": "running", "started_ms": 1, "duration_ms": 9000, "message": ""}]
    row = in_jenkins(queued, stages=seen)
    assert [stage.state for stage in stage_strip(row)][:2] == ["waiting", "running"]
    row.state = "errored"
    stage = stage_strip(row)[1]
    assert (stage.state, stage.seconds, stage.began) == ("unknown", 9, None)


ENDLESS = LogPage("", 0, is_complete=False)


@pytest.mark.parametrize("error", [*NO_LOG, ENDLESS], ids=lambda error: type(error).__name__)
def test_it_ends_after_five_minutes(queued: Build, monkeypatch: pytest.MonkeyPatch, error: Any) -> None:
    row = in_jenkins(queued, phase="building", **IN_SESSION)
    passes = end(row, monkeypatch, 60, 20, read_log=error)
    assert 6 <= passes <= 8, "not before"
    assert (row.state, row.reason, row.log_is_complete) == ("failed", "build_failed", False)
    assert not Remote.objects.filter(opened_at__isnull=False).exists(), "other builds there are followed as before"


def test_an_outage_is_no_missing_log(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="building", **IN_SESSION)
    assert end(row, monkeypatch, 3600, 6, read_log=NotFound("no log")) == 7 and row.phase == "finalizing"


def test_what_was_read_in_pieces_stays_whole_where_jenkins_does_not_give_it_again(
    queued: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = in_jenkins(queued, phase="building", **IN_SESSION)
    page = LogPage("line\n", 5, is_complete=True)
    rest = LogPage("", 5, is_complete=True)
    passes = end(row, monkeypatch, 60, 20, read_log=[page, rest], read_whole_log=NoFact("500"))
    assert 6 <= passes <= 8 and (row.state, row.log_is_complete, row.log_size) == ("failed", True, 5)


def test_a_silent_jenkins_is_waited_for(queued: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    row = in_jenkins(queued, phase="finalizing", result="FAILURE", **IN_SESSION)
    assert end(row, monkeypatch, 60, 20, builds=Unavailable("away")) == 21
