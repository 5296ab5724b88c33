"""Following builds: from a line's being written in Jenkins until it is in the rows, 50 and then 100 builds at a time.

Each build writes 20 lines a second and is watched by a browser. The peer is a plain loop of python-jenkins for each
build, two calls a second, in turn with ours and through the same proxy, which counts the requests of both. A line of
the peer's has arrived when its program has it; one of ours when another process can read it.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bench import frame
from sandbox.ports import reserve

frame.set_up()

from django.utils import timezone  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from bench.busy_jenkins import TOKEN, USER  # noqa: E402
from bench.cluster import product  # noqa: E402
from bench.viewer import session_of  # noqa: E402
from releases.models import Build, ReleaseOrder  # noqa: E402
from tests.cast import World, make_world  # noqa: E402
from tests.releases.rows import build, make_component, make_order  # noqa: E402

BUILDS = (50, 100)
RATE = 20.0
ROUNDS = 2
WARM_SECONDS, SECONDS, LATE_SECONDS = 8.0, 12.0, 3.0
READ_SECONDS = 0.01
TOPICS = 50
MEDIAN_LIMIT, P95_LIMIT, REQUESTS_LIMIT = 0.7, 1.0, 1.0
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}


@dataclass
class Side:
    """What one side came to: lags in seconds, and requests a second."""

    lags: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        """A quantile of the lags."""
        return frame.quantile(self.lags, share)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return sum(self.requests) / len(self.requests)


class Reader(threading.Thread):
    """Notes when each line can be read by another process than the one that wrote it."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[float, float]] = []
        self.stopping = threading.Event()

    def run(self) -> None:
        rows = sqlite3.connect(f"file:{frame.FOLDER}/data/prism4k.sqlite3?mode=ro", uri=True)
        (last,) = rows.execute("SELECT coalesce(max(id), 0) FROM releases_logchunk").fetchone()
        while not self.stopping.wait(READ_SECONDS):
            found = rows.execute("SELECT id, text FROM releases_logchunk WHERE id > ? ORDER BY id", [last]).fetchall()
            now, last = time.time(), found[-1][0] if found else last
            for _pk, text in found:
                stamps = [line.split(" ", 1)[0] for line in text.split("\n") if line[:1].isdigit()]
                self.seen += [(float(stamp), now) for stamp in stamps]
        rows.close()


@dataclass
class Scene:
    """Builds that write, and how they are reached."""

    world: World
    builds: int
    url: str
    proxy: subprocess.Popen[str]

    def requests(self) -> int:
        """So many since the proxy began."""
        assert self.proxy.stdin and self.proxy.stdout
        self.proxy.stdin.write("\n")
        self.proxy.stdin.flush()
        return int(self.proxy.stdout.readline())

    def measured(self, side: Side) -> tuple[float, float]:
        """SECONDS of measuring, and a while for what is still on its way; from when to when."""
        before, began = self.requests(), time.time()
        time.sleep(SECONDS)
        ended = time.time()
        side.requests.append((self.requests() - before) / (ended - began))
        time.sleep(LATE_SECONDS)
        return began, ended

    def ours(self, side: Side) -> None:
        """The product, all builds watched."""
        port = reserve()
        with product(port):
            frame.wait_until(lambda: frame.listens(port))
            with watching(port, self.world):
                time.sleep(WARM_SECONDS)
                reader = Reader()
                reader.start()
                began, ended = self.measured(side)
                reader.stopping.set()
                reader.join()
        side.lags += [now - at for at, now in reader.seen if began <= at <= ended]

    def peer(self, side: Side) -> None:
        """The loops."""
        with frame.running("-m", "bench.jenkins_loop", self.url, str(self.builds), **PIPES) as loops:
            assert loops.stdin and loops.stdout
            loops.stdout.readline()
            time.sleep(WARM_SECONDS / 2)
            loops.stdin.write("{} {}\n".format(*self.measured(side)))
            loops.stdin.close()
            side.lags += json.loads(loops.stdout.readline())


