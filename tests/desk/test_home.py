"""Home, search, administration and health."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import AuditEvent
from components.models import Component
from foundation.models import Remote
from foundation.runs.choices import RunState
from foundation.runs.heartbeat import beat
from foundation.runs.models import Heartbeat
from releases import transitions
from releases.models import Build, Placement
from tests.cast import World
from tests.releases.pages.conftest import reviewed
from tests.releases.pages.test_order import HTMX, words
from tests.releases.rows import build, make_built, make_component, make_order, make_success

SignIn = Callable[[str], Client]


def test_each_role_sees_what_waits_for_it(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    assert [task.order for task in signed_in("dana").get("/").context["work"].to_test.tasks] == [order]
    make_success(order, world.spaces["fat"], world.olli)
    tester = signed_in("tess")
    (task,) = tester.get("/").context["work"].to_test.tasks
    assert (task.order, task.environment) == (order, world.environments["uat"])
    tester.post(f"/orders/{order.number}/promote/uat/", {"test_verdict": "passed"})
    assert tester.get("/").context["work"].to_test.tasks == []
    make_success(order, world.spaces["uat"], world.olli)
    tester.post(f"/orders/{order.number}/promote/prd/", {"test_verdict": "passed"})
    review = reviewed(order, world.spaces["prd"])
    (task,) = signed_in("oskar").get("/").context["work"].to_approve.tasks
    assert (task.order, task.environment) == (order, world.environments["prd"])
    assert signed_in("dana").get("/").context["work"].to_approve.tasks == []
    assert review.snapshot
    given = {"snapshot": review.snapshot.hash, "decision": "approve"}
    signed_in("oskar").post(f"/orders/{order.number}/review/prd/decide/", given)
    assert signed_in("petra").get("/").context["work"].to_approve.tasks == []


def test_running_and_failed(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    row = build(order)
    client = signed_in("dana")
    assert [task.order for task in client.get("/").context["work"].running.tasks] == [order]
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=None, reason="build_failed")
    work = client.get("/").context["work"]
    assert work.running.tasks == [] and [task.order for task in work.failed.tasks] == [order]
    assert signed_in("olli").get("/").context["work"].failed.tasks == [], "its author's to mend"


def test_the_matrix_shows_what_serves_where(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    deployment = make_success(order, world.spaces["fat"], world.olli)
    Placement.objects.filter(last_succeeded=deployment).update(ready=1, wanted=2)
    response = signed_in("dana").get("/")
    matrix = response.context["matrix"]
    assert [environment.slug for environment in matrix.environments] == ["fat", "uat", "prd", "drp"]
    (line,) = matrix.lines
    assert line.cells[0].place.last_succeeded == deployment and line.cells[0].is_short and line.cells[1].place is None
    assert order.short_name in words(response) and "1/2" in words(response)
    assert signed_in("otto").get("/").context["matrix"].lines == []
    assert signed_in("dana").get("/?text=nothing").context["matrix"].lines == []


def test_more_components_cost_no_more_queries(world: World, component: Component, signed_in: SignIn) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as caught:
            assert signed_in("olli").get("/").status_code == 200
        return len(caught.captured_queries)

    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    few = count()
    for index in range(6):
        other = make_component(world, f"SIS-OMM-C{index}")
        make_success(make_built(other, world.dana), world.spaces["fat"], world.olli)
    assert count() <= few


def test_fifty_components_then_the_rest(world: World, component: Component, signed_in: SignIn) -> None:
    Component.objects.bulk_create(
        Component(project=world.project, name=f"C{index:03}", slug=f"c{index:03}") for index in range(60)
    )
    client = signed_in("olli")
    first = client.get("/").context["matrix"]
    second = client.get(f"/?start={first.more}").context["matrix"]
    names = [line.component.slug for line in (*first.lines, *second.lines)]
    assert len(first.lines) == 50 and second.more == "" and len(set(names)) == len(names) == 61


@pytest.mark.parametrize(
    ("part", "begins"), [("work", '<section id="work"'), ("chunk", '<tbody id="matrix-first"'), ("rows", "<tbody")]
)
def test_a_part_is_a_part(world: World, component: Component, signed_in: SignIn, part: str, begins: str) -> None:
    html = signed_in("olli").get(f"/?part={part}", headers=HTMX).content.decode().strip()
    assert html.startswith(begins) and "<html" not in html
    assert "<html" in signed_in("olli").get(f"/?part={part}").content.decode(), "without htmx it is the page"


def test_search_leads_straight_to_an_order(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana, branch="feature/limits")
    client = signed_in("dana")
    assert client.get(f"/search/?q={order.number.lower()}")["Location"] == f"/orders/{order.number}/"
    assert order.number in words(client.get("/search/?q=feature"))
    assert "SIS-OMM-PROXY-GW" in words(client.get("/search/?q=proxy"))
    assert "Nothing found" in words(client.get("/search/?q=zzz"))
    assert order.number not in words(signed_in("otto").get("/search/?q=feature"))


def test_admin_links_follow_the_rights(world: World, signed_in: SignIn) -> None:
    everything = words(signed_in("ada").get("/admin/"))
    developer = words(signed_in("dana").get("/admin/"))
    assert "System health" in everything and "Clusters" in everything and "Servers" in everything
    assert "System health" not in developer and "Clusters" not in developer and "Templates" in developer


def test_health_names_stuck_runs_and_silent_sides_and_wakes(
    world: World, component: Component, signed_in: SignIn
) -> None:
    row = build(make_order(component, world.dana))
    late = timezone.now() - timedelta(minutes=5)
    Build.objects.filter(pk=row.pk).update(next_at=late, lease_until=late)
    Remote.objects.create(name="jenkins:1", opened_at=late, last_error="connection refused", failures=3)
    beat("watcher")
    Heartbeat.objects.create(process="worker-9", role="worker", at=late)
    for username in ("dana", "petra", "uma"):
        assert signed_in(username).get("/health/").status_code == 403
        assert signed_in(username).post(f"/health/build/{row.pk}/wake/").status_code == 403
    client = signed_in("ada")
    response = client.get("/health/")
    said = words(response)
    assert response.context["health"].missing == ["worker"] and "No worker is alive" in said
    assert "connection refused" in said and f"Build {row.pk}" in said
    assert [check.is_good for check in response.context["checks"]] == [True, True, True]
    assert client.post(f"/health/build/{row.pk}/wake/").status_code == 302
    row.refresh_from_db()
    assert row.wakes == 1 and AuditEvent.objects.filter(verb="run.woken").count() == 1
    assert client.post(f"/health/nonsense/{row.pk}/wake/").status_code == 404
    assert client.post("/health/build/999999/wake/").status_code == 409
