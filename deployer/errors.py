"""What can go wrong outside, in the five words that the rest of the product knows.

Every error carries one message for a person: ``str(error)`` is it in English, ``error.message`` can be translated.
Vendor exceptions are chained (``raise … from exc``) and never travel above the adapters.
"""

from __future__ import annotations

from dataclasses import dataclass

from deployer.messages import Message, message_of


class DeployerError(Exception):
    """Base of all; its message may be shown to a person: no URLs with parameters, no secrets."""

    def __str__(self) -> str:
        first = self.args[0] if self.args else ""
        return first.in_english if isinstance(first, Message) else super().__str__()

    @property
    def message(self) -> Message:
        """What it was raised with."""
        return message_of(self)


class Unavailable(DeployerError):
    """The other side did not get the request, or answered that it cannot now: certainly not done. Try again later."""

    def __init__(self, message: Message | str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class NoFact(Unavailable):
    """The other side answered, but not in a way that decides anything: it asks for a sign-in, or hides what we look
    for. Looked at again later, like silence; it says nothing of other things on the same server."""


class OutcomeUnknown(DeployerError):
    """The request went out and no answer came back: perhaps done. Reconcile by looking; never repeat blindly."""

    def __init__(self, message: Message | str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class TooLate(DeployerError):
    """The caller's deadline passed before the write was sent: nothing was sent."""


@dataclass(frozen=True)
class Problem:
    """One thing that the other side (or our own check) refused, as shown beside the field."""

    path: str
    message: Message | str


class Rejected(DeployerError):
    """The other side understood and said no: repeating it unchanged is useless. It is theirs, not ours."""

    def __init__(self, message: Message | str, *, problems: tuple[Problem, ...] = (), reason: str = "refused") -> None:
        super().__init__(message)
        self.problems = problems
        self.reason = reason


class QuotaExceeded(Rejected):
    """The namespace's quota ``quota`` has too little of ``resources`` left, or is new and not counted yet."""

    def __init__(self, message: Message | str, *, quota: str, resources: frozenset[str]) -> None:
        super().__init__(message, reason="quota")
        self.quota = quota
        self.resources = resources


class Forbidden(Rejected):
    """Our credentials were refused or lack a right; ``str()`` names the right where the other side told it."""


class NotFound(DeployerError):
    """The thing asked for is certainly absent (a healthy answer said so)."""


@dataclass(frozen=True)
class FieldConflict:
    """A field that somebody else owns on the live object."""

    manager: str
    """Empty where the server does not name it."""
    path: str


class Conflict(DeployerError):
    """Somebody else changed or owns it. ``causes`` empty: the resourceVersion sent was stale."""

    def __init__(self, message: Message | str, *, causes: tuple[FieldConflict, ...] = ()) -> None:
        super().__init__(message)
        self.causes = causes

    @property
    def is_stale(self) -> bool:
        """True when the object moved since it was read (no field owner is named)."""
        return not self.causes
