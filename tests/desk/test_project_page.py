"""The page of a project: its matrix, its people by role, what waits there and for whom, its latest deployments."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from components.models import Component
from environments.models import Group, GroupMember, Membership
from releases.models import Promotion, ReleaseOrder
from releases.services.promotions import promote
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_review, make_success

SignIn = Callable[[str], Client]
PATH = "/projects/sis-omm/"


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def part(response: Any, template: str) -> Any:
    return next(one.shown for one in response.context["parts"] if one.template.endswith(template))


def waits(response: Any) -> tuple[list[str], dict[str, list[str]]]:
    """What is the viewer's own, and of the rest the names whom it waits for."""
    work = part(response, "_project_work.html")
    own = [f"{one.act} {one.task.environment.slug}" for one in work.mine]
    return own, {
        f"{one.act} {one.task.environment.slug}": sorted(person.username for person in one.people)
        for one in work.others
    }  # fmt: skip


def carried(world: World, component: Component) -> ReleaseOrder:
    """An order of dana's that serves in FAT and UAT and was sent no further."""
    order = make_built(component, world.dana)
    for slug in ("fat", "uat"):
        promote(actor=world.tess, order=order, space=world.spaces[slug], test_verdict="passed" if slug == "uat" else "")
        make_success(order, world.spaces[slug], world.olli)
    return order


def test_what_waits_is_ones_own_first_and_below_it_says_whom_the_rest_waits_for(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = carried(world, component)
    own, others = waits(signed_in("tess").get(PATH))
    assert own == ["To test prd"] and others == {}
    own, others = waits(signed_in("dana").get(PATH))
    assert own == [] and others == {
        "To test prd": ["petra", "tess"]
    }  # fmt: skip

    promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    make_review(order, world.spaces["prd"])
    own, others = waits(signed_in("olli").get(PATH))
    assert "To approve prd" in own and "To approve prd" not in others
    own, others = waits(signed_in("dana").get(PATH))
    assert own == [] and others["To approve prd"] == ["olli", "oskar", "petra"]


def test_who_made_an_order_is_not_named_as_its_approver(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana, builder=world.oskar)
    for slug in ("fat", "uat"):
        make_success(order, world.spaces[slug], world.olli)
    promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    make_review(order, world.spaces["prd"])
    _own, others = waits(signed_in("dana").get(PATH))
    assert others["To approve prd"] == ["olli", "petra"], "oskar built it"


def test_where_a_group_has_to_approve_its_people_are_named(
    world: World, component: Component, signed_in: SignIn
) -> None:
    group = Group.objects.create(slug="night", name="夜间", name_en="Night")
    GroupMember.objects.create(group=group, user=world.oskar)
    world.spaces["prd"].approver_groups = ["night"]
    world.spaces["prd"].save()
    order = carried(world, component)
    promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    make_review(order, world.spaces["prd"])
    _own, others = waits(signed_in("dana").get(PATH))
    assert others["To approve prd"] == ["oskar"]


def test_matrix_and_deployments_are_of_this_project_alone(
    world: World, component: Component, signed_in: SignIn
) -> None:
    carried(world, component)
    page = signed_in("dana").get(PATH)
    matrix = part(page, "_project_matrix.html")["matrix"]
    assert [line.code for line in matrix.lines] == ["PROXY-GW"]
    assert [
        one.deployment.space.environment.slug for day in part(page, "_project_deployments.html") for one in day.rows
    ] == ["uat", "fat"]
    text = words(page)
    assert "What runs where" in text and "Latest deployments" in text and "1 approval · four eyes" in text


def test_people_stand_by_role_with_those_of_a_group(world: World, signed_in: SignIn) -> None:
    group = Group.objects.create(slug="night", name="夜间", name_en="Night shift")
    for person in (world.oskar, world.dave):
        GroupMember.objects.create(group=group, user=person)
    Membership.objects.create(
        group=group, role="operations", project=world.project, environment=world.environments["prd"], reason="nights"
    )
    Membership.objects.create(
        user=world.otto,
        role="tester",
        project=world.project,
        starts_at=timezone.now() + timedelta(days=1),
        reason="soon",
    )
    roles = dict(signed_in("dana").get(PATH).context["roles"])
    assert list(roles) == ["developer", "tester", "operations", "project administrator"]
    assert [one.membership.user.username for one in roles["tester"]] == ["tess"], "otto's begins tomorrow"
    night = next(one for one in roles["operations"] if one.membership.group)
    assert [person.username for person in night.people] == ["dave", "oskar"]


def test_an_archived_project_shows_what_it_was_and_nothing_that_waits(world: World, signed_in: SignIn) -> None:
    world.project.is_archived = True
    world.project.save()
    page = signed_in("dana").get(PATH)
    assert page.status_code == 200 and page.context["parts"] == [] and "What waits" not in words(page)


@pytest.mark.parametrize("username", ["dana", "petra"])
def test_queries_do_not_grow_with_what_waits(world: World, signed_in: SignIn, username: str) -> None:
    client = signed_in(username)

    def cost() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(PATH).status_code == 200
        return len(found)

    for number in range(2):
        carried(world, make_component(world, f"SIS-OMM-A{number}"))
    cost()
    few = cost()
    for number in range(6):
        carried(world, make_component(world, f"SIS-OMM-B{number}"))
    assert cost() == few
    assert Promotion.objects.count() == 16
