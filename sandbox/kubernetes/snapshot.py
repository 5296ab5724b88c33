"""The saved state on disk: one file, replaced as a whole, so that a kill at any moment leaves a readable one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from pathlib import Path

from sandbox.kubernetes.storage import Store

SAVE_EVERY = 0.3
"""Seconds between saves while something moves."""


class Snapshot:
    """Loads and saves a store in ``folder``."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._is_over = asyncio.Event()
        self._file = folder / "cluster.json"
        folder.mkdir(parents=True, exist_ok=True)

    def load(self) -> None:
        """Fill the store from the last save, if there is one; raises SystemExit naming a file that cannot be read."""
        if not self._file.exists():
            return
        try:
            self._store.restore(json.loads(self._file.read_text(encoding="utf-8")))
        except (ValueError, KeyError) as error:
            message = f"{self._file} is not a saved cluster ({error}). Remove it to start with an empty one."
            raise SystemExit(message) from error

    def _write(self, text: str) -> None:
        beside = self._file.with_suffix(".new")
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, self._file)

    async def keep_saving(self) -> None:
        """Save every ``SAVE_EVERY`` seconds while something moves, the slow part off the event loop; after ``stop``
        once more, then return."""
        while not self._is_over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_over.wait(), SAVE_EVERY)
            if self._store.is_dirty:
                self._store.is_dirty = False
                text = json.dumps(self._store.dump(), separators=(",", ":"))
                await asyncio.to_thread(self._write, text)

    def stop(self) -> None:
        """Make ``keep_saving`` save what is left and end."""
        self._is_over.set()
