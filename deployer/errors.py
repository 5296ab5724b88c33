"""What can go wrong outside, in the five words that the rest of the product knows.

Every error carries one plain sentence for a person: ``str(error)`` in English, ``error.said`` with what it is made
of, for any other language. Vendor exceptions are chained (``raise … from exc``) and never travel above the adapters.
"""

from __future__ import annotations

from dataclasses import dataclass

from deployer.sentences import Said, said_by


class DeployerError(Exception):
    """Base of all; ``str()`` is a sentence that may be shown to a person: no URLs with parameters, no secrets."""

    @property
    def said(self) -> Said:
        """The sentence, ready to be said in another language."""
        return said_by(self)


class Unavailable(DeployerError):
    """The other side did not get the request, or answered that it cannot now: certainly not done. Try again later."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(DeployerError):
    """The request went out and no answer came back: perhaps done. Reconcile by looking; never repeat blindly."""


class TooLate(DeployerError):
    """The caller's deadline passed before the write was sent: nothing was sent."""


@dataclass(frozen=True)
class Problem:
    """One thing that the other side (or our own check) refused, as shown beside the field."""

    path: str
    message: str


class Rejected(DeployerError):
    """The other side understood and said no: repeating it unchanged is useless. It is theirs, not ours."""

    def __init__(self, message: str, *, problems: tuple[Problem, ...] = (), reason: str = "refused") -> None:
        super().__init__(message)
        self.problems = problems
        self.reason = reason


class Forbidden(Rejected):
    """Our credentials were refused or lack a right; ``str()`` names the right where the other side told it."""


class NotFound(DeployerError):
    """The thing asked for is certainly absent (a healthy answer said so)."""


@dataclass(frozen=True)
class FieldConflict:
    """A field that somebody else owns on the live object."""

    manager: str
    path: str


class Conflict(DeployerError):
    """Somebody else changed or owns it. ``causes`` empty: the resourceVersion sent was stale."""

    def __init__(self, message: str, *, causes: tuple[FieldConflict, ...] = ()) -> None:
        super().__init__(message)
        self.causes = causes

    @property
    def is_stale(self) -> bool:
        """True when the object moved since it was read (no field owner is named)."""
        return not self.causes
