"""The product that the demo talks to: a running ``make up``, or one started for the demo and ended with it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import httpx

from demo.preflight import VAR, is_running

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(VAR)
STATUS = DATA / "run" / "up.json"
START_SECONDS = 240.0
STOP_SECONDS = 6.0
TAIL = 25


class CannotStart(Exception):
    """The product did not come up; ``str()`` says why, with its last lines."""


@dataclass(frozen=True)
class Running:
    """Where it serves, and whether it was there before."""

    url: str
    pid: int
    was_there: bool


class Product:
    """``with Product(port, tell) as running``: the product serves inside; what was started is ended at the end."""

    def __init__(self, port: int, tell: Callable[[str], None]) -> None:
        self._port, self._tell = port, tell
        self._process: subprocess.Popen[bytes] | None = None
        self._log = DATA / "demo" / "up.log"

    def __enter__(self) -> Running:
        if is_running():
            return self._join()
        try:
            return self._start()
        except BaseException:
            self._stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _join(self) -> Running:
        status = read_status()
        if status is None:
            raise CannotStart(
                "Something is just starting or ending in this folder (make up?): wait a moment, then try again."
            )
        if status["started_by"] == "demo":
            raise CannotStart("Another make demo is running in this folder: wait until it has ended.")
        self._tell(f"Using the product that runs at {status['url']} (make up)")
        return Running(str(status["url"]), int(status["pid"]), was_there=True)

    def _start(self) -> Running:
        self._tell("Starting the product and its stand-ins (their lines: var/demo/up.log)")
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "manage.py", "up", "--stand-ins", "--port", str(self._port)]
        command += ["--started-by", "demo", "--parent", str(os.getpid())]
        with self._log.open("wb") as log:
            # A group of its own: Ctrl-C reaches us alone, and we end it in order.
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PRISM4K_DEMO": "1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise CannotStart(f"The product ended while it was starting:\n{self._tail()}")
            status = read_status()
            if status is not None and status["pid"] == self._process.pid:
                return Running(str(status["url"]), self._process.pid, was_there=False)
            time.sleep(0.1)
        raise CannotStart(f"The product was not ready within {START_SECONDS:g} seconds:\n{self._tail()}")

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # Its children end with it: the kernel tells them.
            process.kill()
            process.wait()

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-TAIL:]
        return "\n".join(f"  {line}" for line in lines)


def read_status() -> dict[str, str | int] | None:
    """``up.json`` when the process that wrote it lives and answers /livez; None otherwise."""
    try:
        status: dict[str, str | int] = json.loads(STATUS.read_text())
        os.kill(int(status["pid"]), 0)
        answer = httpx.get(f"{status['url']}/livez", timeout=3.0, trust_env=False)
    except (OSError, ValueError, httpx.HTTPError):
        return None
    return status if answer.status_code == 200 else None
