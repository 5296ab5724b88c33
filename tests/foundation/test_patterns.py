"""Patterns that people write are bounded in time, and one that the engine does not know is told at save."""

from __future__ import annotations

import time

import pytest

from foundation.patterns import LONGEST, matches, problem_of

pytestmark = pytest.mark.security("floods")


@pytest.mark.parametrize("pattern", ["(a+)+", "(a|aa)+", "(.*)*x", "([a-z]+)*[0-9]"])
def test_no_pattern_holds_a_process_up(pattern: str) -> None:
    assert problem_of(pattern) == ""
    began = time.monotonic()
    assert not matches(pattern, "a" * 20_000 + "!")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "pattern", ["(?=a)b", r"(a)\1", "a{2000}", "((a{100}){100}){100}", "(", "[", "a" * (LONGEST + 1)]
)
def test_what_the_engine_does_not_know_is_said(pattern: str) -> None:
    assert problem_of(pattern)
    assert not matches(pattern, "a")


def test_the_whole_text_has_the_form() -> None:
    assert matches("CHG[0-9]{6}", "CHG123456")
    assert not matches("CHG[0-9]{6}", "CHG1234567") and not matches("CHG[0-9]{6}", "CHG123456\n")
    assert matches("release/.*", "release/1.2") and matches("发布/.+", "发布/九月")
    assert "look-around" in str(problem_of("(?=a)b"))
