"""What a review finds, while it is being made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from deployer.errors import Problem
from deployer.messages import Message
from releases.choices import Reason


@dataclass
class Notes:
    """Everything that goes into ``Review.findings``; ``reason`` is that of the first problem."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Message | str] = field(default_factory=list)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    additions: list[dict[str, Any]] = field(default_factory=list)
    """What others added beside our fields; it stays unless it is taken over."""
    take_over: dict[str, Any] = field(default_factory=dict)
    """Of the snapshot: conflicts that stand in nobody's way."""
    diff: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""
    _of_conflicts: list[Problem] = field(default_factory=list)

    def refuse(self, reason: str, problem: Problem) -> None:
        """Something stands in the way of applying it."""
        self.reason = self.reason or reason
        self.problems.append(problem)

    def refuse_conflict(self, problem: Problem) -> None:
        """Somebody else set fields, which ``conflicts`` lists."""
        self._of_conflicts.append(problem)
        self.refuse(Reason.CONFLICT, problem)

    def problem_rows(self) -> list[dict[str, Any]]:
        """``{"path", "message"}`` of each, with ``is_conflict`` where ``conflicts`` says the same."""
        return [
            asdict(problem) | ({"is_conflict": True} if problem in self._of_conflicts else {})
            for problem in self.problems
        ]
