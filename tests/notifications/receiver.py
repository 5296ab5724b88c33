"""A receiver of webhooks that listens on loopback: keeps what comes, and answers as it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """``answers``: (status, body) of the next requests, the last one for all that follow. ``drips``: ``headers`` or
    ``body`` come byte by byte, each after ``seconds``. ``encoding``: what the bodies are said to be packed with."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: list[tuple[int, bytes]] = field(default_factory=lambda: [(200, b"ok")])
    seconds: float = 0.0
    location: str = ""
    drips: str = ""
    encoding: str = ""


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Listens for as long as the block lasts."""
    box = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.got.append(Got(self.path, dict(self.headers), body))
            time.sleep(box.seconds)  # a slow receiver
            status, answer = box.answers.pop(0) if len(box.answers) > 1 else box.answers[0]
            if box.drips == "headers":
                self._drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 500)
                return
            self.send_response(status)
            if box.location:
                self.send_header("Location", box.location)
            if box.encoding:
                self.send_header("Content-Encoding", box.encoding)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if box.drips:
                self._drip(answer)
            else:
                self.wfile.write(answer)

        def _drip(self, data: bytes) -> None:
            """Until the other side hangs up."""
            with suppress(OSError):
                for byte in data:
                    self.wfile.write(bytes([byte]))
                    time.sleep(box.seconds)  # one that drips

        def log_message(self, *args: Any) -> None:
            """Nothing on the screen of a test."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    box.url = f"http://127.0.0.1:{server.server_port}/hook?key=in-the-address"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield box
    finally:
        server.shutdown()
        server.server_close()
