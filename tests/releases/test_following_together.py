"""Many builds of one Jenkins in one pass: each with its own lease, and what is out of the ordinary on its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from deployer.errors import DeployerError, NotFound, Unavailable
from deployer.interfaces import AgentWait, BuildDetail, BuildStatus, LogPage, StageStatus
from foundation import breakers
from foundation.clock import db_now
from foundation.runs import kinds
from foundation.runs.claim import claim_group, claim_others
from foundation.runs.identity import owner
from foundation.runs.lease import Again, Lease
from foundation.runs.slots import slots
from foundation.runs.together import run_together
from releases.models import Build, LogChunk, OrderEvent
from releases.presenters.words import build_waits
from releases.steps.build.cadence import Followed, pause_seconds
from releases.transitions import move
from tests.cast import World
from tests.releases.rows import build, make_component, make_order

LINES = "one\ntwo\n"
BUILDS = 6


@pytest.fixture(autouse=True)
def no_breaker_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no pass of a slow machine leaves anything to the next one."""
    breakers._confirmed.clear()
    monkeypatch.setattr("releases.steps.build.together.MOST_SECONDS", 3600.0)


@pytest.fixture
def rows(world: World) -> list[Build]:
    """Builds that run in Jenkins, all watched."""
    component = make_component(world)
    found = [build(make_order(component, world.dana)) for _ in range(BUILDS)]
    for number, row in enumerate(found, 1):
        move(row, "running", actor=None)
        Build.objects.filter(pk=row.pk).update(
            phase="building", build_number=number, queue_id=number, session="one", remote=row.server.remote_key,
            watched_until=timezone.now() + timedelta(hours=1), lines_at=timezone.now(), stages_at=timezone.now(),
            next_at=timezone.now() - timedelta(seconds=1),
        )  # fmt: skip
    return found


class Controller:
    """A Jenkins whose builds all run and write; ``wrong`` are errors by number, ``ended`` builds that are over,
    ``long`` those of which an answer never holds all."""

    session = "one"

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.wrong: dict[int, DeployerError] = {}
        self.ended: set[int] = set()
        self.text = LINES
        self.long: set[int] = set()
        self.waits: dict[int, AgentWait] = {}
        self.before_answer: Callable[[int], object] = lambda _number: None
        self.hear: Callable[[], None] = lambda: None

    def __call__(self, _target: object, *, on_answer: Callable[[], None]) -> Controller:
        self.hear = on_answer
        return self

    def builds(self, _job: str) -> dict[int, BuildStatus]:
        if not self.asked:
            self.asked.append(("builds", 0))
        self.hear()
        return {
            number: BuildStatus(number, number, number not in self.ended, "SUCCESS" if number in self.ended else None)
            for number in range(1, BUILDS + 1)
        }

    def build(self, _job: str, number: int) -> BuildDetail:
        self.asked.append(("build", number))
        raise NotFound("none")

    def stages(self, _job: str, number: int) -> tuple[StageStatus, ...]:
        self.asked.append(("stages", number))
        return (StageStatus("Build", "running", 1, 1),)

    def agent_waits(self, _job: str) -> dict[int, AgentWait]:
        self.asked.append(("queue", 0))
        return self.waits

    def read_log(self, _job: str, number: int, offset: int) -> LogPage:
        self.asked.append(("log", number))
        self.before_answer(number)
        if number in self.wrong:
            raise self.wrong[number]
        self.hear()
        return LogPage(self.text, offset + len(self.text), is_complete=False, has_rest=number in self.long)


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch) -> Controller:
    found = Controller()
    monkeypatch.setattr("deployer.adapters.jenkins.connect", found)
    return found


def claimed() -> list[Lease]:
    return claim_group(kinds.get("build"), owner=owner())


def make_due() -> None:
    """All of them, at once."""
    Build.objects.update(next_at=timezone.now() - timedelta(seconds=1), read_at=None)


