"""The cable between a browser and the product: it can be pulled, go dead silently, and be plugged in again."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


class Cable:
    """``url`` leads to the product as long as the cable is in."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._is_in = threading.Event()
        self._is_in.set()
        self._is_dead = False
        self._ends: set[socket.socket] = set()
        self._dead_ends: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def pull(self) -> None:
        """Every connection breaks; new ones break at once."""
        self._is_in.clear()
        for end in list(self._ends | self._dead_ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def go_dead(self) -> None:
        """As a network that is gone behind a router: nothing breaks, nothing answers, and no connection ever will."""
        self._is_dead = True
        self._dead_ends |= self._ends
        self._ends = set()

    def plug_in(self) -> None:
        """New connections work again."""
        self._is_dead = False
        self._is_in.set()

    def close(self) -> None:
        self.pull()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._is_dead:
                self._dead_ends.add(near)
                continue
            if not self._is_in.is_set():
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._behind))
            self._ends |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                # What a dead connection is given, it swallows.
                if one not in self._dead_ends:
                    other.sendall(data)
        if one in self._dead_ends:
            return
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            self._ends.discard(end)


@contextlib.contextmanager
def cable_to(port: int) -> Iterator[Cable]:
    """A cable for the length of the block."""
    cable = Cable(port)
    try:
        yield cable
    finally:
        cable.close()
