"""Why a review ends without a verdict that one could deploy on."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.errors import Problem
from foundation.problems import Sentence


class Trouble(Exception):
    """It cannot be reviewed: ``reason`` and the sentence go on the row, the problems into its findings."""

    def __init__(self, reason: str, sentence: Sentence, problems: Sequence[Problem]) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = reason
        self.problems = problems
