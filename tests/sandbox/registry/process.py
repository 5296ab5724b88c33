"""The stand-in registry as a real process on a free port."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class RunningRegistry:
    """``address`` is host:port, as image names begin with it."""

    process: subprocess.Popen[str]
    address: str
    lines: list[str]

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=10)
        self.process.stdout.close()


@contextlib.contextmanager
def guarded_registry(state: Path) -> Iterator[RunningRegistry]:
    """A registry that asks for the user ``prism`` and the password ``secret``."""
    running = start_registry(state, "--username", "prism", "--password", "secret")
    yield running
    running.stop()


def start_registry(state: Path, *arguments: str, port: int = 0) -> RunningRegistry:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.registry", "--port", str(port), "--state", str(state), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.strip())
        if line.startswith("registry on http://"):
            return RunningRegistry(process, line.split()[2].removeprefix("http://").rstrip(","), lines)
    process.stdout.close()
    raise AssertionError(f"the registry ended with {process.wait()}")
