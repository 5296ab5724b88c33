"""Hands requests on to one server and counts them. For each line that it is given it prints how many there were.

``python -m bench.counting_proxy HOST PORT``; its first line is its own port.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys

CHUNK = 262_144
_REQUEST = re.compile(rb"(?:GET|POST) \S+ HTTP/1\.1\r\n")


class Proxy:
    """Bytes in both directions; a request is a head that a client sends."""

    def __init__(self, host: str, port: int) -> None:
        self.requests = 0
        self._upstream = (host, port)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client."""
        with contextlib.suppress(OSError):
            upstream_reader, upstream_writer = await asyncio.open_connection(*self._upstream)
            await asyncio.gather(
                self._pass(reader, upstream_writer, counts=True), self._pass(upstream_reader, writer, counts=False)
            )

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counts: bool) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if counts:
                    self.requests += len(_REQUEST.findall(data))
                writer.write(data)
                await writer.drain()
        writer.close()


async def main() -> None:
    """Until standard input ends."""
    proxy = Proxy(sys.argv[1], int(sys.argv[2]))
    server = await asyncio.start_server(proxy.talk, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(proxy.requests, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
