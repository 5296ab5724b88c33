"""Why a review ends without a verdict that one could deploy on."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.errors import Problem


class Trouble(Exception):
    """It cannot be reviewed: ``reason`` and the sentence go on the row, the problems into its findings."""

    def __init__(self, reason: str, message: str, problems: Sequence[Problem]) -> None:
        super().__init__(message)
        self.reason = reason
        self.problems = problems
