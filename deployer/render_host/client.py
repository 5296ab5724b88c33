"""The worker's side of the render host."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deployer.errors import Problem, Rejected, Unavailable
from deployer.interfaces import Rendered, RenderedLine, RenderRequest
from deployer.messages import from_data, message_of
from deployer.messages import message as _
from deployer.render_host import frames
from deployer.rendering import RenderedText

_PROGRAM = Path(__file__).with_name("program.py")
_PRODUCT = Path(__file__).parents[2]
# The host answers within its own limit; this is for a host that does not.
_GRACE_SECONDS = 5.0


class RenderHost:
    """Renders templates in a program of its own; safe to use from several threads, restarted when it died.

    ``wall_seconds``: longest time that one request may take. After a fork the child process starts a host of its own.
    """

    def __init__(self, *, wall_seconds: float = 5.0) -> None:
        self._wall_seconds = wall_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._owner = os.getpid()

    def render(self, request: RenderRequest) -> Rendered:
        """Manifests with the origin of each line. Raises Rejected (the template's fault), Unavailable (ours)."""
        reply = self._ask("yaml", request)["rendered"]
        return Rendered(tuple(reply["manifests"]), tuple(_lines(lines) for lines in reply["lines"]))

    def render_text(self, request: RenderRequest) -> Mapping[str, RenderedText]:
        """Texts by template name (Dockerfile, start script). Raises Rejected, Unavailable."""
        texts = self._ask("text", request)["texts"]
        return {name: RenderedText(text["text"], _lines(text["lines"])) for name, text in texts.items()}

    def close(self) -> None:
        """End the host; a later request starts a new one."""
        with self._lock:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _ask(self, kind: str, request: RenderRequest) -> dict[str, Any]:
        try:
            frame = frames.encode({"kind": kind, "templates": dict(request.templates), "values": dict(request.values)})
        except (TypeError, ValueError) as exc:
            raise Rejected(_("The values cannot be given to a template: %(why)s", why=message_of(exc))) from exc
        with self._lock:
            reply = self._exchange(frame)
        if "refused" in reply:
            problems = tuple(Problem(path, from_data(message)) for path, message in reply["problems"])
            raise Rejected(from_data(reply["refused"]), problems=problems, reason="template")
        return reply

    def _exchange(self, frame: bytes) -> dict[str, Any]:
        # Rendering has no effects, so a request that met a dead host (killed, out of memory) is simply sent again.
        for attempt in (1, 2):
            try:
                control = self._running()
                frames.write(control, frame)
                deadline = time.monotonic() + self._wall_seconds + _GRACE_SECONDS
                return dict(frames.read(control, deadline=deadline))
            except (frames.Closed, frames.TooSlow) as exc:
                self._stop()
                if attempt == 2:
                    raise Unavailable(_("The program that renders templates does not answer.")) from exc
        raise AssertionError("unreachable")

    def _running(self) -> int:
        if self._owner != os.getpid():
            # Forked: the host belongs to our parent. Leave it alone, close our copy of its socket.
            if self._socket is not None:
                self._socket.close()
            self._process, self._socket, self._owner = None, None, os.getpid()
        if self._socket is None or self._process is None or self._process.poll() is not None:
            self._stop()
            self._start()
        assert self._socket is not None
        return self._socket.fileno()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        paths = [str(_PRODUCT), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(_PROGRAM), str(theirs.fileno()), str(self._wall_seconds), *paths],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                close_fds=True,
                pass_fds=(theirs.fileno(),),
            )
        except OSError as exc:
            ours.close()
            raise Unavailable(_("The program that renders templates cannot be started.")) from exc
        finally:
            theirs.close()
        self._socket = ours

    def _stop(self) -> None:
        if self._owner != os.getpid():
            return
        if self._socket is not None:
            self._socket.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._socket = self._process = None


def _lines(raw: Any) -> tuple[RenderedLine, ...]:
    return tuple(RenderedLine(line["text"], line["template"], line["template_line"]) for line in raw)
