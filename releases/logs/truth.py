"""Whether the stored log is the one that Jenkins has: a running sum of the text as it came, compared at the end."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class LogSum:
    """Two checksums and the length in bytes: they go on from a stored row, which no digest of hashlib can.

    They find what got lost or came twice, not what somebody forges; the text is Jenkins' own.
    """

    bytes: int = 0
    crc: int = 0
    adler: int = 1

    def add(self, text: str) -> None:
        """The next piece, before anything in it is masked."""
        data = text.encode("utf-8", "surrogatepass")
        self.bytes += len(data)
        self.crc = zlib.crc32(data, self.crc)
        self.adler = zlib.adler32(data, self.adler)

    @classmethod
    def of(cls, pieces: Iterable[str]) -> LogSum:
        """Of a whole text."""
        found = cls()
        for piece in pieces:
            found.add(piece)
        return found


@dataclass
class LogReader:
    """What the build's row keeps for reading on. ``is_doubtful``: a piece is known to be missing, or came twice;
    ``is_fast``: so much came at once that it is read closely, watched or not; ``missed_since`` and ``missed_at``: first
    and last read of an ended build's log that did not bring it, in seconds since 1970; ``stages_missed``: reads that
    brought the rest of it, but not the stages."""

    sum: LogSum
    mask: dict[str, Any]
    is_doubtful: bool = False
    is_checked: bool = False
    is_fast: bool = False
    missed_since: float = 0.0
    missed_at: float = 0.0
    stages_missed: int = 0

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> LogReader:
        """From the row; that of an empty log where nothing is stored."""
        known = dict(stored)
        return cls(sum=LogSum(**known.pop("sum", {})), mask=known.pop("mask", {}), **known)

    def as_stored(self) -> dict[str, Any]:
        """For the row."""
        return asdict(self)
