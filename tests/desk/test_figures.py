"""Figures: what is counted, in which week, of which project; the same on the page, in the file and over the API."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Project
from components.models import Component
from desk.figures import Figures, Wanted, figures
from desk.figures.spreads import Spread
from environments.access import Rights
from releases.models import Build, Deployment, ReleaseOrder
from tests.cast import World
from tests.releases.pages.test_order import words
from tests.releases.rows import make_built, make_component, make_review

SignIn = Callable[[str], Client]
DAY = timedelta(days=1)


def noon(days_ago: float) -> datetime:
    """Not at midnight, where a week may begin."""
    today = timezone.localtime().replace(hour=0, minute=0, second=1, microsecond=0)
    return today - DAY * days_ago


def built(component: Component, world: World, *, days_ago: float, seconds: int = 60, **changes: Any) -> ReleaseOrder:
    """An order whose build ended so long ago."""
    order = make_built(component, world.dana)
    ended = noon(days_ago)
    row = Build.objects.filter(order=order)
    row.update(**{"finished_at": ended, "started_at": ended - timedelta(seconds=seconds)} | changes)
    ReleaseOrder.objects.filter(pk=order.pk).update(created_at=ended - timedelta(seconds=seconds))
    return order


def deployed(order: ReleaseOrder, world: World, space: str, *, days_ago: float, **changes: Any) -> Deployment:
    """A deployment that reached its verdict so long ago."""
    at = noon(days_ago)
    row = Deployment.objects.create(
        **{
            "order": order, "component": order.component, "space": world.spaces[space], "deployed_by": world.olli,
            "state": "succeeded", "nonce": "1", "finished_at": at,
        }
        | changes
    )  # fmt: skip
    Deployment.objects.filter(pk=row.pk).update(created_at=at - timedelta(minutes=1))
    return row


def counted(world: World, name: str = "olli", **wanted: str) -> Figures:
    return figures(Rights(world.people[name]), Wanted(**wanted))


def test_images_and_builds(world: World, component: Component) -> None:
    for seconds in (60, 120, 180):
        built(component, world, days_ago=0.0, seconds=seconds)
    built(component, world, days_ago=8)
    built(component, world, days_ago=100)
    failed = built(component, world, days_ago=1, state="failed", digest="")
    stopped = built(component, world, days_ago=1, state="cancelled", digest="")
    found = counted(world)
    assert found.now.images == 4 and found.before.images == 1
    assert [week.images for week in found.by_week][-2:] == [1, 3]
    (row,) = found.builds
    assert (row.component, row.ended, row.images, row.success) == (component.slug, 5, 4, 80), (failed, stopped)
    assert (row.spread.median, row.spread.ninth) == (120, 180)


def test_deployments_by_week_and_environment(world: World, component: Component) -> None:
    order = built(component, world, days_ago=10)
    deployed(order, world, "fat", days_ago=1)
    deployed(order, world, "fat", days_ago=8, state="failed")
    deployed(order, world, "uat", days_ago=1, kind="roll_back")
    deployed(order, world, "uat", days_ago=1, kind="restart")
    deployed(order, world, "uat", days_ago=1, kind="scale")
    deployed(order, world, "uat", days_ago=1, state="cancelled")
    found = counted(world, period="4w")
    fat, uat = (world.environments[name].pk for name in ("fat", "uat"))
    assert found.now.deployments == 3
    by_week = [(week.deployments.get(fat, 0), week.deployments.get(uat, 0)) for week in found.by_week]
    assert by_week[-2:] == [(1, 0), (1, 1)]
    narrowed = counted(world, environment="uat")
    assert narrowed.now.deployments == 1


def test_lead_time_ends_with_the_first_success_in_production(world: World, component: Component) -> None:
    order = built(component, world, days_ago=3, seconds=0)
    deployed(order, world, "fat", days_ago=3)
    deployed(order, world, "prd", days_ago=2, state="failed")
    deployed(order, world, "prd", days_ago=1)
    deployed(order, world, "drp", days_ago=0)
    assert counted(world).now.lead == Spread(2 * 86_400, 2 * 86_400)
    assert counted(world, environment="drp").now.lead == Spread(3 * 86_400, 3 * 86_400), "of the chosen one"
    deployed(order, world, "prd", days_ago=0)
    assert counted(world, period="4w").now.lead == Spread(2 * 86_400, 2 * 86_400), "an order comes there once"


def test_a_first_success_before_the_period_is_the_first(world: World, component: Component) -> None:
    order = built(component, world, days_ago=400)
    deployed(order, world, "prd", days_ago=300)
    deployed(order, world, "prd", days_ago=1)
    assert counted(world).now.lead == Spread(), "a year is how long it has been there, not how long it took"


def test_medians_are_those_of_the_sorted_list(world: World, component: Component) -> None:
    other, random = make_component(world, "SIS-OMM-OTHER"), Random(7)
    expected: dict[str, list[int]] = {component.slug: [], other.slug: []}
    for number in range(41):
        of, seconds = (component, other)[number % 3 == 0], random.randrange(20, 90_000)
        built(of, world, days_ago=random.choice((0, 7, 30, 80)), seconds=seconds)
        expected[of.slug].append(seconds)

    def spread(seconds: list[int]) -> Spread:
        return Spread(sorted(seconds)[len(seconds) // 2], sorted(seconds)[len(seconds) * 9 // 10])

    found = counted(world)
    assert {row.component: row.spread for row in found.builds} == {
        name: spread(all_) for name, all_ in expected.items()
    }
    assert found.now.builds == spread([*expected[component.slug], *expected[other.slug]])


@pytest.mark.parametrize(("hours", "failed"), [(23, 1), (25, 0)])
def test_a_change_that_is_rolled_back_within_a_day_failed(
    world: World, component: Component, hours: int, failed: int
) -> None:
    first, second = (built(component, world, days_ago=9) for _number in range(2))
    deployed(first, world, "prd", days_ago=5)
    deployed(second, world, "prd", days_ago=4)
    back = deployed(first, world, "prd", days_ago=3, kind="roll_back")
    Deployment.objects.filter(pk=back.pk).update(created_at=noon(4) + timedelta(hours=hours))
    deployed(second, world, "uat", days_ago=4, state="failed")
    found = counted(world)
    assert (found.now.changes, found.now.failed) == (2, failed), "roll backs are no changes, and UAT is not production"


def test_a_roll_back_that_answers_a_later_failure_undoes_nothing(world: World, component: Component) -> None:
    order = built(component, world, days_ago=9)
    good, bad = (make_review(order, world.spaces["prd"], salt=salt).snapshot for salt in "ab")
    deployed(order, world, "prd", days_ago=2, snapshot=good)
    deployed(order, world, "prd", days_ago=1.5, snapshot=bad, state="failed")
    deployed(order, world, "prd", days_ago=1.4, snapshot=good, kind="roll_back", is_automatic=True)
    found = counted(world)
    assert (found.now.changes, found.now.failed) == (2, 1), "the first is still what runs there"


def test_a_failed_deployment_failed(world: World, component: Component) -> None:
    order = built(component, world, days_ago=9)
    deployed(order, world, "prd", days_ago=2, state="failed")
    for days in (3, 4, 5):
        deployed(order, world, "prd", days_ago=days)
    found = counted(world)
    assert (found.now.changes, found.now.failed, found.now.failure_rate) == (4, 1, 25.0)


def test_nobody_counts_what_they_do_not_see(world: World, component: Component) -> None:
    built(component, world, days_ago=1)
    other = Project.objects.create(organisation=world.organisation, slug="other", name="Other")
    assert counted(world, "otto").now.images == 0
    assert counted(world, project=other.slug).now.images == 0 and counted(world, project="sis-omm").now.images == 1
    assert counted(world, component="sis-omm/nothing").now.images == 0


def test_page_file_and_api_tell_the_same(world: World, component: Component, signed_in: SignIn) -> None:
    order = built(component, world, days_ago=1, seconds=90)
    deployed(order, world, "prd", days_ago=0.5)
    client = signed_in("olli")
    page = client.get("/figures/?project=sis-omm")
    said = words(page)
    assert "Builds that ended with a digest in the registry" in said and "0 of 1 = 0.0 %" in said
    assert page.content.decode().count('role="img"') == 4 and "1:30" in said and "PROXY-GW" in said
    told = client.get("/figures/export/?project=sis-omm")
    assert 'filename="figures-sis-omm-' in told["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(told.content.decode())))
    assert [row["value"] for row in rows if row["figure"] == "images_published"][-1] == "1"
    assert [row["value"] for row in rows if row["figure"] == "build_median"] == ["90"]
    data = client.get("/api/v1/figures/?project=sis-omm").json()
    assert data["now"]["images_published"] == 1 and data["weeks"][-1]["deployments"]["prd"] == 1
    assert data["components"][0]["build_time"] == {"median": 90, "nine_of_ten": 90}
    assert "No build ended in this time" in words(client.get("/figures/?component=sis-omm/nothing"))
