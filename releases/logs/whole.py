"""What came where Jenkins' whole log belongs: is it the log of which a part is stored?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from foundation.log_mask import LogMask
from foundation.redaction import MASK
from releases.logs.reading import chunks_of
from releases.logs.truth import LogSum
from releases.models import Build

_HEAD = 2000
_TAIL = 400
_LEFT_OUT = "[…"
"""Begins the note in place of what was not read; the log's first line is not known then."""
_CLOSING = re.compile(r"^Finished: [A-Z_]+\s*\Z", re.MULTILINE)
"""Jenkins' last line of every build that it ended itself (hudson.model.StreamBuildListener.finished)."""


@dataclass
class WholeLog:
    """The sum of a text that was read to its end, and the first and last characters of it, unmasked."""

    sum: LogSum = field(default_factory=LogSum)
    head: str = ""
    tail: str = ""

    @classmethod
    def of(cls, pieces: Iterable[str]) -> WholeLog:
        """Reads them all."""
        found = cls()
        for piece in pieces:
            found.sum.add(piece)
            found.head += piece[: _HEAD - len(found.head)]
            found.tail = (found.tail + piece)[-_TAIL:]
        return found

    def begins_like(self, piece: str) -> bool:
        """For the first piece of a second read; an empty one is no beginning."""
        common = min(len(piece), len(self.head))
        return common > 0 and piece[:common] == self.head[:common]

    def is_log_of(self, build: Build) -> bool:
        """False where an error page, an empty answer or a part of the log came: a log begins with the line that is
        stored, and does not lose its closing line."""
        if not build.log_size:
            return True
        texts = chunks_of(build).values_list("text", flat=True)
        first, last = texts.order_by("offset")[0], texts.order_by("-offset")[0]
        has_closing = _CLOSING.search(last[-_TAIL:]) is not None
        return self._begins_with_line_of(first) and (not has_closing or _CLOSING.search(self.tail) is not None)

    def _begins_with_line_of(self, stored: str) -> bool:
        line = stored[:_HEAD].partition("\n")[0].partition(MASK)[0]
        if line.startswith(_LEFT_OUT):
            return bool(self.head)
        return LogMask().apply(self.head).startswith(line) and bool(self.head)
