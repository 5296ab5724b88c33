"""Which processes make the product: command lines, nothing else."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from django.conf import settings

from foundation.pulse import VARIABLE
from prism4k.supervisor import Child

LOOPBACK = "127.0.0.1"
MANAGE = (sys.executable, str(settings.BASE_DIR / "manage.py"))
WORKER_THREADS = 8
WORKER_GRACE_SECONDS = 1.5
"""Celery notices a SIGTERM only after two seconds; a step cut short is done again after the next claim."""
PROBE_SECONDS = 2.0


@dataclass(frozen=True)
class Counts:
    """How many of each."""

    webs: int = 1
    workers: int = 1
    watchers: int = 1


def process_name(child: str) -> str:
    """The name under which a child holds leases: unique among living processes of all machines."""
    return f"{child}@{socket.gethostname()[:40]}:{os.getpid()}"


def product(counts: Counts, *, listener: socket.socket, url: str, environment: dict[str, str]) -> list[Child]:
    """Web processes that share ``listener``, Celery workers, watchers."""
    host, port = listener.getsockname()[:2]
    web = (*MANAGE, "web", "--fd", str(listener.fileno()))
    worker = (
        sys.executable,
        # In a container everybody is root; Celery's warning is about a serializer that we do not use.
        "-W",
        "ignore:You're running the worker",
        "-m",
        "celery",
        "--quiet",
        "--app",
        "prism4k",
        "worker",
        "--pool",
        "threads",
        "--loglevel",
        "WARNING",
        "--concurrency",
        str(WORKER_THREADS),
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    )
    children = [
        Child(
            name,
            web,
            environment=_named(name, environment),
            descriptors=(listener.fileno(),),
            is_ready=answers(host, port, "/livez"),
            note=url,
            pulse_variable=VARIABLE,
        )
        for name in _names("web", counts.webs)
    ]
    children += [
        Child(
            name,
            (*worker, "--hostname", f"{name}@%h"),
            environment=_named(name, environment),
            grace_seconds=WORKER_GRACE_SECONDS,
            pulse_variable=VARIABLE,
        )
        for name in _names("worker", counts.workers)
    ]
    children += [
        Child(name, (*MANAGE, "watcher"), environment=_named(name, environment), pulse_variable=VARIABLE)
        for name in _names("watcher", counts.watchers)
    ]
    return children


def _names(kind: str, count: int) -> list[str]:
    return [f"{kind}-{number}" for number in range(1, count + 1)]


def _named(name: str, environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "PRISM4K_PROCESS": process_name(name)}


def answers(host: str, port: int, path: str) -> Callable[[], Awaitable[bool]]:
    """True once a GET there is answered with 200. The socket listens before the process serves."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()

    async def probe() -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(request)
                status = await reader.readline()
        except (OSError, TimeoutError):
            return False
        writer.close()
        return b" 200 " in status

    return probe
