"""One banner names each remote that cannot be reached, since when, and what it holds up; for whom it concerns."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from components.models import Component, JenkinsServer
from foundation.models import Remote
from tests.cast import World, browse
from tests.releases.rows import build, make_component, make_order

HTMX = {"HX-Request": "true"}


@pytest.fixture
def component(world: World) -> Component:
    return make_component(world)


def told(client: Client) -> str:
    answer = client.get("/?part=outages", headers=HTMX)
    assert answer.status_code == 200 and "<html" not in answer.content.decode()
    return " ".join(answer.content.decode().split())


def go_away(name: str) -> str:
    """The clock of its last answer."""
    since = timezone.now() - timedelta(seconds=41)
    Remote.objects.update_or_create(name=name, defaults={"opened_at": since, "probe_at": since})
    return f"{timezone.localtime(since):%H:%M:%S}"


def test_nothing_is_said_while_all_answer(world: World) -> None:
    assert "outage" not in told(browse(world, "dana"))


def test_a_cluster_that_is_away_is_named_with_its_environments(world: World) -> None:
    since = go_away(world.cluster.remote_key)
    said = told(browse(world, "dana"))
    assert f"No contact with Cluster Main since {since}" in said
    assert "what runs in FAT, UAT, PRD, DRP" in said


def test_a_jenkins_that_is_away_holds_up_its_builds(world: World, component: Component) -> None:
    go_away(f"jenkins:{JenkinsServer.objects.get().pk}")
    assert "Builds that are started now wait for it." in told(browse(world, "dana"))
    build(make_order(component, world.dana))
    assert "Builds that wait for it: 1." in told(browse(world, "dana"))


def test_who_has_no_project_there_is_told_nothing(world: World) -> None:
    go_away(world.cluster.remote_key)
    assert "outage" not in told(browse(world, "otto"))


def test_every_page_asks_for_it(world: World) -> None:
    assert 'hx-get="/?part=outages"' in browse(world, "dana").get("/orders/").content.decode()
