"""Ways to an API server that can be frozen, cut or closed, and one that answers that it is too busy."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_RESET = struct.pack("ii", 1, 0)


class Way:
    """Hands bytes on from ``address:port`` to ``target``; without a target a server of ``context`` that only listens.

    ``heard`` is what came out of its TLS, if there was any.
    """

    def __init__(
        self, address: str, port: int, target: tuple[str, int] | None, context: ssl.SSLContext | None = None
    ) -> None:
        self._address, self._target, self._context = (address, port), target, context
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket | None]] = []
        self._flows = threading.Event()
        self.heard = b""
        self._last = time.monotonic()
        self._listener: socket.socket | None = None
        self.reopen()

    def __enter__(self) -> Way:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def count(self) -> int:
        """Connections that are open now."""
        with self._lock:
            return len(self._pairs)

    def is_quiet(self, seconds: float) -> bool:
        """Nothing has passed for so long, in neither direction."""
        return time.monotonic() - self._last > seconds

    def freeze(self) -> None:
        """Connections stay, nothing passes: as behind a firewall that drops."""
        self._flows.clear()

    def cut(self) -> None:
        """Every connection is reset; new ones are taken."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            for one in filter(None, pair):
                with contextlib.suppress(OSError):
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Refuses connections, and resets those that are there."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self._flows.set()
        self.cut()

    def reopen(self) -> None:
        """Takes connections and hands everything on."""
        self._flows.set()
        if self._listener is None:
            self._listener = socket.create_server(self._address)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _address = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            if self._target is None:
                self._listen_in(client)
                return
            with socket.create_connection(self._target, timeout=10) as server:
                server.settimeout(None)
                pair = (client, server)
                with self._lock:
                    self._pairs.append(pair)
                back = threading.Thread(target=self._pass, args=(server, client), daemon=True)
                back.start()
                try:
                    self._pass(client, server)
                    back.join()
                finally:
                    with self._lock:
                        self._pairs.remove(pair)

    def _listen_in(self, client: socket.socket) -> None:
        assert self._context is not None
        client.settimeout(20)
        with self._context.wrap_socket(client, server_side=True) as inside:
            while piece := inside.recv(65536):
                self.heard += piece

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                self._flows.wait()
                self._last = time.monotonic()
                sink.sendall(piece)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Refusals:
    """So many of the next requests with this method are refused; ``pauses`` are the seconds after each until the next
    request with it came."""

    def __init__(self) -> None:
        self.left, self.method, self.status, self.retry_after = 0, "", 429, 0
        self.refused, self.pauses = 0, list[float]()
        self._last = 0.0
        self._lock = threading.Lock()

    def take(self, method: str, path: str) -> bool:
        """Is this one refused?"""
        with self._lock:
            if method != self.method or "dryRun" in path:
                return False
            if self._last:
                self.pauses.append(time.monotonic() - self._last)
                self._last = 0.0
            if self.left == 0:
                return False
            self.left -= 1
            self.refused += 1
            self._last = time.monotonic()
            return True


class Throttle(Refusals):
    """A server in front of an API server: plain HTTP here, TLS behind."""

    def __init__(self, port: int, authority: str) -> None:
        super().__init__()
        trust = ssl.create_default_context(cadata=authority)
        door = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.close_connection = True
                if door.take(self.command, self.path):
                    self._refuse()
                    return
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self._hand_on(body)

            def _refuse(self) -> None:
                reason = "TooManyRequests" if door.status == 429 else "ServiceUnavailable"
                said = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "too busy"}
                text = json.dumps({**said, "reason": reason, "code": door.status}).encode()
                self.send_response(door.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Retry-After", str(door.retry_after))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def _hand_on(self, body: bytes) -> None:
                connection = http.client.HTTPSConnection("127.0.0.1", port, context=trust, timeout=600)
                kept = {k: v for k, v in self.headers.items() if k.lower() not in ("connection", "content-length")}
                connection.request(self.command, self.path, body or None, kept)
                answer = connection.getresponse()
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                        self.send_header(name, value)
                self.send_header("Connection", "close")
                self.end_headers()
                while piece := answer.read1(65536):
                    self.wfile.write(piece)
                    self.wfile.flush()
                connection.close()

            do_GET = do_POST = do_PATCH = do_DELETE = _pass

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def refuse(self, count: int, method: str, status: int, *, retry_after: int) -> None:
        """So many requests from now on, dry runs aside."""
        self.method, self.status, self.retry_after, self.left = method, status, retry_after, count

    def close(self) -> None:
        """Stops serving."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def throttle_at(port: int, authority: str) -> Iterator[Throttle]:
    """One in front of the API server at this port, for the length of the block."""
    door = Throttle(port, authority)
    try:
        yield door
    finally:
        door.close()
