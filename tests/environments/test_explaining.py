"""The permission explainer's half about rights: the same answer as the table, and the memberships behind it."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from environments.access import Rights
from environments.explaining import Matter, RightExplained, acts_there, explain_right
from environments.models import Environment, Membership
from environments.verb_words import ACTS, OWNED, OWNERS
from environments.verbs import VERBS, Where
from tests.cast import World

PAPER = Path(__file__).resolve().parents[2] / "docs" / "permissions.csv"
ROWS = {row["verb"]: row for row in csv.DictReader(PAPER.read_text(encoding="utf-8").splitlines())}
CAST = {
    "developer": "dana",
    "tester": "tess",
    "operations": "olli",
    "project_admin": "petra",
    "platform_admin": "ada",
    "auditor": "uma",
}


def explained(world: World, person: User, verb: str, place: str = "", owner_id: int | None = None) -> RightExplained:
    space = world.spaces[place] if place and VERBS[verb].where is not Where.SITE else None
    project = world.project if VERBS[verb].where is not Where.SITE else None
    return explain_right(Matter(Rights(person), verb, project, space, owner_id))


def hold(user: User, world: World, role: str, environment: Environment | None = None, **more: Any) -> Membership:
    return Membership.objects.create(user=user, role=role, project=world.project, environment=environment, **more)


def test_every_verb_has_words_and_every_owner_the_one_of_the_paper() -> None:
    assert set(ACTS) == set(VERBS) == set(ROWS)
    paper = {verb: row["own"] or row["where creators may promote"] for verb, row in ROWS.items()}
    assert {verb: owner for verb, owner in paper.items() if owner} == OWNED
    assert set(OWNED.values()) == set(OWNERS)


@pytest.mark.parametrize("role", sorted(CAST))
@pytest.mark.parametrize("place", ["", "fat", "prd"])
def test_each_role_and_verb_as_the_paper_says(world: World, role: str, place: str) -> None:
    """May, by which membership, and which roles would: read from the paper, never from the code's table."""
    person = world.people[CAST[role]]
    for verb, row in ROWS.items():
        found = explained(world, person, verb, place)
        expected = role in row["roles"].split()
        counting = [one for one in found.memberships if one.counts]
        assert found.may is expected, (verb, found.code)
        assert [one.row.role for one in counting] == ([role] if expected else []), verb
        assert all(bool(one.why) is not one.counts for one in found.memberships), verb
        besides = row["unless operations only"].split() if place == "fat" else []
        assert set(found.roles) == set(row["roles"].split()) | set(besides), verb
        assert found.code == ("role" if expected else found.code) and (found.code == "role") is expected, verb


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_who_can_help_is_everybody_whose_role_the_paper_names(world: World, verb: str) -> None:
    """The viewer is among them, and nobody who was deactivated."""
    User.objects.filter(username="oskar").update(is_active=False)
    wanted = {name for role, name in {**CAST, "developer2": "dave"}.items() if role.rstrip("2") in ROWS[verb]["roles"]}
    for viewer in ("dana", "olli"):
        found = explained(world, world.people[viewer], verb, "prd")
        assert {row.user.username for row in found.helpers} == wanted


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_nobody_is_told_to_give_a_role_to_himself(world: World, verb: str) -> None:
    for person in (world.petra, world.ada):
        assert person.shown_name not in explained(world, person, verb, "prd").administrators


def test_an_ended_membership_says_when(world: World) -> None:
    ended = timezone.now() - timedelta(days=3)
    hold(world.otto, world, "operations", ends_at=ended, starts_at=ended - timedelta(days=9), granted_by=world.petra)
    found = explained(world, world.otto, "deploy", "prd")
    assert (found.may, found.code) == (False, "ended")
    assert timezone.localtime(ended).strftime("%Y-%m-%d %H:%M") in str(found.message)
    assert [(one.counts, str(one.why)) for one in found.memberships] == [(False, "It has ended.")]


def test_a_membership_that_begins_later_says_when(world: World) -> None:
    begins = timezone.now() + timedelta(days=3)
    hold(world.otto, world, "operations", starts_at=begins)
    found = explained(world, world.otto, "deploy", "prd")
    assert (found.may, found.code) == (False, "not-begun")
    assert timezone.localtime(begins).strftime("%Y-%m-%d") in str(found.message)


