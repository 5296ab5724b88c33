"""``manage.py up`` as people run it: two web processes on one port, a kill, a second start, and the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import at_most, wait_for

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def environment(data: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("PRISM4K_TEST_APPS", "DATABASE_URL")}
    # Probes name this machine, which is none of the allowed hosts.
    return {**kept, "PRISM4K_DATA_DIR": str(data), "LOG_LEVEL": "WARNING", "ALLOWED_HOSTS": "prism.example"}


def manage(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(data),
        capture_output=True,
        text=True,
        timeout=60,
    )


def status(data: Path) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads((data / "run" / "up.json").read_text())
    except FileNotFoundError:
        return {}
    return found


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    assert manage(folder, "migrate", "--verbosity", "0").returncode == 0
    return folder


@pytest.fixture
def up(data: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "manage.py", "up", "--port", str(port), "--webs", "2"]
    with (data / "up.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment(data), stdout=log, stderr=log, text=True)
    try:
        wait_for(lambda: status(data) or process.poll() is not None, seconds=40)
        assert process.poll() is None, (data / "up.log").read_text()[-3000:]
        yield process, port
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(10)


def livez(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=5) as answer:
        return int(answer.status)


def test_it_serves_survives_a_kill_refuses_a_second_one_and_ends(
    data: Path, up: tuple[subprocess.Popen[str], int]
) -> None:
    process, port = up
    processes = dict(status(data)["processes"])  # type: ignore[call-overload]
    assert sorted(processes) == ["watcher-1", "web-1", "web-2", "worker-1"]
    assert livez(port) == 200

    os.kill(processes["web-1"], signal.SIGKILL)
    assert livez(port) == 200  # the other one has the same socket
    wait_for(lambda: status(data)["processes"]["web-1"] != processes["web-1"], seconds=40)  # type: ignore[index]
    assert livez(port) == 200

    second = manage(data, "up", "--port", str(port))
    assert second.returncode != 0
    assert "It is running already" in second.stderr

    now = dict(status(data)["processes"])  # type: ignore[call-overload]
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(at_most(8)) == 0
    assert time.monotonic() - began < at_most(5)
    assert status(data) == {}
    for pid in now.values():
        assert not Path(f"/proc/{pid}").exists()
    assert "web-1 was ended by SIGKILL; it starts again in 0.5 s" in (data / "up.log").read_text()


def test_a_taken_port_is_told_at_once_with_another_to_take(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = manage(data, "up", "--port", str(port))
    assert done.returncode != 0
    assert f"Port {port} of 127.0.0.1 cannot be had" in done.stderr
    assert f"PORT={port + 1}" in done.stderr
    assert not (data / "run" / "up.json").exists()
