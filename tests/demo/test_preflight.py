"""What is missing is told in the first second, with the command that mends it, on any Python."""

from __future__ import annotations

import fcntl
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from demo import preflight
from tests.patience import at_most

ROOT = Path(__file__).resolve().parents[2]
OLD_PYTHONS = sorted(Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python3"))


@pytest.mark.parametrize(
    ("version", "is_said"), [((3, 9, 2), True), ((3, 10, 13), True), ((3, 11, 0), False), ((4, 0, 0), False)]
)
def test_a_python_older_than_3_11_is_named_with_the_packages_to_install(
    version: tuple[int, ...], is_said: bool
) -> None:
    said = preflight.check_python(version)
    assert bool(said) is is_said
    if is_said:
        assert f"Python {version[0]}.{version[1]} is too old" in said
        assert "apt-get install python3 python3-venv" in said


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_either_half_of_venv_is_told_the_package(missing: str) -> None:
    said = preflight.check_venv(lambda name: None if name == missing else object())
    assert "apt-get install python3-venv" in said
    assert preflight.check_venv(lambda name: object()) == ""


def test_a_taken_port_is_told_within_a_second_with_another_to_take(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, str(ROOT / "demo" / "preflight.py"), str(port)],
            capture_output=True,
            text=True,
            env={"PRISM4K_DATA_DIR": str(tmp_path)},
        )
        took = time.monotonic() - began
    assert done.returncode == 2
    assert f"Port {port} cannot be had" in done.stderr
    assert f"PORT={port + 1}" in done.stderr
    assert took < at_most(1.0)


def test_a_port_held_by_our_own_product_is_no_problem(tmp_path: Path) -> None:
    lock = tmp_path / "run" / "up.lock"
    lock.parent.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as own, lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert preflight.is_running(str(lock))
        done = subprocess.run(
            [sys.executable, str(ROOT / "demo" / "preflight.py"), str(own.getsockname()[1])],
            capture_output=True,
            text=True,
            env={"PRISM4K_DATA_DIR": str(tmp_path)},
        )
    assert done.returncode == 0, done.stderr
    assert not preflight.is_running(str(lock))


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1"])
def test_what_is_no_port_is_told(port: str) -> None:
    assert "not a port" in preflight.check_port(port)


@pytest.mark.skipif(not OLD_PYTHONS, reason="no older Python on this machine")
@pytest.mark.parametrize("python", OLD_PYTHONS, ids=lambda path: path.parts[-3])
def test_an_old_python_can_read_the_check_itself(python: Path) -> None:
    done = subprocess.run([str(python), str(ROOT / "demo" / "preflight.py")], capture_output=True, text=True)
    assert done.returncode == 2
    assert "is too old" in done.stderr
    assert "Traceback" not in done.stderr
