"""Masks secrets in a log that comes in pieces: what begins in one piece and ends in the next is masked as well.

Lines stay lines: a masked block has as many as before, so that numbers of lines mean the same as in Jenkins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from foundation.redaction import MASK, redact

MOST_KEY_LINES = 200
"""A private key of 16,384 bits has some 200 lines; a mark of a beginning that never ends masks no more than that."""
LONGEST_CONTEXT = 300
LONGEST_OPEN = 4096
"""So much is known of a line that comes in pieces: a token of Kubernetes has some 1,000 characters."""
_KEY_BEGINS = re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-{4,5}|\bPrivate-Lines: \d{1,3}\b")
_KEY_ENDS = re.compile(r"-{4,5} ?END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)? ?-{4,5}|\bPrivate-MAC:")
_PUTTY = "|".join(mark[:length] for mark in ("Private-Lines: ", "Private-MAC:") for length in range(1, len(mark)))
_CUT_MARK = re.compile(
    r"(?:-{1,5} ?(?:B|BE|BEG|BEGI|E|EN|(?:BEGIN|END)(?: [A-Z0-9 ]{0,60}-{0,4})?)?"
    rf"|\b(?:{_PUTTY}|Private-Lines: \d{{0,3}}))\Z"
)
"""The mark of a key of which the next piece may have the rest; nothing of the key stands before it."""
_LONGEST_MARK = 80
_ESCAPES = re.compile(
    r"\x1b(?:"  # the one beginning of all, by which they are found quickly
    r"\[8mha:[^\x1b\n]*(?:\x1b\[0m)?"  # console notes of Jenkins, also cut ones
    r"|\[(?![0-9;:]*m)[0-?]*[ -/]*[@-~]"  # CSI but for colours: cursor, erasing, modes
    r"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\|(?=\n)|$)"  # OSC, DCS, SOS, PM, APC: titles, links, clipboard
    r"|(?![\[\]PX^_])[ -/]*[0-~]?"  # the others
    r"|(?!\[[0-9;:]*m))"  # one that does not end: what follows would go on with it
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


@dataclass
class LogMask:
    """What must be known of the pieces before: lines of a key that are still open, the last lines as stored, and what
    may be the beginning of a key's mark."""

    key_lines: int = 0
    last: str = ""
    cut_mark: str = ""

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> LogMask:
        """As it was stored with the log."""
        return cls(**stored)

    def as_stored(self) -> dict[str, Any]:
        """For the row."""
        return asdict(self)

    def apply(self, text: str) -> str:
        """The next piece, masked; it has as many line breaks as before."""
        if not text:
            return ""
        plain = self._without_keys(_CONTROLS.sub("", _ESCAPES.sub("", text)))
        # A name in the last lines and its value in this one; masked text is masked into itself.
        masked = _behind(self.last, _line_by_line(self.last + plain))
        if masked is None:
            masked = _line_by_line(plain)
        most = LONGEST_CONTEXT if masked.endswith("\n") else LONGEST_OPEN
        self.last = (self.last + masked[-most:])[-most:]
        return masked

    def _without_keys(self, text: str) -> str:
        if self.key_lines or self.cut_mark or "PRIVATE KEY" in text or "Private-Lines" in text:
            return "\n".join(self._key_line(line, is_whole) for line, is_whole in _lines(text))
        self.cut_mark = _cut_mark(text)
        return text

    def _key_line(self, new: str, is_whole: bool) -> str:
        """One key may begin where another ends: files of keys often have no line break at their end."""
        before, self.cut_mark = self.cut_mark, ""
        line, at = before + new, 0
        shown, left = [MASK if self.key_lines and new.strip() else ""], len(before)  # what was shown stays
        while True:
            if not self.key_lines:
                begins = _KEY_BEGINS.search(line, at)
                if begins is None:
                    shown.append(line[max(at, left) :])
                    break
                shown += [line[max(at, left) : begins.start()], MASK]
                at, self.key_lines = begins.end(), 1
            ends = _KEY_ENDS.search(line, at)
            if ends is None:
                break
            at, self.key_lines = ends.end(), 0
        if not is_whole:
            self.cut_mark = _cut_mark(line[at:])
        elif self.key_lines:
            self.key_lines = self.key_lines + 1 if self.key_lines < MOST_KEY_LINES else 0
        return "".join(shown)


def mask_tail(text: str) -> str:
    """The end of a log, masked, with as many lines: where a key ends that began before it, all of it is the key's."""
    ends, begins = _KEY_ENDS.search(text), _KEY_BEGINS.search(text)
    if ends is None or (begins is not None and begins.start() < ends.start()):
        return LogMask().apply(text)
    before = text[: ends.end()].split("\n")
    kept = max(0, len(before) - MOST_KEY_LINES)
    shown = "".join(f"{line}\n" for line in before[:kept]) + "\n".join(MASK for _line in before[kept:])
    return LogMask().apply(shown + text[ends.end() :])


def _cut_mark(text: str) -> str:
    found = _CUT_MARK.search(text[-_LONGEST_MARK:])
    return found[0] if found else ""


def _lines(text: str) -> list[tuple[str, bool]]:
    """Lines without their breaks; the last one is whole only where the text ends with a break."""
    lines = text.split("\n")
    return [(line, place < len(lines) - 1) for place, line in enumerate(lines)]


def _behind(context: str, masked: str) -> str | None:
    """What follows the context in the masked whole; None where the whole does not show it.

    A line may be cut in the middle of a secret: its beginning is stored, and all that follows is hidden.
    """
    pairs = enumerate(zip(context, masked, strict=False))
    shared = next((place for place, (one, other) in pairs if one != other), min(len(context), len(masked)))
    return None if "\n" in context[shared:] else masked[shared:]


def _line_by_line(text: str) -> str:
    masked = redact(text)
    if masked.count("\n") == text.count("\n"):
        return masked
    # A secret of several lines became one mask: then line by line, which masks its lines by themselves.
    lines = "\n".join(map(redact, text.split("\n")))
    masked = redact(lines)
    return masked if masked.count("\n") == text.count("\n") else lines
