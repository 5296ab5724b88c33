"""The processes that stand in for what is outside of the product: command lines, nothing else."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from demo.ports import Ports
from demo.stand_ins import StandIns
from prism4k.supervisor import Child
from sandbox.ports import LOOPBACK

PROBE_SECONDS = 2.0


def stand_in_processes(stand_ins: StandIns, ports: Ports) -> list[Child]:
    """The stand-ins that are wanted, each a program of its own that knows nothing of us."""
    return [
        Child(
            one.name,
            (
                sys.executable,
                "-m",
                f"sandbox.{one.program}",
                "--host",
                LOOPBACK,
                "--port",
                str(ports.take(one.name)),
                *one.arguments,
            ),
            environment=one.environment,
            is_ready=listens(LOOPBACK, ports.take(one.name)),
            note=f"{one.url}  ({one.what})",
            ends_last=True,
        )
        for one in stand_ins.wanted()
    ]


def listens(host: str, port: int) -> Callable[[], Awaitable[bool]]:
    """True once somebody accepts connections there."""

    async def probe() -> bool:
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                _reader, writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError):
            return False
        writer.close()
        return True

    return probe
