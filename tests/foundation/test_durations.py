"""How long something took, in figures and in words."""

from __future__ import annotations

import pytest
from django.utils.translation import override

from foundation import durations


@pytest.mark.parametrize(
    ("seconds", "figures", "words"),
    [
        (0, "0:00", "0 s"), (7, "0:07", "7 s"), (81, "1:21", "1 min 21 s"), (3725, "1:02:05", "1 h 2 min"),
        (-3, "0:00", "0 s"),
    ],
)  # fmt: skip
def test_figures_and_words(seconds: int, figures: str, words: str) -> None:
    with override("en"):
        assert (durations.clock(seconds), durations.in_words(seconds)) == (figures, words)


@pytest.mark.parametrize(("seconds", "words"), [(1, "5 s"), (23, "25 s"), (49, "50 s"), (80, "1 min"), (190, "3 min")])
def test_what_is_not_known_exactly_is_not_told_exactly(seconds: int, words: str) -> None:
    with override("en"):
        assert durations.roughly(seconds) == words


def test_nothing_known_says_nothing() -> None:
    assert durations.clock(None) == durations.in_words(None) == durations.roughly(None) == ""