def test_until_is_the_last_end_of_what_counts(world: World) -> None:
    soon, later = (timezone.now() + timedelta(days=days) for days in (1, 5))
    hold(world.otto, world, "operations", ends_at=soon)
    hold(world.otto, world, "operations", world.environments["prd"], ends_at=later)
    assert explained(world, world.otto, "deploy", "prd").until == later
    assert explained(world, world.otto, "deploy", "fat").until == soon
    assert explained(world, world.olli, "deploy", "prd").until is None


def test_somebody_deactivated_may_nothing_and_helps_nobody(world: World) -> None:
    world.olli.is_active = False
    world.olli.save()
    for verb in VERBS:
        found = explained(world, world.olli, verb, "prd", owner_id=world.olli.pk)
        assert (found.may, found.code) == (False, "deactivated"), verb
        assert "olli" not in [row.user.username for row in found.helpers], verb


def test_a_role_of_another_environment(world: World) -> None:
    hold(world.otto, world, "operations", world.environments["fat"])
    found = explained(world, world.otto, "deploy", "prd")
    assert (found.may, found.code) == (False, "elsewhere") and "FAT only" in str(found.message)
    assert [str(one.why) for one in found.memberships] == ["It counts in another environment."]
    assert explained(world, world.otto, "deploy", "fat").code == "role"
    assert explained(world, world.otto, "create_order").may


def test_a_grant(world: World) -> None:
    """It counts in its space, makes a developer in the project, and nothing where a space is for operations only."""
    until = timezone.now() + timedelta(hours=1)
    for place in ("fat", "prd"):
        hold(world.otto, world, "grant", world.environments[place], ends_at=until)
    found = explained(world, world.otto, "deploy", "fat")
    assert found.may and found.until == until and "grant" in found.roles
    assert "otto" in [row.user.username for row in found.helpers]
    refused = explained(world, world.otto, "deploy", "prd")
    assert (refused.may, refused.code) == (False, "operations-only") and "grant" not in refused.roles
    building = explained(world, world.otto, "build")
    assert building.may and "otto" in [row.user.username for row in building.helpers], "as the table counts them"


def test_what_is_ones_own(world: World) -> None:
    found = explained(world, world.tess, "build", owner_id=world.tess.pk)
    assert (found.may, found.code) == (True, "own") and "author" in str(found.message)
    assert not explained(world, world.tess, "build", owner_id=world.dana.pk).may
    assert explained(world, world.dana, "promote", "fat", owner_id=world.dana.pk).code == "own"
    assert explained(world, world.dana, "promote", "uat", owner_id=world.dana.pk).code == "other-role"
    assert not explained(world, world.dana, "promote", "uat").owner
    assert explained(world, world.olli, "withdraw_approval", "prd").code == "not-own"


def test_the_policy_narrows_who_approves(world: World) -> None:
    space = world.spaces["prd"]
    space.approver_roles = ["project_admin"]
    space.save()
    found = explained(world, world.olli, "approve", "prd")
    assert (found.may, found.code) == (False, "policy")
    assert [row.user.username for row in found.helpers] == ["petra"]


def test_an_archive_shuts_everything_but_reading(world: World) -> None:
    world.project.is_archived = True
    world.project.save()
    found = explained(world, world.olli, "deploy", "prd")
    assert (found.may, found.code) == (False, "project-archived")
    assert [row.user.username for row in found.helpers] == ["ada"]
    assert explained(world, world.olli, "see").may


def test_an_archived_space(world: World) -> None:
    space = world.spaces["prd"]
    space.is_archived = True
    space.save()
    found = explained(world, world.olli, "deploy", "prd")
    assert (found.may, found.code) == (False, "space-archived")


def test_a_token_of_one_project_has_no_right_of_the_site(world: World) -> None:
    world.ada.only_project_id = world.project.pk
    found = explained(world, world.ada, "manage_people")
    assert (found.may, found.code) == (False, "token") and not any(one.counts for one in found.memberships)


def test_everything_one_may_there(world: World, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(2):
        matters = acts_there(Rights(world.olli), world.project, world.spaces["prd"])
        may = {one.verb for one in matters if one.may}
    assert may == {verb for verb, row in ROWS.items() if "operations" in row["roles"].split()}
    assert {one.verb for one in acts_there(Rights(world.ada), None, None)} == {
        verb for verb, row in ROWS.items() if row["where"] == "site"
    }
