"""``manage.py up --stand-ins`` in a folder of its own, and more processes like the ones that it starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from demo.ports import Ports
from tests.patience import wait_for
from tests.whole.prepared import copy_prepared, environment_of
from tests.whole.rows import Rows

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 120.0
STOP_SECONDS = 10.0
LEASE_SECONDS = 10.0


class Product:
    """One installation. ``variables`` go into the environment of every process of it; ``within`` are words before its
    command, of a program that runs it elsewhere as the same process."""

    def __init__(
        self,
        folder: Path,
        *,
        webs: int = 1,
        workers: int = 1,
        watchers: int = 1,
        within: Sequence[str] = (),
        **variables: str,
    ) -> None:
        self._within = tuple(within)
        self.data = folder / "data"
        self.data.mkdir(parents=True, exist_ok=True)
        self.log_file = folder / "product.log"
        self.port = Ports(self.data / "ports.json").take("tests")
        self.url = f"http://127.0.0.1:{self.port}"
        self._counts = {"webs": webs, "workers": workers, "watchers": watchers}
        # Any loopback port: some tests put something of their own between the product and a stand-in.
        self.environment = {
            **environment_of(self.data),
            "OUTBOUND_ALLOW": "127.0.0.0/8,http",
            **variables,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._more: list[subprocess.Popen[bytes]] = []

    # ------------------------------------------------------------ life
    def start(self) -> None:
        """Returns when everything is ready, or fails with the log."""
        copy_prepared(self.data, self.environment)
        counts = [part for name, count in self._counts.items() for part in (f"--{name}", str(count))]
        command = [*self._within, sys.executable, "manage.py", "up", "--stand-ins", "--port", str(self.port), *counts]
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--parent", str(os.getpid())],
                cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        process, until = self._process, time.monotonic() + READY_SECONDS

        def is_ready() -> bool:
            assert process.poll() is None and time.monotonic() < until, f"It did not start:\n{self.log()}"
            return (self.data / "run" / "up.json").exists()

        wait_for(is_ready, seconds=2 * READY_SECONDS)

    def stop(self) -> float:
        """Ends it as Ctrl-C does, with everything started besides; how many seconds the supervisor took."""
        for child in self._more:
            if child.poll() is None:
                child.kill()
            child.wait()
        self._more.clear()
        began = time.monotonic()
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()  # its children go with it, by the kernel
                self._process.wait()
        return time.monotonic() - began

    def log(self, most: int = 12_000) -> str:
        """The last lines of all processes."""
        return self.log_file.read_text(errors="replace")[-most:] if self.log_file.exists() else ""

    # ------------------------------------------------------------ its processes
    def pids(self) -> dict[str, int]:
        """By name: ``web-1``, ``worker-1``, ``jenkins`` …"""
        found: dict[str, int] = json.loads((self.data / "run" / "up.json").read_text())["processes"]
        return found

    def kill(self, name: str) -> None:
        """SIGKILL one child; the supervisor starts it again."""
        os.kill(self.pids()[name], signal.SIGKILL)

    def more(self, *arguments: str, name: str) -> subprocess.Popen[bytes]:
        """Another program of the product (``manage.py`` …, ``-m celery`` …), which no supervisor looks after."""
        surroundings = Path(f"/proc/{self.pids()['web-1']}/environ").read_bytes().split(b"\0")
        environment = dict(entry.decode().split("=", 1) for entry in surroundings if b"=" in entry)
        with self.log_file.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT, env={**environment, "PRISM4K_PROCESS": name}, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self._more.append(child)
        return child

    def watcher(self, name: str) -> subprocess.Popen[bytes]:
        """One more watcher, ready."""
        child = self.more("manage.py", "watcher", name=name)
        self._await_heartbeat(name)
        return child

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        """One more Celery worker, ready."""
        options = ("--pool", "threads", "--concurrency", "8", "--loglevel", "WARNING", "--hostname", f"{name}@%h")
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        child = self.more("-m", "celery", "--quiet", "--app", "prism4k", "worker", *options, *quiet, name=name)
        self._await_heartbeat(name)
        return child

    def web(self, port: int, *program: str) -> subprocess.Popen[bytes]:
        """One more web process, on a port of its own, ready; ``program`` is another one than the product's."""
        child = self.more(*(program or ("manage.py", "web", "--port", str(port))), name=f"web:{port}")
        wait_for(lambda: _listens(port), f"a web process at port {port}")
        return child

    def _await_heartbeat(self, name: str) -> None:
        rows, ask = self.rows(), "SELECT count(*) FROM runs_heartbeat WHERE process = %s"
        wait_for(lambda: rows.one(ask, name), f"the process {name} beats")

    # ------------------------------------------------------------ what it knows
    def rows(self) -> Rows:
        """Its database, from outside."""
        return Rows(self.environment.get("DATABASE_URL") or f"sqlite:///{self.data / 'prism4k.sqlite3'}")

    def stand_in(self, name: str) -> str:
        """The address of a stand-in: ``git``, ``registry``, ``jenkins``, ``kubernetes``."""
        return f"http://127.0.0.1:{Ports(self.data / 'ports.json').take(name)}"

    def secret(self, name: str) -> str:
        """The token that the product shows to the stand-in."""
        found: dict[str, str] = json.loads((self.data / "secrets" / "stand-ins.json").read_text())
        return found[name]


def _listens(port: int) -> bool:
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in table)


@contextmanager
def running(product: Product) -> Iterator[Product]:
    """The product for the length of the block; on failure its log is printed."""
    try:
        product.start()
        yield product
    except BaseException:
        sys.stderr.write(product.log())
        raise
    finally:
        product.stop()
