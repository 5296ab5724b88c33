"""The plainest chain there is: commit a row → publish → websocket. A server process and a publisher process.

``serve PORT``: takes publishes (one line each, on a loopback socket; or Redis, where CHANNEL_URL is set) and sends each
to every websocket. ``publish COUNT``: a line on standard input starts it; it commits and publishes COUNT rows.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import psycopg2
import redis
import redis.asyncio
from websockets.asyncio.server import ServerConnection, broadcast, serve

REDIS = os.environ.get("CHANNEL_URL", "")
DATABASE = os.environ.get("DATABASE_URL", "")
CHANNEL = "bench-raw"


def pauses(count: int) -> list[float]:
    """Seconds between events: irregular, so that they meet every moment of a poll; the same in every round."""
    dice = random.Random(4)
    return [dice.uniform(0.02, 0.06) for _ in range(count)]


async def _serve(port: int) -> None:
    sockets: set[ServerConnection] = set()

    async def viewer(connection: ServerConnection) -> None:
        sockets.add(connection)
        await connection.wait_closed()
        sockets.discard(connection)

    async def publishes(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            broadcast(sockets, line.decode().strip())

    async with serve(viewer, "127.0.0.1", port, compression=None):
        if REDIS:
            subscriber = redis.asyncio.Redis.from_url(REDIS, socket_timeout=None).pubsub()
            await subscriber.subscribe(CHANNEL)
            async for message in subscriber.listen():
                if message["type"] == "message":
                    broadcast(sockets, message["data"].decode())
        else:
            async with await asyncio.start_server(publishes, "127.0.0.1", port + 1) as listener:
                await listener.serve_forever()


def _committer(folder: Path) -> Any:
    """A function that commits one row to a database of the product's kind."""
    if DATABASE.startswith("postgres"):
        connection: Any = psycopg2.connect(DATABASE)
        connection.autocommit = True
        sign = "%s"
        connection.cursor().execute("CREATE TABLE IF NOT EXISTS bench_raw (at double precision)")
    else:
        connection = sqlite3.connect(folder / "raw.sqlite3", isolation_level=None)
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")
        connection.execute("CREATE TABLE IF NOT EXISTS bench_raw (at)")
        sign = "?"
    return lambda at: connection.cursor().execute(f"INSERT INTO bench_raw VALUES ({sign})", (at,))


def _publisher(port: int) -> Any:
    if REDIS:
        client = redis.Redis.from_url(REDIS)
        return lambda text: client.publish(CHANNEL, text)
    link = socket.create_connection(("127.0.0.1", port + 1))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return lambda text: link.sendall(text.encode() + b"\n")


def _publish(port: int, count: int) -> None:
    commit, publish = _committer(Path(os.environ["PRISM4K_BENCH_FOLDER"])), _publisher(port)
    print("ready", flush=True)
    for _line in sys.stdin:
        for pause in pauses(count):
            time.sleep(pause)
            at = time.time()
            commit(at)
            publish(str(at))
        print("sent", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(_serve(int(sys.argv[2])))
    else:
        _publish(int(sys.argv[2]), int(sys.argv[3]))