def logs() -> dict[int | None, str]:
    return {
        row.build_number: "".join(row.chunks.order_by("offset").values_list("text", flat=True))
        for row in Build.objects.all()
    }


def test_one_pass_stores_all_logs_and_frees_all_leases(rows: list[Build], controller: Controller) -> None:
    leases = claimed()
    assert len(leases) == BUILDS, "more runs than the remote has slots: they have one in common"
    outcome = run_together(leases)
    assert isinstance(outcome, Again)
    assert set(logs().values()) == {LINES}
    for row in Build.objects.all():
        assert (row.owner, row.claims, row.log_offset, row.log_lines) == ("", 0, len(LINES), 2)
    assert [what for what, _number in controller.asked].count("builds") == 1
    assert slots.free(rows[0].server.remote_key) == 4


def test_a_pass_asks_no_more_than_its_pause_allows(rows: list[Build], controller: Controller) -> None:
    """However long it takes: the pause is counted from its beginning."""
    for text in (LINES, "[Pipeline] stage\n[Pipeline] { (Build)\n"):
        make_due()
        controller.asked, controller.text = [], text
        began = db_now()
        run_together(claimed())
        pause = min((row.next_at - began).total_seconds() for row in Build.objects.all())
        calls = [what for what, _number in controller.asked if what != "builds"]
        assert len(calls) <= (2 * BUILDS - 1) * pause, (calls, pause)


def test_a_long_log_is_due_at_once_and_the_others_have_their_turn_with_it(
    rows: list[Build], controller: Controller
) -> None:
    controller.long = {1}
    for passes in range(1, 4):
        run_together(claimed())
        reads = [number for what, number in controller.asked if what == "log"]
        assert reads == ([*range(1, BUILDS + 1)] if passes == 1 else [1])
        # However slow the pass is: only the long one is due whenever somebody asks, and somebody asks at once.
        (unread,) = Build.objects.filter(read_at=None)
        assert unread.build_number == 1 and unread.next_at <= db_now() + timedelta(seconds=0.1)
        controller.asked = [("builds", 0)]
        Build.objects.filter(build_number=1).update(next_at=timezone.now() - timedelta(seconds=1))
    make_due()
    run_together(claimed())
    assert len([what for what, _number in controller.asked if what == "log"]) == BUILDS, "one answer for each"


def test_stages_are_asked_for_where_the_log_tells_of_one(rows: list[Build], controller: Controller) -> None:
    run_together(claimed())
    assert "stages" not in dict(controller.asked)
    make_due()
    controller.text = "[Pipeline] stage\n[Pipeline] { (Build)\n"
    run_together(claimed())
    assert [what for what, _number in controller.asked].count("stages") == BUILDS
    assert OrderEvent.objects.filter(kind="build.stages").count() == BUILDS
    assert Build.objects.filter(stages__0__name="Build", owner="").count() == BUILDS


def test_a_lease_that_was_lost_meanwhile_writes_nothing(rows: list[Build], controller: Controller) -> None:
    def take_over(number: int) -> None:
        if number == 2:
            Build.objects.filter(build_number=2).update(fence=99, owner="somebody else")

    controller.before_answer = take_over
    run_together(claimed())
    assert {number: text for number, text in logs().items() if text != LINES} == {2: ""}
    lost = Build.objects.get(build_number=2)
    assert (lost.owner, lost.fence, lost.log_offset) == ("somebody else", 99, 0)


def test_a_silent_jenkins_is_asked_once_and_the_others_wait(rows: list[Build], controller: Controller) -> None:
    controller.wrong = dict.fromkeys(range(1, BUILDS + 1), Unavailable("no answer"))
    run_together(claimed())
    assert [what for what, _number in controller.asked].count("log") == 1
    assert not Build.objects.exclude(owner="").exists()
    assert not Build.objects.filter(contact_lost_since=None).exists(), "all say since when"
    assert not LogChunk.objects.exists() and claimed() == []


