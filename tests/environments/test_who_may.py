"""``access.can`` for each role, verb and place, and what time, archives and tokens do to it."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import Project, User
from environments.access import Rights, can, require, visible_projects, who_may
from environments.models import Environment, Membership, Space
from environments.verbs import VERBS
from foundation.problems import Denied, Missing, Refused
from tests.cast import World

pytestmark = pytest.mark.security("rights-on-every-way-in")

PAPER = Path(__file__).resolve().parents[2] / "docs" / "permissions.csv"
ROWS = list(csv.DictReader(PAPER.read_text(encoding="utf-8").splitlines()))
CAST = {
    "developer": "dana",
    "tester": "tess",
    "operations": "olli",
    "project_admin": "petra",
    "platform_admin": "ada",
    "auditor": "uma",
}


def expected(row: dict[str, str], role: str) -> bool:
    """What the paper says of a role held in the whole project (or site), read without the code's table."""
    return role in row["roles"].split()


PLACES = ("fat", "uat", "prd", "drp")
IN_PROJECT = sorted(verb for verb, rule in VERBS.items() if rule.where.value != "site")


@pytest.mark.parametrize("role", sorted(CAST))
def test_role_verb_space(world: World, role: str) -> None:
    rights = Rights(world.people[CAST[role]])
    asked = [(row["verb"], place) for row in ROWS for place in PLACES]
    found = {(verb, place): rights.can(verb, space=world.spaces[place]) for verb, place in asked}
    assert found == {(row["verb"], place): expected(row, role) for row in ROWS for place in PLACES}


def test_an_outsider_may_nothing(world: World) -> None:
    rights = Rights(world.otto)
    asked = [(verb, space) for verb in VERBS for space in world.spaces.values()]
    assert not [verb for verb, space in asked if rights.can(verb, space=space, owner_id=world.otto.pk)]


def test_somebody_switched_off_may_nothing(world: World) -> None:
    for person in world.people.values():
        person.is_active = False
        person.save(update_fields=["is_active"])
        rights = Rights(person)
        assert not [verb for verb in VERBS if rights.can(verb, space=world.spaces["fat"], owner_id=person.pk)]


def other_project(world: World) -> Project:
    return Project.objects.create(organisation=world.organisation, slug="other", name="Other")


@pytest.mark.parametrize("role", ["developer", "tester", "operations", "project_admin"])
def test_a_role_ends_at_its_project(world: World, role: str) -> None:
    other = other_project(world)
    space = Space.objects.create(
        project=other, environment=world.environments["fat"], cluster=world.cluster, namespace="other-fat",
        operations_only=False, creators_may_promote=True,
    )  # fmt: skip
    person = world.people[CAST[role]]
    rights = Rights(person)
    assert not [verb for verb in IN_PROJECT if rights.can(verb, space=space, owner_id=person.pk)]


def hold(user: User, world: World, role: str, environment: Environment | None = None, **more: object) -> Membership:
    return Membership.objects.create(user=user, role=role, project=world.project, environment=environment, **more)


@pytest.mark.parametrize(
    ("verb", "in_fat", "in_uat"),
    [
        ("deploy", True, False),
        ("review", True, False),
        ("approve", True, False),
        ("cancel_deployment", True, False),
        ("create_order", True, True),
        ("edit_allocation", True, False),
        ("edit_production_config", True, False),
        ("see", True, True),
        ("promote", False, False),
        ("manage_members", False, False),
    ],
)
def test_operations_of_one_environment(world: World, verb: str, in_fat: bool, in_uat: bool) -> None:
    hold(world.otto, world, "operations", world.environments["fat"])
    assert can(world.otto, verb, space=world.spaces["fat"]) is in_fat
    assert can(world.otto, verb, space=world.spaces["uat"]) is in_uat


GRANT_ALLOWS = {"deploy", "review"}
DEVELOPER_ALLOWS = {row["verb"] for row in ROWS if "developer" in row["roles"].split() and row["where"] == "project"}


def test_a_grant(world: World) -> None:
    """Its holder is a developer in the project, and may review and deploy in that one space, never in another."""
    until = timezone.now() + timedelta(hours=1)
    hold(world.otto, world, "grant", world.environments["fat"], ends_at=until)
    rights = Rights(world.otto)
    assert {
        verb for verb in IN_PROJECT if rights.can(verb, space=world.spaces["fat"])
    } == GRANT_ALLOWS | DEVELOPER_ALLOWS
    assert {verb for verb in IN_PROJECT if rights.can(verb, space=world.spaces["uat"])} == DEVELOPER_ALLOWS


