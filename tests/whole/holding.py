"""A door in front of a server that can be held: before a request is carried out, or before its answer goes back."""

from __future__ import annotations

import http.client
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HELD_SECONDS = 60.0
_PER_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


class Hold:
    """The next request that fits; its answer never goes back. ``reached`` is set when the answer is there, or, where
    the hold ``is_before`` the request, when that has come. ``status`` is what the server answered in the end."""

    def __init__(self, method: str, path: str, *, is_before: bool = False) -> None:
        self.method, self.path, self.is_before = method, re.compile(path), is_before
        self.reached = threading.Event()
        self.released = threading.Event()
        self.status = 0


AWAY: dict[str, tuple[int, str, bytes] | None] = {
    "hangs up": None,
    "503": (503, "text/plain", b"no upstream"),
    "too many": (429, "application/json", b"{}"),
    "a page": (200, "text/html", b"<html><title>Sign in</title></html>"),
    "another 404": (404, "text/html", b"<html>no such page</html>"),
    "no rights": (403, "application/json", b'{"errors": [{"code": "DENIED"}]}'),
}
"""What a door answers in the place of the server behind it: status, kind and body, or nothing."""


class Door:
    """``url`` leads to the server behind it; ``hold`` at most one request at a time. ``away`` names one of AWAY while
    nothing but what is held comes to the server."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self._lock = threading.Lock()
        self._hold: Hold | None = None
        self.away = ""

    def hold(self, method: str, path: str, *, is_before: bool = False) -> Hold:
        """Withhold the next request with this method and a path that the pattern finds, or only its answer."""
        self._hold = Hold(method, path, is_before=is_before)
        return self._hold

    def take_hold(self, method: str, path: str) -> Hold | None:
        """The hold that this request fits, once."""
        with self._lock:
            hold = self._hold
            if hold and hold.method == method and hold.path.search(path):
                self._hold = None
                return hold
        return None


def send(handler: BaseHTTPRequestHandler, answer: tuple[int, str, bytes] | None) -> None:
    """One of AWAY."""
    if answer is None:
        return
    status, kind, body = answer
    handler.send_response_only(status)
    for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close")):
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def hand_on(handler: BaseHTTPRequestHandler, answer: http.client.HTTPResponse) -> None:
    """The server's own, as it comes."""
    handler.send_response_only(answer.status, answer.reason)
    for name, value in answer.getheaders():
        if name.lower() not in _PER_HOP:
            handler.send_header(name, value)
    handler.send_header("Connection", "close")
    handler.end_headers()
    while piece := answer.read1(65536):
        handler.wfile.write(piece)
        handler.wfile.flush()


@contextmanager
def door_to(url: str, authority: str = "") -> Iterator[Door]:
    """A door for the length of the block. Plain HTTP, also where the server behind it speaks TLS: then ``authority``
    is its CA certificate (PEM)."""
    behind = urlsplit(url).netloc
    trust = ssl.create_default_context(cadata=authority) if authority else None

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection(behind, timeout=600)
            if trust is not None:
                connection = http.client.HTTPSConnection(behind, timeout=600, context=trust)
            # Host is kept: servers make addresses of it.
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _PER_HOP}
            self.close_connection = True
            try:
                hold = door.take_hold(self.command, self.path)
                if door.away and not hold:
                    return send(self, AWAY[door.away])
                if hold and hold.is_before:
                    hold.reached.set()
                    hold.released.wait(HELD_SECONDS)
                connection.request(self.command, self.path, body or None, headers)
                answer = connection.getresponse()
                if hold:
                    answer.read()
                    hold.status = answer.status
                    hold.reached.set()
                    hold.released.wait(HELD_SECONDS)
                    return
                hand_on(self, answer)
            except (OSError, http.client.HTTPException):
                return
            finally:
                connection.close()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    door = Door(server)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield door
    finally:
        server.shutdown()
        server.server_close()