@contextlib.contextmanager
def watching(port: int, world: World) -> Iterator[None]:
    """Browsers that have each order's page open."""
    numbers = list(ReleaseOrder.objects.filter(builds__phase="building").values_list("number", flat=True))
    with contextlib.ExitStack() as stack:
        for first in range(0, len(numbers), TOPICS):
            headers = {"Cookie": f"sessionid={session_of(world.dana)}"}
            origin = f"http://127.0.0.1:{port}"
            socket = stack.enter_context(
                connect(f"ws://127.0.0.1:{port}/ws/live/", additional_headers=headers, origin=origin, compression=None)  # type: ignore[arg-type]
            )
            topics = [{"topic": f"order:{number}", "after": 0} for number in numbers[first : first + TOPICS]]
            socket.send(json.dumps({"type": "subscribe", "topics": topics}))
            threading.Thread(target=lambda socket=socket: [None for _ in socket], daemon=True).start()
        yield


def put_in_jenkins(rows: dict[str, Build], url: str, session: str, found: Iterable[Sequence[str]]) -> None:
    """The rows, by trigger id, as steps leave them that have found their builds: trigger id, number, queue id each."""
    server = next(iter(rows.values())).server
    server.url, server.username, server.token = url, USER, TOKEN
    server.save()
    for trigger, number, queue_id in found:
        at = {"build_number": int(number), "queue_id": int(queue_id), "session": session}
        Build.objects.filter(pk=rows[trigger].pk).update(
            phase="building", state="running", remote=server.remote_key, posted_at=timezone.now(), **at
        )


@contextlib.contextmanager
def scene(world: World, count: int) -> Iterator[Scene]:
    """So many builds, in Jenkins and as rows of a step that has found them there."""
    component = make_component(world, f"BENCH-{count}")
    rows = {str(row.trigger_id): row for row in (build(make_order(component, world.dana)) for _ in range(count))}
    folder = frame.FOLDER / f"jenkins-{count}"
    with frame.running("-m", "bench.busy_jenkins", str(RATE), str(folder), *rows, stdout=subprocess.PIPE) as busy:
        assert busy.stdout is not None
        found = [busy.stdout.readline().split() for _ in range(count)]
        url, session = busy.stdout.readline().split()
        parts = urlsplit(url)
        with frame.running("-m", "bench.counting_proxy", str(parts.hostname), str(parts.port), **PIPES) as proxy:
            assert proxy.stdout is not None
            url = f"http://127.0.0.1:{int(proxy.stdout.readline())}/"
            put_in_jenkins(rows, url, session, found)
            yield Scene(world, count, url, proxy)
    Build.objects.filter(pk__in=[row.pk for row in rows.values()]).update(state="cancelled", phase="finalizing")


def measure(world: World, count: int) -> dict[str, object]:
    """Both sides in turn."""
    ours, peer = Side(), Side()
    with scene(world, count) as made:
        for _ in range(ROUNDS):
            made.ours(ours)
            made.peer(peer)
    for name, side in (("ours", ours), ("peer", peer)):
        said = f"median {side.at(0.5):.3f} s, p95 {side.at(0.95):.3f} s, {side.rate:.0f} requests/s"
        sys.stderr.write(f"  {count} builds, {name}: {said}, {len(side.lags)} lines\n")
    return {
        "builds": count,
        "ours": round(ours.at(0.5), 3),
        "peer": round(peer.at(0.5), 3),
        "ratio": round(ours.at(0.5) / peer.at(0.5), 2),
        "p95": round(ours.at(0.95) / peer.at(0.95), 2),
        "requests": round(ours.rate / peer.rate, 2),
    }


def main() -> None:
    """The worse of the two, and the line."""
    world = make_world()
    found = [measure(world, count) for count in BUILDS]
    limits = {"ratio": MEDIAN_LIMIT, "p95": P95_LIMIT, "requests": REQUESTS_LIMIT}
    worst = max(found, key=lambda one: float(str(one["ratio"])))
    frame.finish(
        "pb05",
        ok=all(float(str(one[name])) <= limit for one in found for name, limit in limits.items()),
        ours=worst["ours"],
        peer=worst["peer"],
        ratio=worst["ratio"],
        limit=MEDIAN_LIMIT,
        rounds=found,
        limits=limits,
        unit="s from a line in Jenkins to a line in the rows, median; p95 and requests as shares of the peer's",
    )


if __name__ == "__main__":
    main()
