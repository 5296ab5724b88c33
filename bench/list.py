"""A list page of 50 from 100,000 orders: at most 12 queries, no COUNT, and a deep page costs what the first does."""

from __future__ import annotations

import time

from bench import frame

frame.set_up()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from components.models import Component  # noqa: E402
from releases.choices import ClosedReason  # noqa: E402
from releases.models import OrderFeed, ReleaseOrder  # noqa: E402
from tests.cast import World, make_world  # noqa: E402

ORDERS, QUERIES, DEEP = 100_000, 12, 1.5
ROUNDS = 7
STATES = ("created", "building", "built", "build_failed", "closed")


def make_orders(world: World) -> None:
    """Orders of 20 components, 997 branches, two authors, all states: copies of one row, made inside the database."""
    components = [
        Component.objects.create(project=world.project, name=f"BENCH-{number}", slug=f"bench-{number}").pk
        for number in range(20)
    ]
    model = ReleaseOrder.objects.create(
        number="K8S20180918055120CK", component_id=components[0], project=world.project, branch="-", author=world.dana
    )
    letter = "substr('ABCDEFGHIJKLMNOPQRSTUVWXYZ', 1 + CAST(i{} AS integer) % 26, 1)"
    changed = {
        "id": f"{model.pk} + i",
        "number": f"'K8S20' || CAST(100000000000 + i / 676 AS text) || {letter.format(' / 26')} || {letter.format('')}",
        "component_id": f"{components[0]} + i % {len(components)}",
        "branch": "'feature/' || CAST(i % 997 AS text)",
        "author_id": f"CASE WHEN i % 3 = 0 THEN {world.dave.pk} ELSE {world.dana.pk} END",
        "state": "CASE i % 5 " + " ".join(f"WHEN {at} THEN '{state}'" for at, state in enumerate(STATES)) + " END",
        "closed_reason": f"CASE i % 5 WHEN {STATES.index('closed')} THEN '{ClosedReason.DONE}' ELSE '' END",
    }
    quote = connection.ops.quote_name
    columns = [field.column for field in ReleaseOrder._meta.local_concrete_fields]
    numbers = f"n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ORDERS})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE {numbers} INSERT INTO {ReleaseOrder._meta.db_table} ({', '.join(map(quote, columns))}) "
            f"SELECT {', '.join(changed.get(column, quote(column)) for column in columns)} "
            f"FROM {ReleaseOrder._meta.db_table}, n WHERE {quote('id')} = {model.pk}"
        )
        cursor.execute(
            f"INSERT INTO {OrderFeed._meta.db_table} (order_id, last_seq, last_event_at) "
            f"SELECT id, 0, created_at FROM {ReleaseOrder._meta.db_table} WHERE id <> {model.pk}"
        )
        cursor.execute("ANALYZE")


class Pages:
    """A person who reads the list."""

    def __init__(self, world: World) -> None:
        self._client = Client(headers={"host": "127.0.0.1"})
        self._client.force_login(world.dana, backend="accounts.backends.PasswordBackend")

    def get(self, path: str) -> float:
        """Seconds of one answer; it must be a page."""
        start = time.perf_counter()
        answer = self._client.get(path)
        seconds = time.perf_counter() - start
        assert answer.status_code == 200, (path, answer.status_code)
        return seconds

    def queries(self, path: str) -> list[str]:
        """The statements of one answer, once the session knows which project is chosen (a write at a change only)."""
        self.get(path)
        with CaptureQueriesContext(connection) as seen:
            self.get(path)
        return [query["sql"] for query in seen.captured_queries]


def main() -> None:
    """Queries of page and API, first and deep, with and without filters; seconds in turn."""
    world = make_world()
    make_orders(world)
    pages = Pages(world)
    middle = ReleaseOrder.objects.order_by("pk")[ORDERS // 10].pk
    first, deep = "/orders/", f"/orders/?before={middle}"
    paths = [first, deep, "/orders/?state=built", "/orders/?text=feature/99", "/orders/?author=dave&project=sis-omm"]
    paths += ["/api/v1/orders/", f"/api/v1/orders/?before={middle}"]
    asked = {path: pages.queries(path) for path in paths}
    most = max(len(queries) for queries in asked.values())
    counts = [sql for queries in asked.values() for sql in queries if "COUNT(" in sql.upper()]
    times = [(pages.get(deep), pages.get(first)) for _ in range(ROUNDS)]
    ratios = [one / other for one, other in times]
    ratio = frame.quantile(ratios, 0.5)
    frame.finish(
        "list",
        ok=most <= QUERIES and not counts and ratio <= DEEP,
        ours=most,
        peer=None,
        ratio=round(ratio, 2),
        limit=QUERIES,
        ratio_limit=DEEP,
        counts=counts[:3],
        queries={path: len(queries) for path, queries in asked.items()},
        slowest_filter_ms=round(max(pages.get(path) for path in paths) * 1000, 1),
        rounds=[round(seconds * 1000, 1) for _, seconds in times],
        unit="queries of a page; ratio: page at 90 % depth to the first page; rounds: ms of the first page",
    )


if __name__ == "__main__":
    main()
