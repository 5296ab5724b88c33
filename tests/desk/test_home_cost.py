"""What home costs where three thousand components run in four environments: queries, rows, and the database's work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.sql import compiler
from django.test import Client
from django.utils import timezone

from accounts.models import Project
from components.models import Component
from environments.models import Membership, Space
from releases.models import Deployment, OrderFeed, Placement, Promotion, ReleaseOrder
from tests.cast import World
from tests.releases.pages.test_order import HTMX

SignIn = Callable[[str], Client]
COMPONENTS, PROJECTS, WAITING = 3000, 10, 130
MOST_ROWS, MOST_QUERIES = 1000, 16
STEPS_A_ROW = 150
"""So many instructions of SQLite's machine a row that is read, with what is joined to it."""


@dataclass
class Cost:
    """Of each query: its rows, and how many thousand instructions the database took."""

    rows: list[int] = field(default_factory=list)
    work: list[int] = field(default_factory=list)


@contextmanager
def costs() -> Iterator[Cost]:
    """Of all queries of the block, in order."""
    found, cursor_iter, patch = Cost(), compiler.cursor_iter, pytest.MonkeyPatch()

    def counted(*args: Any) -> Iterator[Any]:
        for rows in cursor_iter(*args):
            found.rows[-1] += len(rows)
            yield rows

    def note(execute: Callable[..., Any], *args: Any) -> Any:
        found.rows.append(0)
        found.work.append(0)
        return execute(*args)

    def tick() -> int:
        if found.work:
            found.work[-1] += 1
        return 0

    patch.setattr(compiler, "cursor_iter", counted)
    connection.ensure_connection()
    connection.connection.set_progress_handler(tick, 1000)
    try:
        with connection.execute_wrapper(note):
            yield found
    finally:
        connection.connection.set_progress_handler(None, 0)
        patch.undo()


@pytest.fixture
def full(world: World) -> World:
    """The same four environments in ten projects; everything serves everywhere, and some of it waits."""
    spaces = {world.project.pk: list(world.spaces.values())}
    for number in range(PROJECTS - 1):
        project = Project.objects.create(organisation=world.organisation, slug=f"p{number}", name=f"P{number}")
        for name, role in (
            ("tess", "tester"),
            ("olli", "operations"),
            ("dana", "developer"),
            ("petra", "project_admin"),
        ):
            Membership.objects.create(user=world.people[name], role=role, project=project, reason="cast")
        spaces[project.pk] = []
        for space in world.spaces.values():
            other = Space.objects.get(pk=space.pk)
            other.pk, other.project, other.namespace = None, project, f"p{number}-{space.environment.slug}"
            other._state.adding = True
            other.save()
            spaces[project.pk].append(other)
    _fill(world, spaces)
    return world


def _fill(world: World, spaces: dict[int, list[Space]]) -> None:
    now, keys = timezone.now(), sorted(spaces)
    components = Component.objects.bulk_create(
        Component(project_id=keys[n % PROJECTS], name=f"C{n:04}", slug=f"c{n:04}") for n in range(COMPONENTS)
    )
    orders = ReleaseOrder.objects.bulk_create(
        ReleaseOrder(
            number=f"K8S{20260000000000 + n}AA", component=one, project_id=one.project_id, branch="master",
            author=world.dana, state="built", image_digest="sha256:1", built_at=now, created_at=now,
        )
        for n, one in enumerate(components)
    )  # fmt: skip
    OrderFeed.objects.bulk_create(OrderFeed(order=order) for order in orders)
    places = [(order, space) for order in orders for space in spaces[order.project_id]]
    deployed = Deployment.objects.bulk_create(
        Deployment(
            order=order, component_id=order.component_id, space=space, deployed_by=world.olli, state="succeeded",
            nonce="1", finished_at=now - timedelta(hours=1), progress={"wanted": 1},
        )
        for order, space in places
    )  # fmt: skip
    Placement.objects.bulk_create(
        Placement(
            component_id=row.component_id, space_id=row.space_id, last_succeeded=row, last_applied=row, settled_at=now,
            ready=1, wanted=1,
        )
        for row in deployed
    )  # fmt: skip
    Promotion.objects.bulk_create(
        Promotion(
            order=order, component_id=order.component_id, space=space, promoted_by=world.tess, deployed_at=now
        )
        for order, space in places
    )  # fmt: skip


def _keep_waiting(world: World, component: Component) -> None:
    """More than a hundred to deploy and to test, and a few deployments that failed."""
    rows = list(Promotion.objects.filter(space__environment__slug="fat").order_by("-pk")[:WAITING])
    Placement.objects.filter(component__in=[row.component_id for row in rows], space__environment__slug="fat").delete()
    Promotion.objects.filter(pk__in=[row.pk for row in rows]).update(deployed_at=None)
    tested = list(Promotion.objects.filter(space__environment__slug="uat").order_by("pk")[:WAITING])
    Placement.objects.filter(component__in=[row.component_id for row in tested]).exclude(
        space__environment__slug="fat"
    ).delete()
    ids = [row.order_id for row in tested]
    Promotion.objects.filter(order__in=ids).exclude(space__environment__slug="fat").delete()
    ReleaseOrder.objects.filter(pk__in=ids).update(to_test_since=timezone.now())
    active = Deployment.objects.filter(pk__in=Deployment.objects.order_by("-pk").values("pk")[:4])
    active.update(state="failed", finished_at=timezone.now())


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("full")
def test_home_reads_little_of_much(world: World, signed_in: SignIn) -> None:
    _keep_waiting(world, Component.objects.first())
    for username in ("olli", "tess", "dana", "petra", "ada", "uma"):
        _reads_little(signed_in(username), username)


def _reads_little(client: Client, username: str) -> None:
    client.get("/")  # Who only audits is sent on the first time.
    with costs() as whole:
        page = client.get("/")
    work = page.context["work"]
    told = {name: getattr(work, name).count for name in ("to_deploy", "to_test")}
    with costs() as count:
        client.get("/?part=count", headers=HTMX)
    assert {"olli": told["to_deploy"], "tess": told["to_test"]}.get(username, "100+") == "100+", username
    assert len(whole.rows) <= MOST_QUERIES and max(whole.rows) <= MOST_ROWS, username
    assert max(count.work) <= MOST_ROWS * STEPS_A_ROW // 1000 and max(count.rows) <= MOST_ROWS, username
