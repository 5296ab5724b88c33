"""A build's log: a file that grows, read as consoleText or piece by piece as progressiveText.

Semantics of the two families of progressiveText are those of ``hudson.console.AnnotatedLargeText`` and Stapler's
``LargeText``: up to 2.508 console notes are stripped and ``X-Text-Size`` is the end of the last whole line; from
2.509 on notes stay in the body, a running log is cut after 10,000 lines, yet ``X-Text-Size`` is the file's length.
"""

from __future__ import annotations

import base64
import re
import threading
from dataclasses import dataclass
from pathlib import Path

NOTE = re.compile(rb"\x1b\[8mha:.*?\x1b\[0m", re.DOTALL)
MOST_LINES = 10_000
_PIPELINE_NOTE = b"\x1b[8mha:////" + base64.b64encode(b"sandbox pipeline console note") + b"\x1b[0m"


@dataclass(frozen=True)
class Piece:
    """Answer of progressiveText: CRLF body, the size header, and whether more is to come."""

    body: bytes
    size: int
    has_more: bool


class BuildLog:
    """Append-only text file; lines starting with ``[Pipeline]`` carry a console note, as Jenkins writes them."""

    def __init__(self, path: Path, *, is_open: bool) -> None:
        self.path = path
        self.is_open = is_open
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        """Append one line (or several, when the text has line breaks)."""
        note = _PIPELINE_NOTE if text.startswith("[Pipeline]") else b""
        self.write(note + text.encode("utf-8", "replace") + b"\n")

    def write(self, data: bytes) -> None:
        """Append raw bytes as a process wrote them; after ``close`` they are dropped."""
        with self._lock:
            if self.is_open:
                self._append(data)

    def close(self, *last: str) -> None:
        """Append the last lines; no more will come, whoever still writes (a build that was dropped may)."""
        with self._lock:
            self._append("".join(f"{line}\n" for line in last).encode())
            self.is_open = False

    def _append(self, data: bytes) -> None:
        with self.path.open("ab") as stream:
            stream.write(data)

    def _read(self, start: int = 0) -> tuple[bytes, int]:
        try:
            with self.path.open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(min(start, size))
                return stream.read(), size
        except FileNotFoundError:
            return b"", 0

    def text(self) -> bytes:
        """consoleText: everything up to now, LF, notes stripped."""
        return NOTE.sub(b"", self._read()[0])

    def piece(self, start: int, *, is_legacy: bool) -> Piece:
        """progressiveText from a byte offset; an offset beyond the end is served again from 0."""
        has_more = self.is_open  # before reading: a line written in between shall be asked for again
        data, size = self._read(start)
        if start > size:
            data, size = self._read(0)
            start = 0
        if has_more:
            data = data[: data.rfind(b"\n") + 1]
        if is_legacy:
            return Piece(NOTE.sub(b"", data).replace(b"\n", b"\r\n"), start + len(data), has_more)
        if has_more:
            data = b"".join(line + b"\n" for line in data.split(b"\n")[:-1][:MOST_LINES])
        return Piece(data.replace(b"\n", b"\r\n"), size, has_more)
