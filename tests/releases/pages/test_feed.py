"""The deployment feed: whose rows, what narrows them, page after page, and in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from components.models import Component
from releases.models import Deployment, ReleaseOrder
from tests.cast import World
from tests.releases.pages.test_order import HTMX, words
from tests.releases.rows import make_order

SignIn = Callable[[str], Client]


@pytest.fixture
def order(world: World, component: Component) -> ReleaseOrder:
    return make_order(component, world.dana)


def deployed(order: ReleaseOrder, world: World, space: str = "fat", **changes: Any) -> Deployment:
    """A deployment that took 65 s and succeeded, unless changed."""
    now = timezone.now()
    created = changes.pop("created_at", now)
    row = Deployment.objects.create(
        **{
            "order": order, "component": order.component, "space": world.spaces[space], "deployed_by": world.olli,
            "state": "succeeded", "nonce": "1", "started_at": now - timedelta(seconds=65), "finished_at": now,
        }
        | changes
    )  # fmt: skip
    Deployment.objects.filter(pk=row.pk).update(created_at=created)
    return row


def shown(client: Client, query: str = "") -> list[int]:
    """The ids of the rows, as the page has them."""
    return [row.pk for row in client.get(f"/deployments/{query}").context["page"].items]


def test_a_line_says_who_what_where_verdict_and_duration(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    deployed(order, world, "prd", state="failed", kind="scale", overlay={"replicas": 7}, message="No node has room.")
    said = words(signed_in("dana").get("/deployments/"))
    for part in (
        "PRD",
        "production",
        "scale 7",
        "scaling failed",
        "No node has room.",
        "1:05",
        "Olli",
        order.short_name,
    ):
        assert part in said
    assert "理财网关组件" in said


def test_filters_narrow_page_and_api_alike(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    old = timezone.now() - timedelta(days=9)
    first = deployed(order, world, "fat", created_at=old)
    second = deployed(order, world, "uat", state="failed", deployed_by=world.oskar)
    third = deployed(order, world, "prd", state="running", finished_at=None)
    client, week = signed_in("olli"), (timezone.localdate() - timedelta(days=7)).isoformat()
    for query, expected in (
        ("", [third, second, first]), ("?environment=uat", [second]), ("?person=oskar", [second]),
        ("?verdict=failed", [second]), ("?verdict=running", [third]), (f"?since={week}", [third, second]),
        (f"?until={week}", [first]), ("?project=sis-omm", [third, second, first]), ("?project=nothing", []),
    ):  # fmt: skip
        ids = [row.pk for row in expected]
        assert shown(client, query) == ids, query
        assert [row["id"] for row in client.get(f"/api/v1/deployments/{query}").json()["items"]] == ids, query
    for wrong in ("?verdict=wrong", "?since=never"):
        assert shown(client, wrong) == [third.pk, second.pk, first.pk], "a page narrows nothing by it"
        assert client.get(f"/api/v1/deployments/{wrong}").status_code == 400


def test_the_api_tells_what_the_page_shows(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    deployed(order, world, "prd", kind="restart", state="failed")
    (row,) = signed_in("dana").get("/api/v1/deployments/").json()["items"]
    told = {
        name: row[name] for name in ("order", "project", "component", "environment", "kind", "state_word", "seconds")
    }
    assert told == {
        "order": order.number, "project": "sis-omm", "component": order.component.slug, "environment": "prd",
        "kind": "restart", "state_word": "restart failed", "seconds": 65,
    }  # fmt: skip
    assert row["deployed_by"] == "olli"


def test_who_sees_no_project_sees_no_row(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    deployed(order, world)
    client = signed_in("otto")
    assert shown(client) == [] and "Nothing was deployed yet" in words(client.get("/deployments/"))
    assert client.get("/api/v1/deployments/?project=sis-omm").json()["items"] == []
    assert words(client.get("/deployments/?part=news&newest=", headers=HTMX)).strip() == ""


def test_pages_follow_each_other_and_new_rows_wait(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    rows = [deployed(order, world) for _number in range(52)]
    client = signed_in("olli")
    first = client.get("/deployments/").context["page"]
    assert [row.pk for row in first.items] == [row.pk for row in reversed(rows[2:])]
    assert shown(client, f"?before={first.next_cursor}") == [rows[1].pk, rows[0].pk]
    newest = first.items[0].pk
    refresh = client.get("/deployments/").context["refresh"]
    deployed(order, world, "uat")
    assert client.get(f"/deployments/?{refresh}", headers=HTMX).context["page"].items[0].pk == newest
    assert "1 new deployment" in words(client.get(f"/deployments/?part=news&newest={newest}", headers=HTMX))
    assert "new" not in words(client.get(f"/deployments/?part=news&newest={newest}&environment=prd", headers=HTMX))
    assert client.get("/deployments/?before=x").status_code == 400


def test_fifty_rows_cost_as_many_queries_as_ten(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    client, counts = signed_in("olli"), []
    for number in (10, 40):
        for _row in range(number):
            deployed(make_order(order.component, world.dana), world, "prd")
        client.get("/deployments/")
        for address in ("/deployments/", "/api/v1/deployments/"):
            with CaptureQueriesContext(connection) as caught:
                client.get(address)
            counts.append(len(caught))
    assert counts[:2] == counts[2:] and max(counts) <= 12


def test_rows_stand_under_their_days_in_the_viewers_zone(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    now = timezone.now()
    for days in (9, 1, 0, 0):
        deployed(order, world, created_at=now - timedelta(days=days))
    days = signed_in("dana").get("/deployments/").context["days"]
    today = timezone.localdate()
    assert [(str(one.word), one.day, len(one.rows)) for one in days] == [
        ("Today", today, 2), ("Yesterday", today - timedelta(days=1), 1), ("", today - timedelta(days=9), 1),
    ]  # fmt: skip


def timed(order: ReleaseOrder, world: World, seconds: int, space: str = "fat", **changes: Any) -> Deployment:
    now = timezone.now()
    return deployed(order, world, space, started_at=now - timedelta(seconds=seconds), finished_at=now, **changes)


def test_what_is_usual_is_the_median_of_the_last_successes_of_the_same_place(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    timed(order, world, 9000)  # Older than the last nine.
    for seconds in (10, 20, 30, 40, 50, 60, 70, 80, 90):
        timed(order, world, seconds)
    timed(order, world, 500, "uat")
    timed(order, world, 1, kind="restart")
    timed(order, world, 700, state="failed")
    days = signed_in("dana").get("/deployments/").context["days"]
    rows = [one for day in days for one in day.rows]
    failed, restart, other, newest = rows[:4]
    assert (failed.usual, failed.length) == (50, 72), "too long fills the bar"
    assert (restart.usual, restart.length) == (None, 0), "a restart is no measure, and has none"
    assert (other.usual, other.length) == (500, 48), "its own place; what is usual lies at the mark"
    assert (newest.seconds, newest.usual, newest.length) == (90, 50, 72)


def test_what_goes_on_is_counted_from_its_beginning(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    timed(order, world, 60)
    began = timezone.now() - timedelta(seconds=30)
    deployed(order, world, state="running", started_at=began, finished_at=None)
    page = signed_in("dana").get("/deployments/")
    (first, _second) = page.context["days"][0].rows
    assert 30 <= first.seconds <= 40 and 20 <= first.length <= 32 and "data-elapsed" in page.content.decode()
