"""A log of 100 MB that Jenkins writes at 4 MB a second: archived while it comes, in little memory, and sent whole.

Three bounds: the watcher's memory grows by at most 32 MB from before the first megabyte, the log is in the rows, whole,
at most 3 s after Jenkins' end, and a browser gets it at no less than a tenth of the speed of a bare websocket (the two
in turn). What is stored is compared with what was written.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bench import frame
from sandbox.ports import reserve

frame.set_up()

from django.db import connection  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from bench.cluster import product  # noqa: E402
from bench.long_log import FRAME  # noqa: E402
from bench.pb05 import PIPES, put_in_jenkins, watching  # noqa: E402
from bench.viewer import session_of  # noqa: E402
from bench.watcher import pss_mb  # noqa: E402
from foundation.redaction import MASK  # noqa: E402
from releases.models import Build  # noqa: E402
from sandbox.jenkins.store import NOTE  # noqa: E402
from tests.cast import World, make_world  # noqa: E402
from tests.releases.rows import build, make_component, make_order  # noqa: E402

MEGABYTES, RATE = 100, 4
WARM_SECONDS, SAMPLE_SECONDS, ROUNDS = 6.0, 0.1, 5
GROWTH_LIMIT_MB, LATE_LIMIT, SPEED_LIMIT = 32.0, 3.0, 0.1
SECRET = b"not-for-the-archive"


@dataclass
class Archived:
    """Seconds behind Jenkins' end; memory of the watcher in MB, before and at most; its seconds of CPU."""

    late: float
    before: float
    most: float
    cpu: float


class Memory(threading.Thread):
    """Samples a process while it works."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.samples, self.stopping = pid, [pss_mb(pid)], threading.Event()

    def run(self) -> None:
        while not self.stopping.wait(SAMPLE_SECONDS):
            self.samples.append(pss_mb(self.pid))


def archive(row: Build, jenkins: subprocess.Popen[str], pid: int) -> Archived:
    """Follows the build until its log is whole."""
    assert jenkins.stdin and jenkins.stdout
    time.sleep(WARM_SECONDS)
    memory = Memory(pid)
    before, cpu = pss_mb(pid), cpu_seconds(pid)
    memory.start()
    jenkins.stdin.write("go\n")
    jenkins.stdin.flush()
    ended = float(jenkins.stdout.readline())
    whole = Build.objects.filter(pk=row.pk, log_is_complete=True, phase="finalizing", log_size__gt=0)
    frame.wait_until(whole.exists, seconds=90)
    late = time.time() - ended
    frame.wait_until(lambda: Build.objects.get(pk=row.pk).is_terminal, seconds=60)
    memory.stopping.set()
    memory.join()
    return Archived(late, before, max(memory.samples), cpu_seconds(pid) - cpu)


def cpu_seconds(pid: int) -> float:
    """Of all its threads since it began: on a busy machine this says more than the clock."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def seconds_of(receive: Callable[[], Iterable[bytes]]) -> tuple[float, int, int]:
    """How long it took, how many bytes came, and their checksum."""
    began, size, checksum = time.perf_counter(), 0, 0
    for piece in receive():
        size, checksum = size + len(piece), zlib.crc32(piece, checksum)
    return time.perf_counter() - began, size, checksum


def by_http(port: int, world: World, path: str) -> Iterable[bytes]:
    """The log as the page's link gives it."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", path, headers={"Cookie": f"sessionid={session_of(world.dana)}"})
    answer = client.getresponse()
    assert answer.status == 200, answer.read(500)
    while piece := answer.read(FRAME):
        yield piece
    client.close()


def by_socket(port: int) -> Iterable[bytes]:
    """The same from the bare websocket."""
    with connect(f"ws://127.0.0.1:{port}/", compression=None) as socket:
        yield from (piece for piece in socket if isinstance(piece, bytes))


def main() -> None:
    """Archives it once, sends it several times."""
    world = make_world()
    row = build(make_order(make_component(world), world.dana))
    folder = frame.FOLDER / "jenkins"
    arguments = ("jenkins", str(MEGABYTES), str(RATE), str(folder), str(row.trigger_id))
    with frame.running("-m", "bench.long_log", *arguments, **PIPES) as jenkins:
        assert jenkins.stdout is not None
        found = jenkins.stdout.readline().split()
        url, session = jenkins.stdout.readline().split()
        put_in_jenkins({str(row.trigger_id): row}, url, session, [found])
        connection.close()
        port = reserve()
        with product(port) as pids:
            frame.wait_until(lambda: frame.listens(port))
            with watching(port, world):
                archived = archive(row, jenkins, pids["watcher-1"])
            (written,) = folder.glob("jobs/*/builds/*/log")
            text, path = as_archived(written), f"/api/v1/orders/{row.order.number}/builds/{row.attempt}/log/?raw=1"
            ours, peer = sent(port, world, path, text)
    finish(archived, ours, peer)


def as_archived(written: Path) -> Path:
    """A file with what must be stored: without Jenkins' notes, the secret masked."""
    text = frame.FOLDER / "whole.log"
    text.write_bytes(NOTE.sub(b"", written.read_bytes()).replace(SECRET, MASK.encode()))
    return text


def sent(port: int, world: World, path: str, text: Path) -> tuple[list[float], list[float]]:
    """Seconds of both ways, in turn; exits where what came is not the file."""
    wanted = text.stat().st_size, zlib.crc32(text.read_bytes())
    raw, ours, peer = reserve(), [], []
    with frame.running("-m", "bench.long_log", "send", str(raw), str(text)):
        frame.wait_until(lambda: frame.listens(raw))
        for _ in range(ROUNDS):
            for side, receive in ((ours, lambda: by_http(port, world, path)), (peer, lambda: by_socket(raw))):
                seconds, *found = seconds_of(receive)
                if tuple(found) != wanted:
                    sys.exit(f"The log that came is not the one that Jenkins wrote: {found}, not {wanted}.")
                side.append(seconds)
    return ours, peer


def finish(archived: Archived, ours: list[float], peer: list[float]) -> None:
    """The line."""
    ratios = [theirs / own for own, theirs in zip(ours, peer, strict=True)]
    growth, speed = archived.most - archived.before, frame.quantile(ratios, 0.5)
    frame.finish(
        "pb04",
        ok=growth <= GROWTH_LIMIT_MB and archived.late <= LATE_LIMIT and speed >= SPEED_LIMIT,
        ours=round(archived.late, 2),
        peer=None,
        ratio=round(archived.late / LATE_LIMIT, 2),
        limit=LATE_LIMIT,
        growth_mb=round(growth, 1),
        growth_limit_mb=GROWTH_LIMIT_MB,
        watcher_mb=round(archived.before, 1),
        watcher_cpu_seconds=round(archived.cpu, 1),
        speed=round(speed, 2),
        speed_limit=SPEED_LIMIT,
        megabytes_a_second={
            name: round(MEGABYTES / frame.quantile(side, 0.5), 1) for name, side in (("ours", ours), ("peer", peer))
        },
        rounds=[round(ratio, 2) for ratio in ratios],
        unit="s from Jenkins' end to the whole log in the rows; speed to a browser as a share of a bare websocket's",
    )


if __name__ == "__main__":
    main()
