"""The audit with 1,000,000 sealed rows: verifying them against a bare loop that reads and hashes them, and deep pages.

The bare loop is ``sqlite3`` alone: the same rows in the same order, one SHA-256 a row that covers the one before. A
verification makes three a row, two of them with the key. Both read the same slices of the log, in turn: what else the
machine does meanwhile counts for both. ``ROWS=100000`` for fewer.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterator

from bench import frame

frame.set_up()

from datetime import UTC, datetime, timedelta  # noqa: E402
from itertools import islice  # noqa: E402
from typing import Any  # noqa: E402

from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402

from audit.heads import START  # noqa: E402
from audit.marks import CONTENT, TEXTS, digest_of, link_mac, new_mark  # noqa: E402
from audit.models import AuditEvent, AuditLink  # noqa: E402
from audit.verification import Reading, conclude  # noqa: E402
from tests.cast import make_world  # noqa: E402

ROWS = int(os.environ.get("ROWS", "1000000"))
SLICE = 25_000
LEAST, DEEP = 0.5, 1.2
PAGE, ROUNDS = 50, 21
EVENT = ("id", "mark", *CONTENT)
LINK = ("sequence", "event_id", "previous_mac", "mac", "sealed_at")
BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)


def make_rows() -> None:
    """Events as the product records them, each sealed, written past the ORM."""
    made = _made()
    while chunk := list(islice(made, SLICE)):
        for model, names, place in ((AuditEvent, EVENT, 0), (AuditLink, LINK, 1)):
            quoted, marks = ", ".join(map(connection.ops.quote_name, names)), ", ".join(["%s"] * len(names))
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.executemany(
                    f"INSERT INTO {model._meta.db_table} ({quoted}) VALUES ({marks})", [pair[place] for pair in chunk]
                )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _made() -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    first = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    mac = START
    for number in range(1, ROWS + 1):
        at = BEGIN + timedelta(seconds=number)
        texts = {
            "actor_id": str(number % 200), "actor_name": f"Person {number % 200}", "verb": "deployment.queued",
            "object_type": "order", "object_id": str(number), "object_name": f"K8S{20260101000000 + number}AB",
            "project": f"project-{number % 40}", "environment": ("fat", "uat", "prd")[number % 3], "outcome": "done",
            "reason": "", "request_number": f"{number:010d}", "address": "10.1.2.3",
        }  # fmt: skip
        content = [at, *(texts[name] for name in TEXTS), None, None, f'{{"kind":"deploy","snapshot":"{number:012x}"}}']
        digest = digest_of(content)
        pk, mark = first + number, new_mark(digest)
        before, mac = mac, link_mac(mac, number, pk, mark, digest)
        moment = at.strftime("%Y-%m-%d %H:%M:%S.%f")
        yield (pk, mark, moment, *content[1:]), (number, pk, before, mac, moment)


class Bare:
    """Reads link and event of each row, and hashes them."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(connection.settings_dict["NAME"])
        columns = ", ".join(f'e."{name}"' for name in EVENT)
        self._statement = (
            f"SELECT l.sequence, l.event_id, l.previous_mac, l.mac, {columns} FROM audit_auditlink l "
            "JOIN audit_auditevent e ON e.id = l.event_id WHERE l.sequence > ? ORDER BY l.sequence LIMIT ?"
        )
        self.hash, self.count = "", 0

    def go_on(self, rows: int) -> None:
        """So many more."""
        for row in self._connection.execute(self._statement, (self.count, rows)):
            self.hash = hashlib.sha256(f"{self.hash}\n{row}".encode()).hexdigest()
            self.count += 1


def verify_beside_bare() -> tuple[float, float, list[float]]:
    """Seconds of a whole verification, of the bare loop, and the ratio of each slice."""
    reading, bare, ratios, ours, peer = Reading(), Bare(), [], 0.0, 0.0
    for turn in range(-(-ROWS // SLICE)):
        seconds = {}
        for side in (reading, bare) if turn % 2 else (bare, reading):
            began = time.perf_counter()
            side.go_on(SLICE)
            seconds[side is reading] = time.perf_counter() - began
        ours, peer = ours + seconds[True], peer + seconds[False]
        ratios.append(seconds[False] / seconds[True])
    began = time.perf_counter()
    found = conclude(reading)
    ours += time.perf_counter() - began
    assert found.is_whole and found.checked == bare.count == ROWS, (found.problems, found.checked, bare.count)
    return ours, peer, ratios


def pages() -> list[tuple[float, float]]:
    """Seconds of the last page and of the first, in turn."""
    world = make_world()
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(world.uma, backend="accounts.backends.PasswordBackend")
    oldest = AuditEvent.objects.order_by("pk").values_list("pk", flat=True)[PAGE]
    paths = ["/audit/", f"/audit/?before={oldest}"]
    found = []
    for turn in range(ROUNDS + 2):
        seconds = {}
        for path in paths if turn % 2 else reversed(paths):
            began = time.perf_counter()
            answer = client.get(path)
            seconds[path] = time.perf_counter() - began
            assert answer.status_code == 200, answer.status_code
        found.append((seconds[paths[1]], seconds[paths[0]]))
    return found[2:]


def main() -> None:
    """Both, and the line."""
    if connection.vendor != "sqlite":
        raise SystemExit("This bar reads SQLite's file itself: leave DATABASE_URL out.")
    make_rows()
    sys.stderr.write(f"  {ROWS} rows made\n")
    ours, peer, ratios = verify_beside_bare()
    times = pages()
    deep = frame.quantile([one / other for one, other in times], 0.5)
    frame.finish(
        "audit",
        ok=peer / ours >= LEAST and deep <= DEEP,
        ours=round(ours, 2),
        peer=round(peer, 2),
        ratio=round(peer / ours, 2),
        limit=LEAST,
        middle_slice=round(frame.quantile(ratios, 0.5), 2),
        page={"number": ROWS // PAGE, "ratio": round(deep, 2), "limit": DEEP},
        rounds=[[round(side * 1000, 1) for side in pair] for pair in times[:7]],
        unit=f"s of {ROWS} rows; ratio: bare loop to ours, all told; rounds: ms of the last page and of the first",
    )


if __name__ == "__main__":
    main()
