"""At its end the stored log is what Jenkins has, also after faults on the way; nothing of it is stored unmasked."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.utils import timezone

from deployer.errors import Forbidden, NotFound, TooLate, Unavailable
from deployer.interfaces import BuildDetail, BuildStatus, LogPage
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from releases.logs.reading import read_lines, summary_of
from releases.logs.truth import LogSum
from releases.models import Build, LogCheck, OrderEvent
from releases.steps.build import log_truth
from releases.steps.log_check import _one
from tests.cast import World
from tests.releases.answers import Jenkins
from tests.releases.rows import build as make_build
from tests.releases.rows import make_component, make_order
from tests.releases.test_build_remotes import FAR, IN_SESSION, breakers_are_closed, in_jenkins, put, step

TEXT = "".join(f"line {number} of the log\n" for number in range(1, 4001))
ENDED = {3: BuildStatus(number=3, queue_id=1, is_building=False, result="FAILURE")}


@pytest.fixture
def row(world: World) -> Build:
    queued = make_build(make_order(make_component(world), world.dana))
    return in_jenkins(queued, phase="building", seen_at=timezone.now(), **IN_SESSION)


def page(text: str, following: int, *, done: bool = False, **more: bool) -> LogPage:
    return LogPage(text, following, is_complete=done, **more)


def follow(row: Build, monkeypatch: pytest.MonkeyPatch, pages: list[LogPage], whole: Any) -> Jenkins:
    """Steps over the build with these pages, one a step, until it ends."""
    jenkins = Jenkins(session="one", confirm="one", stages=(), builds=ENDED, read_log=[*pages], read_whole_log=whole)
    put(monkeypatch, jenkins)
    for _times in range(len(pages) + 4):
        breakers_are_closed()
        if step(row).is_terminal:
            break
    return jenkins


def stored(row: Build) -> str:
    return "".join(row.chunks.order_by("offset").values_list("text", flat=True))


def was_replaced(row: Build) -> bool:
    return OrderEvent.objects.filter(order=row.order_id, kind="log.replaced").exists()


def test_a_log_that_came_as_it_is_stays(row: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [page(TEXT[:40_000], 1), page(TEXT[40_000:], 2, done=True)]
    follow(row, monkeypatch, pages, [TEXT[:999], TEXT[999:]])
    assert row.is_terminal and row.log_is_complete and stored(row) == TEXT
    assert row.log_version == 0 and not was_replaced(row)


@pytest.mark.parametrize(
    "pages",
    [
        [page(TEXT[:1000], 1), page("[… 9 bytes left out here …]\n", 2, done=True, has_gap=True)],
        [page(TEXT[:1000], 1), page(TEXT[5000:], 2, done=True)],
        [page(TEXT[:1000], 1), page(TEXT[500:], 2, done=True)],
        [page(TEXT.replace("7", "8"), 1, done=True)],
    ],
    ids=["a middle left out", "a part lost unseen", "a part twice", "other text"],
)
def test_what_differs_is_replaced(row: Build, monkeypatch: pytest.MonkeyPatch, pages: list[LogPage]) -> None:
    monkeypatch.setattr(log_truth, "PIECE", 10_000)
    pieces = [TEXT[start : start + 3000] for start in range(0, len(TEXT), 3000)]
    follow(row, monkeypatch, pages, pieces)
    assert row.is_terminal and stored(row) == TEXT and row.log_is_complete
    assert row.log_size == len(TEXT) and row.log_lines == 4000
    assert read_lines(row, 3999, 1)[0].text == "line 3999 of the log"
    assert was_replaced(row) and row.log_version == summary_of(row).version == 1


def test_a_rewound_log_is_not_stored_twice(row: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = [page(TEXT[:3000], 1), page(TEXT, 2, done=True, was_rewound=True)]
    follow(row, monkeypatch, pages, [TEXT])
    assert stored(row) == TEXT and row.log_version == 1 and row.log_lines == 4000


def test_a_replacement_that_breaks_off_is_begun_anew(row: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_truth, "PIECE", 10_000)

    class Breaking(Jenkins):
        tries = 0

        def read_whole_log(self, *_args: object, **_named: object) -> Any:
            self.tries += 1
            yield TEXT[:25_000]
            yield TEXT[25_000:50_000]
            if self.tries == 2:
                raise Unavailable("Jenkins broke the connection.")
            yield TEXT[50_000:]

    done = page(TEXT[:10], 9, done=True, has_gap=True)
    jenkins = Breaking(session="one", confirm="one", stages=(), builds=ENDED, read_log=[done, page("", 9, done=True)])
    put(monkeypatch, jenkins)
    for _times in range(6):
        breakers_are_closed()
        if step(row).is_terminal:
            break
    assert jenkins.tries == 4 and row.is_terminal, "it is read once to be compared and once to be stored"
    assert stored(row) == TEXT and row.log_is_complete


@pytest.mark.parametrize(
    "error", [NotFound("gone"), Forbidden("no"), TooLate("no time")], ids=lambda e: type(e).__name__
)
@pytest.mark.parametrize("has_gap", [False, True])
def test_a_log_that_is_not_given_as_a_whole_ends_the_build_all_the_same(
    row: Build, monkeypatch: pytest.MonkeyPatch, error: Exception, has_gap: bool
) -> None:
    follow(row, monkeypatch, [page(TEXT, 1, has_gap=has_gap), page("", 1, done=True)], error)
    assert row.is_terminal and stored(row) == TEXT
    assert row.log_is_complete is not has_gap, "a log with a gap is cut"


CLOSED = f"{TEXT}Finished: FAILURE\n"


@pytest.mark.parametrize(
    "wrong",
    [[], [""], ["Service temporarily unavailable\n"], ["line 1 of another\n"], [CLOSED[:-20]], [CLOSED, "and more"]],
    ids=["empty", "an empty piece", "an error page", "another text", "cut", "another end"],
)
@pytest.mark.parametrize("has_gap", [False, True])
def test_what_is_not_this_log_takes_nothing_away(
    row: Build, monkeypatch: pytest.MonkeyPatch, wrong: list[str], has_gap: bool
) -> None:
    """A 200 is no proof: what stands before Jenkins answers with less, or with words of its own."""
    pages = [page(CLOSED, 1, has_gap=has_gap), page("", 1, done=True)]
    follow(row, monkeypatch, pages, wrong)
    assert stored(row) == CLOSED and not row.is_terminal and not was_replaced(row)
    follow(row, monkeypatch, [page("", 1, done=True)], [CLOSED])
    assert row.is_terminal and stored(row) == CLOSED and row.log_is_complete


def test_another_answer_at_the_second_read_takes_nothing_away(row: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    class Twice(Jenkins):
        reads = 0

        def read_whole_log(self, *_args: object, **_named: object) -> Any:
            self.reads += 1
            yield CLOSED if self.reads % 2 else "Please sign in\n"

    pages = [page(CLOSED[:99], 1), page("", 1, done=True)]
    put(monkeypatch, Twice(session="one", confirm="one", stages=(), builds=ENDED, read_log=pages))
    for _times in range(3):
        breakers_are_closed()
        step(row)
    assert stored(row) == CLOSED[:99] and not row.is_terminal and not was_replaced(row)


@pytest.mark.parametrize("begins", ["[… 9 bytes left out here; Jenkins has them …]\n", "token=abcdef0123456789\n"])
def test_a_log_whose_first_line_is_not_known_is_replaced(
    row: Build, monkeypatch: pytest.MonkeyPatch, begins: str
) -> None:
    follow(
        row,
        monkeypatch,
        [page(f"{begins}{TEXT[99:]}", 1, has_gap=True), page("", 1, done=True)],
        [f"token=abcdef0123456789\n{TEXT}"],
    )
    assert row.is_terminal and stored(row).endswith(TEXT) and "abcdef" not in stored(row) and row.log_is_complete


def test_a_build_that_was_killed_has_no_closing_line(row: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(row, monkeypatch, [page(TEXT[:-30], 1), page("", 1, done=True)], [TEXT])
    assert row.is_terminal and stored(row) == TEXT and row.log_is_complete


def test_a_long_log_whose_place_holds_something_else_stays_and_is_given_up(
    long: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _jenkins = check(long, monkeypatch, read_whole_log=[])
    assert found.is_active and found.contact_lost_since and stored(long) == TEXT
    long.log_reader = {**long.log_reader, "missed_since": long.log_reader["missed_since"] - log_truth.GIVEN_UP_SECONDS}
    long.save(update_fields=["log_reader"])
    found, _jenkins = check(long, monkeypatch, read_whole_log=[])
    assert found.is_terminal and stored(long) == TEXT and long.log_is_complete


def test_a_cut_log_stays_one_when_the_registry_is_away_at_its_end(row: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass that ends it is another one than the pass that found that Jenkins does not give it as a whole."""
    ended = {3: BuildStatus(number=3, queue_id=1, is_building=False, result="ABORTED")}
    detail = BuildDetail(3, False, "ABORTED", "", "", {"TRIGGER_ID": str(row.trigger_id)})
    answers = {"session": "one", "confirm": "one", "stages": (), "builds": ended, "build": detail}
    pages = [page(TEXT, 1, has_gap=True), page("", 1, done=True)]
    put(monkeypatch, Jenkins(**answers, read_log=pages, read_whole_log=NotFound("gone")))
    away = iter([Unavailable("the registry is away")])

    def image(*_args: object) -> None:
        for error in away:
            raise error

    monkeypatch.setattr("releases.steps.build.ends.read_image", image)
    for _times in range(5):
        breakers_are_closed()
        if step(row).is_terminal:
            break
    assert row.is_terminal and not row.log_is_complete


