"""The other sides of pb04: a Jenkins whose build writes a long log, and a bare websocket that sends a file.

``jenkins MEGABYTES MB_A_SECOND FOLDER TRIGGER`` prints build and address as ``bench.busy_jenkins`` does; after a line
on standard input the build writes and fails, and the moment of its end is printed. ``send PORT FILE`` sends the file to
every websocket that connects.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from pathlib import Path

from websockets.asyncio.server import ServerConnection, serve

from bench import busy_jenkins
from sandbox.jenkins.controller import Controller
from sandbox.jenkins.store import LiveBuild, Stage, now_ms

FRAME = 65_536
LINE = 100
"""Bytes of a line."""
SLAB = 400
"""Lines that are written at once."""


def line(number: int) -> str:
    """As builds write them: a few name addresses or warn, one has a secret."""
    if number == SLAB:
        text = "docker login -p not-for-the-archive registry.example"
    elif number % 50 == 0:
        text = f"Downloading https://packages.example/simple/part/part-{number}.whl"
    elif number % 1000 == 1:
        text = f"src/part.c:{number}: warning: unused variable"
    else:
        text = f"compiling src/service/part_{number:07d}.py into build/lib/service"
    return f"{number:08d} {text}".ljust(LINE - 1, ".") + "\n"


def write(log: LiveBuild, size: int, rate: float) -> None:
    """So many bytes, so many a second, evenly."""
    began = time.monotonic()
    for first in range(0, size // LINE, SLAB):
        log.log.write("".join(map(line, range(first, min(first + SLAB, size // LINE)))).encode())
        time.sleep(max(0.0, began + first * LINE / rate - time.monotonic()))


def jenkins(megabytes: float, rate: float, folder: Path, trigger: str) -> None:
    """Serves until it is ended."""
    begin = threading.Event()

    def build(controller: Controller, live: LiveBuild) -> None:
        live.build.stages.append(Stage("1", "Build", "IN_PROGRESS", now_ms()))
        controller.save(live)
        live.log.line("[Pipeline] stage")
        live.log.line("[Pipeline] { (Build)")
        begin.wait()
        write(live, int(megabytes * 1e6), rate * 1e6)
        controller.finish(live, "FAILURE")
        print(time.time(), flush=True)

    def wait(_builds: list[LiveBuild]) -> None:
        sys.stdin.readline()
        begin.set()

    busy_jenkins.serve(folder, [trigger], build, wait)


async def send(port: int, file: Path) -> None:
    """Until it is ended."""

    async def viewer(connection: ServerConnection) -> None:
        with file.open("rb") as log:
            while piece := log.read(FRAME):
                await connection.send(piece)

    async with serve(viewer, "127.0.0.1", port, compression=None) as server:
        await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "send":
        asyncio.run(send(int(sys.argv[2]), Path(sys.argv[3])))
    else:
        jenkins(float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]), sys.argv[5])
