"""One process to a folder."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TextIO


def lock_folder(folder: Path) -> TextIO | None:
    """The folder's lock file, held until it is closed or the process ends; None while another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock
