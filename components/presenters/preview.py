"""A rendering and a text's difference, ready to be laid out: problems with the line of the text that they are about."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from components.models import Preview
from foundation.digits import parse_digits
from foundation.messages import Message, as_message

MOST_DIFF_LINES = 600


@dataclass(frozen=True)
class ProblemShown:
    """What is wrong; ``line`` counts from 1 in the text as typed, 0 where it is about no line.

    ``place``: the path inside an object where it is about a field; else empty.
    """

    message: Message
    line: int
    text: str
    place: str


@dataclass(frozen=True)
class ResultShown:
    """What the text becomes in one environment; ``environment`` is empty for what all of them share."""

    environment: str
    lines: list[str]
    problems: list[ProblemShown]

    @property
    def is_fine(self) -> bool:
        """True when it renders."""
        return not self.problems


@dataclass(frozen=True)
class DiffLine:
    """``kind`` is add, del, at, or empty for a line of both texts."""

    kind: str
    text: str


def shown_results(preview: Preview) -> list[ResultShown]:
    """Every environment of a finished preview."""
    source = preview.body.splitlines()
    return [
        ResultShown(
            environment=str(result["environment"]),
            lines=str(result["text"]).splitlines(),
            problems=[_problem(problem, source) for problem in result["problems"]],
        )
        for result in preview.results
    ]


def _problem(problem: dict[str, object], source: Sequence[str]) -> ProblemShown:
    path = str(problem["path"])
    _name, _colon, number = path.rpartition(":")
    line = parse_digits(number, 6) or 0
    text = source[line - 1] if 0 < line <= len(source) else ""
    return ProblemShown(as_message(problem["message"]), line, text, "" if line else path)


def chosen_result(results: Sequence[ResultShown], environment: str) -> ResultShown | None:
    """The result of the environment, else the first that has a problem, else the first."""
    for result in results:
        if result.environment == environment:
            return result
    wrong = [result for result in results if not result.is_fine]
    return next(iter(wrong or results), None)


def plain_diff(before: str, after: str) -> list[DiffLine]:
    """A unified difference of two texts; empty when there is none."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=3, lineterm="")
    # The first two lines name files that there are not.
    found = [_diff_line(line) for line in list(lines)[2:]]
    return found[:MOST_DIFF_LINES]


def _diff_line(line: str) -> DiffLine:
    kinds = {"+": "add", "-": "del", "@": "at"}
    return DiffLine(kinds.get(line[:1], ""), line)
