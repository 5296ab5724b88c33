"""Several requests at a time: in order, bounded, and never one in the way of another."""

from __future__ import annotations

import threading

import pytest

from deployer.errors import NotFound, Unavailable
from deployer.messages import message as _
from deployer.parallel import MOST, answers, meanwhile, outcomes


def test_answers_come_in_the_order_of_what_was_asked() -> None:
    assert answers(lambda number: number * 2, range(40)) == [number * 2 for number in range(40)]
    assert answers(str, []) == []


def test_they_are_asked_together_and_not_all_at_once() -> None:
    together = threading.Barrier(MOST, timeout=10)
    lock, at_work, most = threading.Lock(), 0, 0

    def ask(_number: int) -> None:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        together.wait()
        with lock:
            at_work -= 1

    # The barrier opens only when so many are asked at the same time: one after the other this would end with an error.
    answers(ask, range(2 * MOST))
    assert most == MOST


def test_a_refusal_stands_in_the_place_of_its_answer() -> None:
    absent = NotFound(_("It is not there."))

    def ask(number: int) -> int:
        if number == 1:
            raise absent
        return number

    assert outcomes(ask, range(3)) == [0, absent, 2]
    with pytest.raises(NotFound):
        answers(ask, range(3))


def test_the_first_refusal_by_order_is_raised_once_all_are_back() -> None:
    last = threading.Event()

    def ask(number: int) -> None:
        if number == 0:
            assert last.wait(10)
            raise Unavailable(_("The first."))
        last.set()
        raise NotFound(_("The second."))

    with pytest.raises(Unavailable):
        answers(ask, range(2))


def test_a_mistake_of_ours_is_no_answer() -> None:
    def ask(number: int) -> int:
        return 1 // number

    with pytest.raises(ZeroDivisionError):
        outcomes(ask, range(2))


def test_each_is_asked_on_a_thread_that_ends_with_the_call() -> None:
    """One that hangs at one side keeps no thread from another side."""
    names = set(answers(lambda _number: threading.current_thread().name, range(MOST)))
    assert names and not names & {thread.name for thread in threading.enumerate()}


def test_what_is_asked_meanwhile_is_under_way_before_its_answer_is_wanted() -> None:
    asked, go_on = threading.Event(), threading.Event()

    def ask() -> str:
        asked.set()
        assert go_on.wait(10)
        return "there"

    with meanwhile() as begin:
        answer = begin(ask)
        assert asked.wait(10)
        go_on.set()
        assert answer() == "there"


def test_what_was_refused_meanwhile_is_raised_where_the_answer_is_wanted() -> None:
    def ask() -> None:
        raise NotFound(_("It is not there."))

    with meanwhile() as begin:
        answer = begin(ask)
        with pytest.raises(NotFound):
            answer()


def test_who_fails_meanwhile_waits_for_no_answer() -> None:
    go_on = threading.Event()
    with pytest.raises(ValueError), meanwhile() as begin:
        begin(lambda: go_on.wait(30))
        raise ValueError
    assert not go_on.is_set()
    go_on.set()
