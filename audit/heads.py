"""Heads of the chain, and the gaps that a restore of the database left in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from audit.models import AuditEvent

RESTORED = "platform.restored"
"""The verb of the event that names a gap."""


@dataclass(frozen=True)
class Head:
    """The newest link: how many there are and its mac. Two heads of one log tell whether the older is in the newer."""

    sequence: int
    mac: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.mac}"

    @classmethod
    def parse(cls, text: str) -> Head | None:
        """From ``SEQUENCE:MAC`` as logs, exports and commands write it; None where nothing is given.

        Raises ValueError for anything else.
        """
        if not text:
            return None
        sequence, colon, mac = text.partition(":")
        if not (colon and sequence.isascii() and sequence.isdigit() and len(sequence) < 19):
            raise ValueError("A head is written SEQUENCE:MAC, as in a line of the log or the last line of an export.")
        return cls(int(sequence), mac)


@dataclass(frozen=True)
class Gap:
    """What a restore lost: the links behind ``kept`` up to ``known``, the head that logs or exports had."""

    kept: Head
    known: Head
    at: datetime

    def __str__(self) -> str:
        moment = self.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
        return f"links {self.kept.sequence + 1} to {self.known.sequence} (database restored, {moment} UTC)"

    def holds(self, head: Head) -> bool:
        """True for the head that the restore was told, and for those between, which nobody can compute any more."""
        return head == self.known or self.kept.sequence < head.sequence < self.known.sequence


def gap_of(event: AuditEvent) -> Gap | None:
    """The gap that an event names; None for other events and for a restore that lost no link."""
    if event.verb != RESTORED:
        return None
    facts = event.after or {}
    kept, known = Head.parse(facts.get("kept_head", "")), Head.parse(facts.get("known_head", ""))
    return Gap(kept, known, event.at) if kept and known and known.sequence > kept.sequence else None
