"""What runs where: mine first, states, what lies between, and what it costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from components.models import Component
from components.naming import short_code
from foundation.runs.choices import RunState
from releases import transitions
from releases.models import Build, Deployment, Placement, ReleaseOrder, SpaceObservation
from tests.cast import World
from tests.releases.rows import build, make_built, make_component, make_order, make_success

SignIn = Callable[[str], Client]
HTMX = {"HX-Request": "true"}


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def codes(response: Any) -> list[str]:
    return [line.code for line in response.context["matrix"].lines]


@pytest.mark.parametrize(
    ("name", "project", "code"),
    [
        ("SIS-OMM-JTC-APP-MOP", "sis-omm", "JTC-APP-MOP"),
        ("Sis-Omm-Web", "sis-omm", "Web"),
        ("SIS-OMM", "sis-omm", "SIS-OMM"),
        ("PROXY-GW", "sis-omm", "PROXY-GW"),
        ("SIS-OMMX", "sis-omm", "SIS-OMMX"),
    ],
)
def test_a_short_code_leaves_the_project_out(name: str, project: str, code: str) -> None:
    assert short_code(name, project) == code


def test_mine_come_first_the_latest_first(world: World, component: Component, signed_in: SignIn) -> None:
    ams, mop, web = (make_component(world, f"SIS-OMM-{name}") for name in ("AMS", "MOP", "WEB"))
    make_order(web, world.dana)
    make_order(component, world.dana)
    make_order(ams, world.dave)
    assert codes(signed_in("dana").get("/")) == ["PROXY-GW", "WEB", "AMS", "MOP"]
    assert codes(signed_in("tess").get("/")) == ["AMS", "MOP", "PROXY-GW", "WEB"]
    assert codes(signed_in("dana").get("/?mine=1")) == ["PROXY-GW", "WEB"]
    assert "No component fits these filters" in words(signed_in("tess").get("/?mine=1"))
    make_success(make_built(mop, world.dave), world.spaces["fat"], world.olli)
    assert codes(signed_in("olli").get("/?mine=1")) == ["MOP"], "who deploys is at work on it too"


def test_fifty_and_the_rest_leave_none_out_and_repeat_none(
    world: World, component: Component, signed_in: SignIn
) -> None:
    Component.objects.bulk_create(
        Component(project=world.project, name=f"C{index:03}", slug=f"c{index:03}") for index in range(120)
    )
    make_order(Component.objects.get(slug="c070"), world.dana)
    client = signed_in("dana")
    found, start = [], ""
    for _page in range(4):
        answer = client.get(f"/?part=rows&start={start}", headers=HTMX)
        found += codes(answer)
        start = answer.context["matrix"].more
        if not start:
            break
    assert len(found) == len(set(found)) == 121 and found[0] == "C070"


def test_states_narrow_the_components(world: World, component: Component, signed_in: SignIn) -> None:
    building, failed, drifted, calm = (
        make_component(world, f"SIS-OMM-{name}") for name in ("BUILDING", "FAILED", "DRIFTED", "CALM")
    )
    build(make_order(building, world.dana))
    row = build(make_order(failed, world.dana))
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=None, reason="build_failed")
    for one in (drifted, calm, component):
        make_success(make_built(one, world.dana), world.spaces["fat"], world.olli)
    Placement.objects.filter(component=drifted).update(drift=[{"path": "spec.replicas"}])
    Deployment.objects.filter(component=component).update(state="failed")
    client = signed_in("tess")
    assert codes(client.get("/?state=running")) == ["BUILDING"]
    assert codes(client.get("/?state=failed")) == ["FAILED", "PROXY-GW"]
    assert codes(client.get("/?state=attention")) == ["DRIFTED"]
    assert codes(client.get("/?state=behind")) == []
    assert len(codes(client.get("/?state=nonsense"))) == 5
    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    assert codes(client.get("/?state=failed")) == ["FAILED"], "a later success has followed"
    make_built(failed, world.dana)
    assert codes(client.get("/?state=failed")) == [], "a later order too"


def between(world: World, component: Component, count: int) -> list[ReleaseOrder]:
    """One order that serves in FAT and UAT, and so many later ones that succeeded in FAT only."""
    first = make_built(component, world.dana)
    for slug in ("fat", "uat"):
        make_success(first, world.spaces[slug], world.olli)
    later = [make_built(component, world.dana, branch=f"b{index}") for index in range(count)]
    for order in later:
        make_success(order, world.spaces["fat"], world.olli)
    return later


def test_a_cell_says_how_far_it_is_behind_and_leads_to_the_comparison(
    world: World, component: Component, signed_in: SignIn
) -> None:
    first, second = between(world, component, 2)
    make_built(component, world.dana)  # nobody deployed it: UAT does not lack it
    client = signed_in("dana")
    home = client.get("/")
    (line,) = home.context["matrix"].lines
    assert [cell.behind for cell in line.cells] == [0, 2, 0, 0]
    path = f"/compare/?project=sis-omm&amp;to=uat&amp;open={component.slug}#at-{component.slug}"
    assert "2 behind" in words(home) and f'href="{path}"' in home.content.decode()
    page = client.get(path.replace("&amp;", "&").partition("#")[0])
    assert page.context["pair"].left == world.spaces["fat"] and f'id="at-{component.slug}"' in page.content.decode()
    assert second.short_name in words(page)
    for order in (first, second):
        make_success(order, world.spaces["uat"], world.olli)
    assert codes(client.get("/?state=behind")) == []


def test_one_order_twice_in_the_environment_before_counts_once(
    world: World, component: Component, signed_in: SignIn
) -> None:
    (later,) = between(world, component, 1)
    make_success(later, world.spaces["fat"], world.olli)
    (line,) = signed_in("dana").get("/").context["matrix"].lines
    assert line.cells[1].behind == 1
    assert codes(signed_in("dana").get("/?state=behind")) == ["PROXY-GW"]


def test_a_twin_is_compared_with_the_one_it_stands_in_for(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_built(component, world.dana)
    for slug in ("fat", "uat", "prd"):
        make_success(order, world.spaces[slug], world.olli)
    client = signed_in("dana")
    (line,) = client.get("/").context["matrix"].lines
    assert line.cells[3].unlike == world.environments["prd"] and "unlike PRD" in words(client.get("/"))
    make_success(order, world.spaces["drp"], world.olli)
    (line,) = client.get("/").context["matrix"].lines
    assert line.cells[3].unlike is None


def test_a_twin_lies_behind_its_sibling_and_behind_nothing_else(
    world: World, component: Component, signed_in: SignIn
) -> None:
    first, second, third = (make_built(component, world.dana) for _ in range(3))
    for slug in ("uat", "prd", "drp"):
        make_success(first, world.spaces[slug], world.olli)
    make_success(second, world.spaces["prd"], world.olli)
    make_success(third, world.spaces["uat"], world.olli)
    client = signed_in("dana")
    (line,) = client.get("/").context["matrix"].lines
    assert line.cells[2].behind == 1 and line.cells[3].unlike == world.environments["prd"]
    assert codes(client.get("/?state=behind")) == ["PROXY-GW"]
    make_success(second, world.spaces["drp"], world.olli)
    (line,) = client.get("/").context["matrix"].lines
    assert line.cells[3].behind == 0


def test_the_latest_order_shows_where_its_build_stands(world: World, component: Component, signed_in: SignIn) -> None:
    client = signed_in("dana")
    assert "no order yet" in words(client.get("/"))
    order = make_order(component, world.dana)
    assert str(client.get("/").context["matrix"].lines[0].newest_shown.word) == "created"
    row = build(order)
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=None, reason="build_failed")
    (line,) = client.get("/").context["matrix"].lines
    assert (line.newest_shown.state, str(line.newest_shown.word)) == ("build_failed", "build failed")
    # Ended by its deadline: Jenkins' last word was of a stage that ran.
    stages = [{"name": "Build", "state": "running", "started_ms": 1}]
    Build.objects.filter(pk=row.pk).update(stages=stages)
    assert str(client.get("/").context["matrix"].lines[0].newest_shown.word) == "build failed"
    Build.objects.filter(pk=row.pk).update(state="cancelled")
    assert str(client.get("/").context["matrix"].lines[0].newest_shown.word) == "build cancelled"
    make_built(component, world.dana)
    assert str(client.get("/").context["matrix"].lines[0].newest_shown.word) == "built"


def test_queries_do_not_grow_with_what_is_shown(world: World, component: Component, signed_in: SignIn) -> None:
    def count(path: str) -> int:
        client = signed_in("dana")
        client.get(path)
        with CaptureQueriesContext(connection) as caught:
            assert client.get(path, headers=HTMX).status_code == 200
        return len(caught.captured_queries)

    paths = ("/", "/?part=work", "/?part=chunk", "/?state=behind", "/?mine=1")
    between(world, component, 2)
    few = {path: count(path) for path in paths}
    for index in range(5):
        between(world, make_component(world, f"SIS-OMM-C{index}"), 3)
    many = {path: count(path) for path in paths}
    assert all(many[path] <= few[path] for path in paths), (few, many)
    assert many["/"] <= 40 and many["/?part=chunk"] <= 18 and many["/?part=work"] <= 20, many


def test_a_cell_of_a_cluster_that_does_not_answer_is_not_known(
    world: World, component: Component, signed_in: SignIn
) -> None:
    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    Placement.objects.update(ready=4, wanted=4)
    row, _made = SpaceObservation.objects.get_or_create(space=world.spaces["fat"])
    known = signed_in("olli").get("/")
    assert "4/4" in words(known) and "is-unknown" not in known.content.decode()
    changed = Placement.objects.get().changed_at
    since = timezone.now() - timedelta(seconds=20)
    SpaceObservation.objects.filter(pk=row.pk).update(contact_lost_since=since, remote=world.cluster.remote_key)
    transitions.contact_changed_space(row.pk)
    assert Placement.objects.get().changed_at > changed, "open pages fetch the cell anew"
    lost = signed_in("olli").get("/")
    assert "?/4" in words(lost) and "is-unknown" in lost.content.decode() and "4/4" not in words(lost)
    assert f"no contact since {timezone.localtime(since):%H:%M:%S}" in words(lost)
    assert codes(signed_in("olli").get("/?state=attention")) == ["PROXY-GW"]
