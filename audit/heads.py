"""Heads of the chain: the file outside the database that keeps them, and the gaps that a restore left.

Who can write every table, or has the key besides, can make a chain that fits in itself. It does not fit what was
written down elsewhere at the time: each pass that seals appends its head to ``settings.AUDIT_HEADS_FILE``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from audit.marks import shown_time
from audit.models import AuditEvent

START = "0" * 64
"""What stands before the first link."""

RESTORED = "platform.restored"
"""The verb of the event that names a gap."""

_LONGEST_LINE = 200


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

    def holds(self, head: Head, *, at: datetime | None = None) -> bool:
        """True for the head that the restore was told, and for those between, which nobody can compute any more.

        ``at``: when the head was kept, where that is known; what was kept after the restore is of the new timeline.
        """
        if at is not None and at > self.at:
            return False
        return head == self.known or self.kept.sequence < head.sequence < self.known.sequence


def gap_of(event: AuditEvent) -> Gap | None:
    """The gap that an event names; None for other events and for a restore that lost no link."""
    if event.verb != RESTORED:
        return None
    facts = event.after or {}
    kept, known = Head.parse(facts.get("kept_head", "")), Head.parse(facts.get("known_head", ""))
    return Gap(kept, known, event.at) if kept and known and known.sequence > kept.sequence else None


@dataclass(frozen=True)
class KeptHead:
    """One line of the file of heads; ``at`` by the database's clock."""

    line: int
    at: datetime
    head: Head


def heads_file() -> Path | None:
    """Where heads are kept; None where the installation turned it off."""
    return Path(settings.AUDIT_HEADS_FILE) if settings.AUDIT_HEADS_FILE else None


def keep_head(head: Head, at: datetime) -> bool:
    """Appends one line; False where no file is kept. Raises OSError.

    One write of one short line: two processes do not mix theirs.
    """
    path = heads_file()
    if path is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(descriptor, f"{shown_time(at)} {head}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True


def kept_heads(path: Path) -> Iterator[KeptHead]:
    """The lines of a file of heads, in order. Raises OSError, and ValueError for a line that is none."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), 1):
            yield _kept_head(number, line, path)


def _kept_head(number: int, line: bytes, path: Path) -> KeptHead:
    try:
        moment, _space, text = line.decode("ascii").rstrip("\n").partition(" ")
        head = Head.parse(text)
        at = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        head = None
    if head is None:
        raise ValueError(f"Line {number} of {path} is no head: somebody changed the file.")
    return KeptHead(number, at, head)


def newest_kept() -> Head | None:
    """The head of the last line; None without a file, and where its end is no head."""
    path = heads_file()
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _LONGEST_LINE))
            lines = file.read().splitlines()
        return _kept_head(0, lines[-1], path).head if lines else None
    except (OSError, ValueError):
        return None
