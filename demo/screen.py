"""What ``make demo`` prints while it works: a line for each thing that happened, a bar on long parts."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

BAR = 24
REDRAW_SECONDS = 0.1


class Screen:
    """Lines with the seconds since the start; on a terminal a last line that is redrawn."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._is_terminal = sys.stdout.isatty()
        self._shown = ""
        self._drawn_at = 0.0

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._began

    def title(self, text: str) -> None:
        """A part begins."""
        self._write(f"\n{self._strong(text)}")

    def line(self, text: str) -> None:
        """Something happened."""
        self._write(f"{self.seconds:6.1f}s  {text}")

    def plain(self, text: str) -> None:
        """As it is."""
        self._write(text)

    def bar(self, done: float, text: str) -> None:
        """How far a long part is, ``done`` from 0 to 1; only terminals show it."""
        now = time.monotonic()
        if not self._is_terminal or now - self._drawn_at < REDRAW_SECONDS:
            return
        self._drawn_at = now
        filled = int(BAR * min(max(done, 0.0), 1.0))
        shown = f"{self.seconds:6.1f}s  [{'#' * filled}{'.' * (BAR - filled)}] {text}"
        width = shutil.get_terminal_size().columns
        sys.stdout.write(f"\r\x1b[K{shown[: width - 1]}")
        sys.stdout.flush()
        self._shown = shown

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Even after an exception, the bar's line is taken away afterwards."""
        try:
            yield
        finally:
            self._clear()

    def _write(self, text: str) -> None:
        self._clear()
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def _clear(self) -> None:
        if self._shown:
            sys.stdout.write("\r\x1b[K")
            self._shown = ""

    def _strong(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self._is_terminal else text