def test_a_grant_stops_where_the_space_becomes_operations_only(world: World) -> None:
    hold(world.otto, world, "grant", world.environments["fat"], ends_at=timezone.now() + timedelta(hours=1))
    fat = world.spaces["fat"]
    assert can(world.otto, "deploy", space=fat)
    fat.operations_only = True
    assert not can(world.otto, "deploy", space=fat)
    assert can(world.olli, "deploy", space=fat)


@pytest.mark.parametrize("environment", ["uat", "prd", "drp"])
def test_no_grant_reaches_an_operations_only_space(world: World, environment: str) -> None:
    place = world.environments[environment]
    hold(world.dana, world, "grant", place, ends_at=timezone.now() + timedelta(hours=1))
    assert not can(world.dana, "deploy", space=world.spaces[environment], owner_id=world.dana.pk)
    assert not can(world.dana, "review", space=world.spaces[environment])


@pytest.mark.parametrize(
    ("starts", "ends", "counts"),
    [
        (None, None, True),
        (-1, None, True),
        (None, 1, True),
        (-1, 1, True),
        (1, None, False),
        (1, 2, False),
        (None, -1, False),
        (-2, -1, False),
    ],
)
def test_a_membership_counts_in_its_time_only(world: World, starts: int | None, ends: int | None, counts: bool) -> None:
    now = timezone.now()
    hold(
        world.otto, world, "operations",
        starts_at=None if starts is None else now + timedelta(hours=starts),
        ends_at=None if ends is None else now + timedelta(hours=ends),
    )  # fmt: skip
    assert can(world.otto, "deploy", space=world.spaces["prd"]) is counts
    assert (world.project in visible_projects(world.otto)) is counts


OWN = [row["verb"] for row in ROWS if row["own"] and row["where"] != "site"]


@pytest.mark.parametrize("verb", OWN)
def test_what_is_ones_own(world: World, verb: str) -> None:
    """The author, deployer or giver may, also as a tester; but not once they left the project."""
    prd = world.spaces["prd"]
    assert can(world.tess, verb, space=prd, owner_id=world.tess.pk)
    assert can(world.tess, verb, space=prd, owner_id=world.dana.pk) is ("tester" in VERBS[verb].roles)
    Membership.objects.filter(user=world.tess).delete()
    assert not can(world.tess, verb, space=prd, owner_id=world.tess.pk)


def test_creators_promote_where_the_space_lets_them(world: World) -> None:
    assert can(world.dana, "promote", space=world.spaces["fat"], owner_id=world.dana.pk)
    assert not can(world.dave, "promote", space=world.spaces["fat"], owner_id=world.dana.pk)
    assert not can(world.dana, "promote", space=world.spaces["uat"], owner_id=world.dana.pk)


@pytest.mark.parametrize("role", sorted(CAST))
def test_an_archived_project_is_only_read(world: World, role: str) -> None:
    person, fat = world.people[CAST[role]], world.spaces["fat"]
    before = {verb for verb in IN_PROJECT if Rights(person).can(verb, space=fat, owner_id=person.pk)}
    world.project.is_archived = True
    world.project.save()
    after = {verb for verb in IN_PROJECT if Rights(person).can(verb, space=fat, owner_id=person.pk)}
    assert "see" in after
    assert after == before & {"see", "read_project_audit", "read_report"}


def test_everybody_is_told_why_in_an_archived_project(world: World) -> None:
    world.project.is_archived = True
    world.project.save()
    with pytest.raises(Refused) as caught:
        require(world.olli, "deploy", space=world.spaces["fat"])
    assert caught.value.code == "project-archived"
    assert "Ada" in str(caught.value.who_can_help)


def test_outsiders_get_nothing_and_members_get_a_name(world: World) -> None:
    with pytest.raises(Missing):
        require(world.otto, "deploy", space=world.spaces["uat"])
    with pytest.raises(Denied) as caught:
        require(world.dana, "deploy", space=world.spaces["uat"])
    assert "Olli" in str(caught.value.who_can_help)
    assert who_may("edit_policy", project_id=world.project.pk) == "Petra"


def test_a_token_of_one_project_reaches_no_other(world: World) -> None:
    other = other_project(world)
    hold_there = Membership.objects.create(user=world.olli, role="operations", project=other)
    world.olli.only_project_id = other.pk
    assert set(visible_projects(world.olli)) == {other}
    assert not can(world.olli, "see", project_id=world.project.pk)
    assert can(world.olli, "create_order", project_id=other.pk)
    hold_there.delete()
    assert not can(world.olli, "see", project_id=other.pk)


def test_a_site_role_shrinks_to_the_tokens_project(world: World) -> None:
    other_project(world)
    rights = Rights(world.ada, only_project_id=world.project.pk)
    assert rights.can("see", project_id=world.project.pk)
    assert not rights.can("manage_people")
    assert rights.project_ids() == {world.project.pk}
    assert Rights(world.ada).can("manage_people")
