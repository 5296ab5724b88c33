"""Ports chosen once: an address that was written into rows and image names must mean the same after a restart."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from sandbox.ports import LOOPBACK, PortTaken, reserve


class Ports:
    """The ports of named parts, kept in a JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._known: dict[str, int] = json.loads(path.read_text())
        except FileNotFoundError:
            self._known = {}

    def take(self, name: str) -> int:
        """The port of that part: the one it had, or a free one from now on."""
        if name not in self._known:
            self._known[name] = reserve()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            partial = self._path.with_suffix(".new")
            partial.write_text(json.dumps(self._known, indent=1, sort_keys=True) + "\n")
            partial.replace(self._path)
        return self._known[name]


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Nobody listens there now."""
    try:
        with socket.create_server((host, port)):
            return True
    except OSError:
        return False


def require_free(port: int, what: str) -> None:
    """Raises PortTaken with a message."""
    if not is_free(port):
        raise PortTaken(f"Port {port} is taken, and {what} needs it. See who has it: ss -ltnp 'sport = :{port}'")
