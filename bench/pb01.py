"""Event to browser: from just before a worker commits a stage change until a websocket client has it.

Against commit → publish → websocket (``bench.raw_chain``) on the same kind of database. With CHANNEL_URL the publish
is Redis on both sides and the limit is three times the chain. Without, the product has nothing that tells a web process
of another's commit: it polls each POLL_SECONDS, so an event waits half of that on average and all of it at worst.
The limit then is the chain's median plus one poll, twice that for the slowest hundredth; the ratio is printed as it is.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from typing import Any

from bench import frame
from sandbox.ports import reserve

frame.set_up()

import json  # noqa: E402

from django.db import transaction  # noqa: E402
from websockets.asyncio.client import connect  # noqa: E402

from bench.raw_chain import pauses  # noqa: E402
from bench.viewer import session_of  # noqa: E402
from components.models import Component  # noqa: E402
from releases.events import append_event  # noqa: E402
from releases.live.broadcast import POLL_SECONDS  # noqa: E402
from releases.models import ReleaseOrder  # noqa: E402
from tests.cast import make_world  # noqa: E402

ROUNDS, EVENTS = 5, 60
NUMBER = "K8S20260101000000AA"
HAS_REDIS = bool(os.environ.get("CHANNEL_URL"))


def publish(count: int) -> None:
    """The product's publisher process: what a step does when a stage changed."""
    order = ReleaseOrder.objects.get(number=NUMBER)
    stages = [{"name": "Build", "state": "running", "started_ms": 1, "duration_ms": 1, "message": ""}] * 5
    print("ready", flush=True)
    for _line in sys.stdin:
        for pause in pauses(count):
            time.sleep(pause)
            at = time.time()
            with transaction.atomic():
                append_event(order.pk, "build.stages", data={"id": 1, "stages": stages, "at": at})
        print("sent", flush=True)


def make_rows() -> str:
    """An order, and a session of somebody who may see it; the session's cookie."""
    world = make_world()
    component = Component.objects.create(project=world.project, name="BENCH", slug="bench")
    ReleaseOrder.objects.create(
        number=NUMBER, component=component, project=world.project, branch="master", author=world.dana
    )
    return session_of(world.dana)


async def listen_ours(port: int, cookie: str, seen: list[tuple[int, float]]) -> None:
    """Notes (number, seconds it took) of every event that arrives."""
    headers = {"Cookie": f"sessionid={cookie}"}
    url = f"ws://127.0.0.1:{port}/ws/live/"
    async with connect(url, additional_headers=headers, origin=f"http://127.0.0.1:{port}", compression=None) as socket:  # type: ignore[arg-type]
        await socket.send(json.dumps({"type": "subscribe", "topic": f"order:{NUMBER}", "after": 0}))
        async for text in socket:
            now = time.time()
            for event in json.loads(text).get("events", ()):
                seen.append((event["seq"], now - event["data"]["at"]))


async def listen_peer(port: int, seen: list[tuple[int, float]]) -> None:
    """The same of the raw chain."""
    async with connect(f"ws://127.0.0.1:{port}/", compression=None) as socket:
        async for text in socket:
            seen.append((len(seen) + 1, time.time() - float(text)))


async def rounds(sides: list[tuple[subprocess.Popen[str], list[tuple[int, float]]]]) -> list[list[list[float]]]:
    """Turn by turn; for each side, for each round, the seconds of its events. Every event must have come."""
    found: list[list[list[float]]] = [[] for _ in sides]
    for _round in range(ROUNDS + 1):
        for index, (publisher, seen) in enumerate(sides):
            start = len(seen)
            assert publisher.stdin and publisher.stdout
            publisher.stdin.write("go\n")
            publisher.stdin.flush()
            await asyncio.to_thread(publisher.stdout.readline)
            until = time.monotonic() + 5
            while len(seen) < start + EVENTS and time.monotonic() < until:
                await asyncio.sleep(0.01)
            assert [number for number, _ in seen] == list(range(1, start + EVENTS + 1)), "an event was lost or doubled"
            found[index].append([seconds for _, seconds in seen[start:]])
    return [of_side[1:] for of_side in found]  # the first round warms up


async def measure(cookie: str) -> list[list[list[float]]]:
    """Both chains at once, used in turn."""
    web, raw = reserve(), reserve()
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    ours: list[tuple[int, float]] = []
    peer: list[tuple[int, float]] = []
    with (
        frame.running("manage.py", "web", "--port", str(web)),
        frame.running("-m", "bench.raw_chain", "serve", str(raw)),
    ):
        for port in (web, raw):
            await asyncio.to_thread(frame.wait_until, lambda port=port: frame.listens(port))
        with (
            frame.running("-m", "bench.pb01", "publish", str(EVENTS), **pipes) as our_publisher,
            frame.running("-m", "bench.raw_chain", "publish", str(raw), str(EVENTS), **pipes) as raw_publisher,
        ):
            tasks = [
                asyncio.create_task(listen_ours(web, cookie, ours)),
                asyncio.create_task(listen_peer(raw, peer)),
            ]
            for publisher in (our_publisher, raw_publisher):
                await asyncio.to_thread(publisher.stdout.readline)
            await asyncio.sleep(1)
            try:
                return await rounds([(our_publisher, ours), (raw_publisher, peer)])
            finally:
                for task in tasks:
                    task.cancel()


def main() -> None:
    """Medians over rounds, and the line."""
    ours, peer = asyncio.run(measure(make_rows()))
    middle = [[frame.quantile(values, 0.5) * 1000 for values in side] for side in (ours, peer)]
    our_p50, peer_p50 = (frame.quantile(side, 0.5) for side in middle)
    our_p99 = frame.quantile([value * 1000 for values in ours for value in values], 0.99)
    poll = POLL_SECONDS * 1000
    limits = (3 * peer_p50, 50.0) if HAS_REDIS else (peer_p50 + poll, 2 * (peer_p50 + poll))
    frame.finish(
        "pb01",
        ok=our_p50 <= limits[0] and our_p99 <= limits[1],
        ours=round(our_p50, 2),
        peer=round(peer_p50, 2),
        ratio=round(our_p50 / peer_p50, 2),
        limit=round(limits[0], 2),
        p99=round(our_p99, 2),
        p99_limit=round(limits[1], 2),
        rounds=[round(value, 2) for value in middle[0]],
        unit="ms, median",
        bound="3 x the chain, over Redis" if HAS_REDIS else f"the chain + one poll of {POLL_SECONDS} s, no Redis",
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["publish"]:
        publish(int(sys.argv[2]))
    else:
        main()
