"""Under which name this process holds leases."""

from __future__ import annotations

import os
import secrets
import socket

_SEPARATOR = "/"
_made: dict[int, str] = {}


def process_name() -> str:
    """PRISM4K_PROCESS, which the supervisor sets and must be unique among living processes; else ``host:pid``."""
    return (os.environ.get("PRISM4K_PROCESS") or f"{socket.gethostname()}:{os.getpid()}")[:70]


def owner() -> str:
    """The name on this process's leases: process name, pid and a random part, new in every forked child."""
    pid = os.getpid()
    if pid not in _made:
        _made.clear()
        _made[pid] = f"{owner_prefix(process_name())}{pid}-{secrets.token_hex(4)}"
    return _made[pid]


def owner_prefix(process: str) -> str:
    """What the owners of all leases of a process begin with (``worker-1/``, which ``worker-10/`` does not)."""
    return process + _SEPARATOR
