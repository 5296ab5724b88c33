"""What the figures cost where there are many orders: queries, and rows that are read one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.sql import compiler
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from components.models import Component
from releases.models import Build, Deployment, OrderFeed, ReleaseOrder
from tests.cast import World
from tests.releases.rows import make_built, make_component

SignIn = Callable[[str], Client]
DAY = timedelta(days=1)
ORDERS = 2_000
MOST_ROWS = 250
"""Of one statement: twelve weeks and the period before, by environment or by verdict."""


@contextmanager
def most_rows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many rows each chunk that a query of the block gave has."""
    found: list[int] = []
    cursor_iter = compiler.cursor_iter

    def counted(*args: Any) -> Iterator[Any]:
        for number, rows in enumerate(cursor_iter(*args)):
            found[number and -1 :] = [found[-1] + len(rows)] if number else [len(rows)]
            yield rows

    monkeypatch.setattr(compiler, "cursor_iter", counted)
    yield found


def fill(world: World, component: Component, number: int) -> None:
    """So many orders, each built, half of them deployed to production; every tenth failed there.

    PostgreSQL knows their number by statistics, which autovacuum keeps in a living database. Without them the page
    takes a hundred times as long here, and a minute after the sign-in it notes once more when the person was seen.
    """
    build, now = Build.objects.get(order=make_built(component, world.dana)), timezone.now()
    orders = ReleaseOrder.objects.bulk_create(
        (
            ReleaseOrder(number=f"K8S{20260000000000 + n}AA", component=component, project=component.project,
                         branch="master", author=world.dana, state="built", created_at=now - DAY * (n % 80 + 1))
            for n in range(number)
        ),
        batch_size=2000,
    )  # fmt: skip
    OrderFeed.objects.bulk_create((OrderFeed(order=order) for order in orders), batch_size=2000)
    Build.objects.bulk_create(
        (
            Build(order=order, attempt=1, started_by=world.dana, server=build.server, registry=build.registry,
                  state="succeeded", digest="sha256:1", started_at=now - DAY * (n % 80) - timedelta(seconds=n % 600),
                  finished_at=now - DAY * (n % 80))
            for n, order in enumerate(orders)
        ),
        batch_size=2000,
    )  # fmt: skip
    Deployment.objects.bulk_create(
        (
            Deployment(order=order, component=component, space=world.spaces[("fat", "prd")[n % 2]],
                       deployed_by=world.olli, state="failed" if n % 20 == 1 else "succeeded", nonce="1",
                       finished_at=now - DAY * (n % 80), created_at=now - DAY * (n % 80))
            for n, order in enumerate(orders)
        ),
        batch_size=2000,
    )  # fmt: skip
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")


def test_many_orders_cost_no_more_queries_and_are_not_read_one_by_one(
    world: World, component: Component, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_component(world, "SIS-OMM-OTHER")
    fill(world, component, ORDERS)
    client = signed_in("olli")
    for query in ("?project=sis-omm", "?period=12w"):
        # The session keeps which project was chosen last: that write is of the choice, not of the figures.
        client.get(f"/figures/{query}")
        with CaptureQueriesContext(connection) as caught, most_rows(monkeypatch) as rows:
            page = client.get(f"/figures/{query}")
        found = page.context["found"]
        assert found.now.images == ORDERS + 1 and found.now.changes == ORDERS // 2 and found.now.failed == ORDERS // 20
        assert found.now.lead.median == DAY.total_seconds() and 250 < (found.now.builds.median or 0) < 350
        assert len(caught.captured_queries) <= 12
        assert max(rows) <= MOST_ROWS