def test_an_answer_that_is_no_fact_is_left_to_the_builds_own_step(rows: list[Build], controller: Controller) -> None:
    controller.wrong = {3: NotFound("Jenkins has no such build.")}
    run_together(claimed())
    assert {number: text for number, text in logs().items() if text != LINES} == {3: ""}
    odd = Build.objects.get(build_number=3)
    assert odd.is_active and odd.contact_lost_since is not None and "no such build" in odd.message
    assert Build.objects.filter(message="").count() == BUILDS - 1


def test_an_end_is_left_to_the_builds_own_step(rows: list[Build], controller: Controller) -> None:
    controller.ended = {4}
    run_together(claimed())
    assert list(Build.objects.filter(phase="finalizing").values_list("build_number", "result")) == [(4, "SUCCESS")]
    assert set(logs().values()) == {LINES}


def test_one_that_raises_keeps_no_other_from_its_log(
    rows: list[Build], controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistake of ours counts against the build that it is about, and not against all that were with it."""

    def fail(number: int) -> None:
        if number == 5:
            raise ArithmeticError

    controller.before_answer = fail
    run_together(claimed())
    assert {number: text for number, text in logs().items() if text != LINES} == {5: ""}
    assert list(Build.objects.exclude(claims=0).values_list("build_number", flat=True)) == [5]


def test_a_stop_has_the_builds_own_step(rows: list[Build], controller: Controller) -> None:
    Build.objects.filter(build_number=1).update(stop_requested_at=timezone.now())
    assert [lease.pk for lease in claim_others(kinds.get("build"), owner=owner(), limit=9)] == [rows[0].pk]
    assert len(claimed()) == BUILDS - 1


def test_a_build_that_nobody_watches_is_looked_at_and_not_read(rows: list[Build], controller: Controller) -> None:
    Build.objects.update(watched_until=None, read_at=timezone.now())
    run_together(claimed())
    assert controller.asked == [("builds", 0)]
    assert not Build.objects.exclude(owner="").exists()
    ago = timezone.now() - timedelta(seconds=16)
    Build.objects.update(read_at=ago, next_at=ago)
    run_together(claimed())
    assert set(logs().values()) == {LINES}


def test_a_build_that_waits_for_an_agent_says_so_in_jenkins_words_and_since_when(
    rows: list[Build], controller: Controller
) -> None:
    ago = timezone.now() - timedelta(seconds=20)
    Build.objects.update(lines_at=ago)
    controller.text = ""
    why = "Waiting for next available executor on ‘python’"
    controller.waits = {2: AgentWait(why, 1_700_000_000_000)}
    run_together(claimed())
    waits = Build.objects.get(build_number=2)
    assert (waits.queue_why, build_waits(waits)) == (why, why)
    assert waits.queue_since is not None and waits.queue_since.timestamp() == 1_700_000_000
    assert Build.objects.exclude(queue_why="").count() == 1
    make_due()
    controller.text = LINES
    run_together(claimed())
    told = OrderEvent.objects.filter(order=waits.order_id, kind__in=["build.waits_for_agent", "build.has_agent"])
    assert list(told.values_list("kind", flat=True)) == ["build.waits_for_agent", "build.has_agent"]
    waits.refresh_from_db()
    assert (waits.queue_why, waits.queue_since, build_waits(waits)) == ("", None, "")


def test_a_pass_says_when_the_first_of_its_runs_is_due_again(rows: list[Build], controller: Controller) -> None:
    """A watcher waits exactly so long. What was written early in a pass that outlasts the pause is due at its end."""
    controller.before_answer = lambda _number: time.sleep(0.15)  # a slow server
    pause = pause_seconds(Followed(BUILDS, BUILDS), lines_age=0.0, is_watched=True)
    assert pause < BUILDS * 0.15
    assert run_together(claimed()) == Again(0.001)
