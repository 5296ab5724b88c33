"""PostgreSQL and Redis of one's own for a command: ``python -m tests.scale.services [--workers N] COMMAND …``.

Both get a temporary folder and a free port and are ended with the command. PostgreSQL refuses to run as root, so root
runs it as the user ``postgres`` that Debian's package brings. The command finds them in DATABASE_URL, BROKER_URL and
CHANNEL_URL, with secrets made for this run. With ``--workers``, REDIS_OF_WORKERS has a Redis for each worker of
pytest-xdist: tests.surroundings gives it to that worker.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from sandbox.ports import reserve

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
DATABASE = "prism4k"
_POSTGRES = (
    "fsync=off",  # processes are killed here, machines are not
    "max_connections=200",
    "log_min_messages=error",
)


class NotInstalled(Exception):
    """A program is missing; ``str()`` has the command that installs it."""


def postgres_program(name: str) -> str:
    """The newest installed one; Debian keeps them out of the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]))
    program = str(found[-1]) if found else shutil.which(name)
    if not program:
        raise NotInstalled("PostgreSQL is not installed: apt-get install postgresql")
    return program


def as_ordinary_user() -> list[str]:
    """What to put before a command so that it does not run as root."""
    if os.geteuid() != 0:
        return []
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise NotInstalled("There is no user postgres: apt-get install postgresql") from None
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]


@contextlib.contextmanager
def running(command: list[str], log: Path, ready: list[str], what: str) -> Iterator[None]:
    """A server in a group of its own, up to the end of the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        until = time.monotonic() + READY_SECONDS
        while subprocess.run(ready, capture_output=True).returncode != 0:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{what} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)  # between two questions, each of them a process
        yield
    finally:
        # SIGINT is PostgreSQL's fast shutdown; Redis takes it too.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Its DATABASE_URL."""
    prefix, port = as_ordinary_user(), reserve()
    data = folder / "postgres"
    data.mkdir(mode=0o700)
    if prefix:
        folder.chmod(0o755)
        shutil.chown(data, "postgres", "postgres")
    init = [
        postgres_program("initdb"),
        "--auth=trust",
        "--username=prism4k",
        "--encoding=UTF8",
        "--no-sync",
        "-D",
        str(data),
    ]
    subprocess.run([*prefix, *init], check=True, capture_output=True, cwd="/")
    server = [postgres_program("postgres"), "-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", str(data)]
    server += [part for option in _POSTGRES for part in ("-c", option)]
    ready = [postgres_program("pg_isready"), "-h", "127.0.0.1", "-p", str(port)]
    with running([*prefix, *server], folder / "postgres.log", ready, "PostgreSQL"):
        create = [postgres_program("createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "prism4k", DATABASE]
        subprocess.run(create, check=True, capture_output=True)
        yield f"postgres://prism4k@127.0.0.1:{port}/{DATABASE}"


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """Its URL, without a database number."""
    if shutil.which("redis-server") is None:
        raise NotInstalled("Redis is not installed: apt-get install redis-server")
    port = reserve()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(command, folder / f"redis-{port}.log", ["redis-cli", "-p", str(port), "ping"], "Redis"):
        yield f"redis://127.0.0.1:{port}"


@contextlib.contextmanager
def both(workers: int = 1) -> Iterator[dict[str, str]]:
    """Environment variables that move the product to PostgreSQL and Redis."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="prism4k-scale-")))
        database = stack.enter_context(postgres(folder))
        brokers = [stack.enter_context(redis(folder)) for _ in range(workers)]
        yield {
            "DATABASE_URL": database,
            "BROKER_URL": f"{brokers[0]}/0",
            "CHANNEL_URL": f"{brokers[0]}/1",
            "REDIS_OF_WORKERS": " ".join(brokers),
            "SECRET_KEY": secrets.token_urlsafe(50),
            "ENCRYPTION_KEYS": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            "AUDIT_KEY": secrets.token_urlsafe(32),
        }


def main(arguments: list[str]) -> int:
    """The command's exit code; 2 when something is not installed."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale.services")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with both(asked.workers) as environment:
            return _run(asked.command, {**os.environ, **environment})
    except NotInstalled as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _run(command: list[str], environment: dict[str, str]) -> int:
    """Its exit code. Interrupted, it is asked to end, with what it started, while its servers are still there."""
    process = subprocess.Popen(command, env=environment)
    try:
        return process.wait()
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
