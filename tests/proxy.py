"""A TCP proxy in front of a stand-in, to make its connections fail as connections do."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

PASS, DROP, CUT = "pass", "drop", "cut"
"""What to do with a request: hand it on; hang up before it arrived; hand it on and hang up before the answer.
Anything else is sent as the whole answer, and the request does not arrive."""

_LENGTH = re.compile(rb"(?i)^content-length:\s*(\d+)", re.M)
_CONNECTION = re.compile(rb"(?im)^connection:[^\r\n]*\r\n")


@dataclass(frozen=True)
class Asked:
    """One request as it passed: the method, the path with its query, the body."""

    method: str
    path: str
    body: bytes


class Proxy:
    """Hands requests on to ``upstream``, one a connection. ``rule(asked)`` says what to do with each;
    ``before_cut`` is called once an answer came that is not handed on."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.asked: list[Asked] = []
        self.rule: Callable[[Asked], str] = lambda _asked: PASS
        self.before_cut: Callable[[], object] = lambda: None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._listen()

    def _listen(self) -> None:
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def go_down(self) -> None:
        """From now on connections are refused, as by a host that runs and serves nothing."""
        # close() alone would not wake the thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def come_back(self) -> None:
        """Listens on the same port again."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def reset(self) -> None:
        """As it was at the start, for the next test."""
        self.asked.clear()
        self.rule = lambda _asked: PASS
        self.before_cut = lambda: None
        if self._listener.fileno() == -1:
            self.come_back()

    def count(self, method: str, part: str) -> int:
        """How many requests of this method had ``part`` in their path."""
        return sum(1 for asked in self.asked if asked.method == method and part in asked.path)

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = listener.accept()
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(60)
            head, body = _read_request(client)
            if not head:
                return
            method, path, _version = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
            asked = Asked(method, path, body)
            self.asked.append(asked)
            what = self.rule(asked)
            if what == DROP:
                return
            if what not in (PASS, CUT):
                client.sendall(what.encode())
                return
            with socket.create_connection(self._upstream, timeout=60) as server:
                server.sendall(_with_close(head) + body)
                answer = server.recv(65536)
                if what == CUT:
                    self.before_cut()
                    return
                while answer:
                    client.sendall(answer)
                    answer = server.recv(65536)


def _with_close(head: bytes) -> bytes:
    """One request a connection: the other side closes after its answer, so its end needs no counting."""
    first, rest = _CONNECTION.sub(b"", head).split(b"\r\n", 1)
    return first + b"\r\nConnection: close\r\n" + rest


def _read_request(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return b"", b""
        data += piece
    head, body = data.split(b"\r\n\r\n", 1)
    head += b"\r\n\r\n"
    length = _LENGTH.search(head)
    while length and len(body) < int(length.group(1)):
        piece = client.recv(65536)
        if not piece:
            return b"", b""
        body += piece
    return head, body


def answer(status: str, body: str = "", kind: str = "text/html", **headers: str) -> str:
    """A whole answer, for a rule: ``answer("302 Found", Location="/login")``."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", f"Content-Type: {kind}"]
    lines += [f"Content-Length: {len(body.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", body])
