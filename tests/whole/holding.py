"""A door in front of a server that can be held: the request has arrived and was carried out, the answer is withheld."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HELD_SECONDS = 60.0
_PER_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length"}


class Hold:
    """The next request that fits. ``reached`` is set when its answer is there; it is never passed on."""

    def __init__(self, method: str, path: str) -> None:
        self.method, self.path = method, re.compile(path)
        self.reached = threading.Event()
        self.released = threading.Event()


class Door:
    """``url`` leads to the server behind it; ``hold`` at most one request at a time."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self._lock = threading.Lock()
        self._hold: Hold | None = None

    def hold(self, method: str, path: str) -> Hold:
        """Withhold the answer to the next request with this method and a path that the pattern finds."""
        self._hold = Hold(method, path)
        return self._hold

    def take_hold(self, method: str, path: str) -> Hold | None:
        """The hold that this request fits, once."""
        with self._lock:
            hold = self._hold
            if hold and hold.method == method and hold.path.search(path):
                self._hold = None
                return hold
        return None


@contextmanager
def door_to(url: str) -> Iterator[Door]:
    """A door for the length of the block."""
    behind = urlsplit(url).netloc

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection = http.client.HTTPConnection(behind, timeout=600)
            # Host is kept: servers make addresses of it.
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _PER_HOP}
            self.close_connection = True
            try:
                hold = door.take_hold(self.command, self.path)
                connection.request(self.command, self.path, body or None, headers)
                answer = connection.getresponse()
                if hold:
                    answer.read()
                    hold.reached.set()
                    hold.released.wait(HELD_SECONDS)
                    return
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in _PER_HOP:
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                while piece := answer.read1(65536):
                    self.wfile.write(piece)
                    self.wfile.flush()
            except OSError:
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
