"""A sign of life for who started this process: a byte each second into a pipe, also while the database does not answer.

The rows of :mod:`foundation.runs.heartbeat` tell people; a database that is away would keep them from being written,
and no process should be killed for that.
"""

from __future__ import annotations

import os
import stat
import threading
import time

VARIABLE = "PRISM4K_PULSE"
"""The number of the pipe's descriptor, set by a supervisor that wants to know."""
SECONDS = 1.0


def start_pulse() -> None:
    """Beats from a thread for as long as the process runs; does nothing when nobody asked."""
    given = os.environ.pop(VARIABLE, "")
    if not given.isdigit() or not _is_pipe(int(given)):
        return
    descriptor = int(given)
    # A supervisor that does not read must not stop us.
    os.set_blocking(descriptor, False)
    threading.Thread(target=_beat, args=(descriptor,), name="pulse", daemon=True).start()


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _beat(descriptor: int) -> None:
    while True:
        try:
            os.write(descriptor, b".")
        except BlockingIOError:
            pass
        except OSError:
            return
        time.sleep(SECONDS)