# ---------------------------------------------------------------- long ones
def check(row: Build, monkeypatch: pytest.MonkeyPatch, number: int = 3, **answers: Any) -> tuple[LogCheck, Jenkins]:
    """The comparison after the end, by a Jenkins that has the build under this number."""
    trigger = {"TRIGGER_ID": str(row.trigger_id)} if number == row.build_number else {}
    detail = BuildDetail(number, False, "FAILURE", "", "", trigger)
    jenkins = Jenkins(**{"session": "one", "build": detail, **answers})
    put(monkeypatch, jenkins)
    breakers_are_closed()
    (lease,) = claim(kinds.get("log_check"), owner=owner(), limit=1, grace=FAR)
    run_step(lease)
    row.refresh_from_db()
    return LogCheck.objects.get(), jenkins


@pytest.fixture
def long(row: Build, monkeypatch: pytest.MonkeyPatch) -> Build:
    """A build that ended with a log too long to be read again before its end."""
    monkeypatch.setattr(log_truth, "MOST_COMPARED", 1000)
    jenkins = follow(row, monkeypatch, [page(TEXT, 1), page("", 1, done=True)], [TEXT])
    assert row.is_terminal and row.log_is_complete and "read_whole_log" not in jenkins.asked
    return row


def test_a_long_log_is_compared_after_the_end_of_its_build(long: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    found, jenkins = check(long, monkeypatch, read_whole_log=[TEXT])
    assert found.state == "succeeded" and jenkins.asked.count("read_whole_log") == 1
    assert stored(long) == TEXT and long.log_is_complete and not was_replaced(long)


def test_a_long_log_that_differs_is_replaced_after_the_end(long: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _jenkins = check(long, monkeypatch, read_whole_log=[TEXT[:5], TEXT[5:], "and its end\n"])
    assert found.is_terminal and stored(long) == f"{TEXT}and its end\n"
    assert long.log_is_complete and was_replaced(long) and long.log_version == 1
    assert long.state == "failed", "nothing else of it changes"


@pytest.fixture
def cut(row: Build, monkeypatch: pytest.MonkeyPatch) -> Build:
    """One that ended with a log of which an old Jenkins left out more than its end can wait for."""
    monkeypatch.setattr(log_truth, "MOST_AWAITED", 1000)
    jenkins = follow(row, monkeypatch, [page(TEXT[:99], 9999, has_gap=True), page("", 9999, done=True)], [TEXT])
    assert row.is_terminal and "read_whole_log" not in jenkins.asked
    return row


def test_a_cut_log_that_is_long_is_replaced_after_the_end(cut: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not cut.log_is_complete and stored(cut) == TEXT[:99]
    found, _jenkins = check(cut, monkeypatch, read_whole_log=[TEXT])
    assert found.state == "succeeded" and stored(cut) == TEXT and cut.log_is_complete


def test_what_takes_longer_than_a_step_of_a_build_is_read_after_the_end(
    row: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Jenkins that is slow: the replacement breaks off at the deadline and is begun anew."""
    monkeypatch.setattr(log_truth, "PIECE", 10_000)

    class Slow(Jenkins):
        def read_whole_log(self, *_args: object, **_named: object) -> Any:
            yield TEXT[:25_000]
            raise TooLate("no time")

    pages = [page(TEXT[:99], 9, has_gap=True), page("", 9, done=True)]
    put(monkeypatch, Slow(session="one", confirm="one", stages=(), builds=ENDED, read_log=pages))
    for _times in range(4):
        breakers_are_closed()
        if step(row).is_terminal:
            break
    assert row.is_terminal and not row.log_is_complete
    found, _jenkins = check(row, monkeypatch, read_whole_log=[TEXT])
    assert found.state == "succeeded" and stored(row) == TEXT and row.log_is_complete


def test_it_has_half_an_hour_and_no_second_one_beside_it(long: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old Jenkins gives a log as a whole only: 148 MB are read in a step of another kind, at 4 MB a second."""
    seen: list[float] = []

    class Second(Jenkins):
        def read_whole_log(self, *_args: object, deadline: float) -> Any:
            seen.append(deadline - time.monotonic())
            assert not _one.acquire(blocking=False)
            return iter([TEXT])

    answers = {
        "session": "one",
        "build": BuildDetail(3, False, "FAILURE", "", "", {"TRIGGER_ID": str(long.trigger_id)}),
    }
    put(monkeypatch, Second(**answers))
    (lease,) = claim(kinds.get("log_check"), owner=owner(), limit=1, grace=FAR)
    run_step(lease)
    assert LogCheck.objects.get().is_terminal and 1700 < seen[0] < 1800


def test_a_number_of_another_build_by_then_is_not_read(long: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    found, jenkins = check(long, monkeypatch, number=4, read_whole_log=["a foreign line\n"])
    assert found.is_terminal and "read_whole_log" not in jenkins.asked and stored(long) == TEXT


@pytest.mark.parametrize("error", [NotFound("gone"), Forbidden("no")], ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("at", ["build", "read_whole_log"])
def test_a_long_log_that_is_not_shown_any_more_stays(
    long: Build, monkeypatch: pytest.MonkeyPatch, error: Exception, at: str
) -> None:
    found, _jenkins = check(long, monkeypatch, **{at: error})
    assert found.is_terminal and stored(long) == TEXT and long.log_is_complete


def test_a_silent_jenkins_is_asked_again_for_a_long_log(long: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _jenkins = check(long, monkeypatch, read_whole_log=Unavailable("away"))
    assert found.is_active and found.contact_lost_since
    found, _jenkins = check(long, monkeypatch, read_whole_log=[TEXT])
    assert found.state == "succeeded"


def test_a_key_that_comes_in_two_pieces_is_masked_in_both(row: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nfirst0123456789\nsecond0123456789\n-----END PRIVATE KEY-----\n"
    text = f"before\n{key}after\n"
    cut = text.index("second")
    follow(row, monkeypatch, [page(text[:cut], 1), page(text[cut:], 2, done=True)], [text])
    assert "0123456789" not in stored(row) + str(row.log_reader)
    assert row.log_lines == text.count("\n") and row.log_version == 0, "compared before it was masked"


def test_sums_of_pieces_are_those_of_the_whole() -> None:
    assert LogSum.of([TEXT]) == LogSum.of(TEXT[start : start + 77] for start in range(0, len(TEXT), 77))
    assert LogSum.of([TEXT]) != LogSum.of([TEXT[:-1]]) != LogSum.of([TEXT[1:]])
