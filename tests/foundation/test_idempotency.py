"""The same request twice is carried out once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import F

from foundation.idempotency import Answer, answer_once, forget_old
from foundation.models import Idempotency
from foundation.problems import Invalid, Refused
from tests.foundation.probe.models import ProbeRun


def act() -> tuple[int, Any]:
    return 201, {"id": ProbeRun.objects.create(value="acted").pk}


def ask(key: str = "k", body: bytes = b"{}", token: str = "t", do: Callable[[], tuple[int, Any]] = act) -> Answer:
    return answer_once(token_key=token, method_route="POST /api/v1/orders/", key=key, body=body, act=do)


def make_older(**age: float) -> None:
    Idempotency.objects.update(created_at=F("created_at") - timedelta(**age))


def test_a_repeated_request_gets_the_first_answer(db: None) -> None:
    first, second = ask(), ask()
    assert (second.status, second.response, second.is_replay) == (first.status, first.response, True)
    assert not first.is_replay and ProbeRun.objects.count() == 1


def test_other_keys_tokens_and_days_are_other_requests(db: None) -> None:
    ask()
    assert not ask(key="other").is_replay
    assert not ask(token="other").is_replay
    make_older(hours=24.1)
    assert not ask().is_replay
    assert ProbeRun.objects.count() == 4
    assert forget_old() == 2


def test_another_body_is_refused(db: None) -> None:
    ask()
    with pytest.raises(Refused) as refusal:
        ask(body=b'{"other": 1}')
    assert (refusal.value.status, refusal.value.code) == (422, "idempotency-key-reused")
    assert ProbeRun.objects.count() == 1


def test_what_fails_leaves_nothing_and_frees_the_key(db: None) -> None:
    def fail() -> tuple[int, Any]:
        act()
        raise Refused("no")

    with pytest.raises(Refused, match="no"):
        ask(do=fail)
    assert not ProbeRun.objects.exists() and not Idempotency.objects.exists()
    assert ask(do=lambda: (400, {"code": "invalid"})).status == 400
    assert ask().status == 201


def test_a_request_that_is_still_running_is_refused_until_its_process_is_given_up(db: None) -> None:
    inner: list[int] = []

    def ask_again() -> tuple[int, Any]:
        with pytest.raises(Refused) as refusal:
            ask()
        inner.append(refusal.value.status)
        return act()

    ask(do=ask_again)
    assert inner == [409]
    Idempotency.objects.update(status=0)
    make_older(seconds=30)
    with pytest.raises(Refused):
        ask()
    make_older(seconds=31)
    assert not ask().is_replay


def test_who_was_so_slow_that_another_took_the_key_is_rolled_back(db: None) -> None:
    def slow() -> tuple[int, Any]:
        act()
        make_older(seconds=90)
        ask()
        return 201, {}

    with pytest.raises(Refused):
        ask(do=slow)


@pytest.mark.parametrize("key", ["", "x" * 201, "line\nbreak"])
def test_bad_keys_are_refused(db: None, key: str) -> None:
    with pytest.raises(Invalid) as refusal:
        ask(key=key)
    assert "Idempotency-Key" in refusal.value.fields


def test_ten_at_once_act_once(shared_database: dict[str, str]) -> None:
    answers: list[object] = []
    barrier = threading.Barrier(10)

    def run() -> None:
        barrier.wait()
        try:
            answers.append(ask().response)
        except Refused as refusal:
            answers.append(refusal.status)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ProbeRun.objects.count() == 1
    expected = {"id": ProbeRun.objects.get().pk}
    assert len(answers) == 10 and expected in answers
    assert all(answer in (409, expected) for answer in answers)
