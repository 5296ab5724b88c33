"""What one order's way to its first environment costs in rows of PostgreSQL: updates, and how many of them were HOT.

A HOT update writes no index. An update that changes an indexed column, or finds no free place on its page, writes into
every index of its table again. A real product runs: one order is created, built, promoted and deployed by its own
processes against the stand-ins; counted is what ``pg_stat_user_tables`` says afterwards, less what it said before.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from bench import frame
from tests.scale import services
from tests.whole.people import Crew
from tests.whole.product import Product, running

TABLES = ("releaseorder", "orderfeed", "orderevent", "build", "logchunk", "review", "deployment", "placement")
MOVES = 4
"""An order's own moves: created, its commit frozen, building, built."""
FLUSH_SECONDS = 2.0
COUNTS = """
SELECT relname, n_tup_ins, n_tup_upd, n_tup_hot_upd,
       (SELECT count(*) FROM pg_index WHERE indrelid = relid)
FROM pg_stat_user_tables WHERE relname LIKE 'releases\\_%%'
"""

Row = tuple[int, int, int, int]


def counts(product: Product) -> dict[str, Row]:
    """Rows inserted, updated, updated HOT, and indexes, by table; backends report at most a second late."""
    time.sleep(FLUSH_SECONDS)
    return {name.removeprefix("releases_"): tuple(numbers) for name, *numbers in product.rows().all(COUNTS)}


def carry(product: Product) -> None:
    """One order, to its first environment."""
    order = Crew(product).create()
    order.start_build()
    order.built()
    order.promote("fat")
    order.start_deployment("fat")
    order.deployed("fat")
    order.settled("fat")


def measure(folder: Path) -> dict[str, Row]:
    """What the order added."""
    with services.both() as variables, running(Product(folder, **variables)) as product:
        before = counts(product)
        carry(product)
        after = counts(product)
    nothing = (0, 0, 0, 0)
    return {
        name: (*(now - then for now, then in zip(row[:3], before.get(name, nothing)[:3], strict=True)), row[3])
        for name, row in after.items()
    }


def main() -> None:
    """The table to standard error, the line to standard output."""
    with tempfile.TemporaryDirectory(prefix="prism4k-hot-") as folder:
        found = measure(Path(folder))
    sys.stderr.write(f"{'table':<14}{'indexes':>8}{'inserts':>9}{'updates':>9}{'HOT':>6}\n")
    for name in TABLES:
        if name in found:
            inserts, updates, hot, indexes = found[name]
            sys.stderr.write(f"{name:<14}{indexes:>8}{inserts:>9}{updates:>9}{hot:>6}\n")
    _ins, order_updates, order_hot, order_indexes = found["releaseorder"]
    _ins, feed_updates, feed_hot, _indexes = found.get("orderfeed", (0, 0, 0, 0))
    frame.finish(
        "hot",
        ok=order_updates <= MOVES and feed_hot >= 0.9 * feed_updates > 0,
        ours=feed_hot,
        peer=None,
        ratio=round(feed_hot / feed_updates, 2) if feed_updates else 0.0,
        limit=0.9,
        order_updates=order_updates,
        order_hot=order_hot,
        order_indexes=order_indexes,
        feed_updates=feed_updates,
        events=found["orderevent"][0],
        unit="HOT updates of the feed's row, of all its updates",
    )


if __name__ == "__main__":
    main()
