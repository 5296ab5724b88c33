"""An order's feed: its events leave the order's own row alone, and pods do not modify an order."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from releases.events import append_event
from releases.models import Build, Deployment, LogChunk, OrderEvent, OrderFeed, Placement, ReleaseOrder
from tests.cast import World
from tests.releases.rows import make_component, make_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    return make_order(make_component(world), world.dana)


def test_an_event_writes_the_feed_and_not_the_order(order: ReleaseOrder) -> None:
    with CaptureQueriesContext(connection) as queries:
        append_event(order.pk, "comment")
    changed = [query["sql"].split('"')[1] for query in queries if query["sql"].startswith("UPDATE")]
    assert changed == [OrderFeed._meta.db_table]


@pytest.mark.parametrize(("kind", "modifies"), [("comment", True), ("placement.unsettled", False)])
def test_a_restart_of_a_pod_is_not_last_modified(order: ReleaseOrder, kind: str, modifies: bool) -> None:
    before = timezone.now() - timedelta(hours=1)
    OrderFeed.objects.update(last_event_at=before)
    seq = append_event(order.pk, kind)
    found = ReleaseOrder.objects.get(pk=order.pk)
    assert found.last_seq == seq
    assert (found.changed_at > before) is modifies


@pytest.mark.parametrize("model", [ReleaseOrder, OrderFeed, OrderEvent, Build, LogChunk, Deployment, Placement])
def test_no_index_begins_another(model: type[ReleaseOrder], db: None) -> None:
    """An index whose columns are the first of another's finds nothing that the other does not; SQLite tells all."""
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table)
    partial = {item.name for item in [*model._meta.indexes, *model._meta.constraints] if getattr(item, "condition", 0)}
    whole = {name: row["columns"] for name, row in found.items() if row["columns"] and name not in partial}
    whole = {name: columns for name, columns in whole.items() if found[name]["index"] or found[name]["unique"]}
    doubled = [
        (name, other)
        for name, columns in whole.items()
        for other, longer in whole.items()
        if name != other and longer[: len(columns)] == columns
    ]
    assert doubled == []
