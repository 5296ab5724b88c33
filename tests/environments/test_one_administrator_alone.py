"""One platform administrator, alone, for thirty seconds: twelve ways to loosen production end in a refusal.

Behind every name that he makes or takes over stands the same person: the rules of production are what they were.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from environments.access import can, in_force
from environments.models import Environment, Group, GroupMember, Membership, RuleChange, Space
from environments.services import groups, members, people, places, projects, rule_decisions, spaces
from environments.services.archive import archive_space
from foundation.problems import Denied, Invalid, Refused
from tests.cast import World

pytestmark = pytest.mark.security("skipped-steps")
SECRET = "seven quiet herons"
RULES = ("approvals", "four_eyes", "operations_only", "approver_roles", "namespace", "is_archived")


@pytest.fixture
def strict(world: World) -> World:
    """With a second of each kind, so that the shell is no way out either."""
    anton = User.objects.create_user("anton", SECRET, name="Anton", name_en="Anton")
    Membership.objects.create(user=anton, role="platform_admin", reason="cast")
    world.people["anton"] = anton
    Space.objects.filter(pk=world.spaces["prd"].pk).update(approvals=2)
    world.spaces["prd"].refresh_from_db()
    crew = Group.objects.create(slug="crew", name="Crew")
    Membership.objects.create(group=crew, role="operations", project=world.project)
    return world


def rules(world: World) -> list[Any]:
    space = Space.objects.select_related("environment").get(pk=world.spaces["prd"].pk)
    flow = sorted(space.environment.follows.values_list("slug", flat=True))
    return [space.environment.is_production, flow, *(getattr(space, name) for name in RULES)]


def loosen(world: World, who: str) -> RuleChange:
    """One approval fewer, proposed: it waits."""
    spaces.edit_policy(actor=User.objects.get(username=who), space=world.spaces["prd"], reason="quick", approvals=1)
    return RuleChange.objects.latest("pk")


def unmark(world: World) -> RuleChange:
    places.edit_environment(actor=world.ada, environment=world.environments["prd"], is_production=False, reason="quick")
    return RuleChange.objects.latest("pk")


def puppet(world: World) -> User:
    return people.create_person(actor=world.ada, username="puppet", name="Puppet", password=SECRET)


def give_himself_operations(world: World) -> None:
    members.add_membership(actor=world.ada, username="ada", role="operations", project=world.project)


def name_himself_project_administrator(world: World) -> None:
    projects.edit_project(actor=world.ada, project=world.project, administrators=["ada"])


def join_a_group_of_operations(world: World) -> None:
    groups.add_to_group(actor=world.ada, group=Group.objects.get(slug="crew"), username="ada")


def put_a_puppet_into_a_group_of_operations(world: World) -> None:
    puppet(world)
    groups.add_to_group(actor=world.ada, group=Group.objects.get(slug="crew"), username="puppet")


def give_a_group_that_he_is_in_a_role(world: World) -> None:
    own = Group.objects.create(slug="own", name="Own")
    GroupMember.objects.create(group=own, user=world.ada, added_by=world.anton)
    members.add_membership(actor=world.ada, group="own", role="platform_admin")


def confirm_his_own(world: World) -> None:
    rule_decisions.confirm_rule_change(actor=world.ada, change=unmark(world))


def confirm_as_an_administrator_whom_he_made(world: World) -> None:
    made = puppet(world)
    members.add_membership(actor=world.ada, username="puppet", role="platform_admin")
    rule_decisions.confirm_rule_change(actor=made, change=unmark(world))


def confirm_what_a_puppet_proposed(world: World) -> None:
    puppet(world)
    projects.edit_project(actor=world.ada, project=world.project, administrators=["puppet"])
    rule_decisions.confirm_rule_change(actor=world.ada, change=loosen(world, "puppet"))


def propose_by_a_password_that_he_set(world: World) -> None:
    people.set_password(actor=world.ada, person=world.petra, password=SECRET)
    rule_decisions.confirm_rule_change(actor=world.ada, change=loosen(world, "petra"))


def confirm_by_a_password_that_he_set(world: World) -> None:
    people.set_password(actor=world.ada, person=world.anton, password=SECRET)
    rule_decisions.confirm_rule_change(actor=world.anton, change=unmark(world))


def switch_the_second_off_and_take_the_shell(world: World) -> None:
    """A third who could confirm is left: who was put in office by himself does not count, but does not help either."""
    change = loosen(world, "petra")
    people.deactivate_person(actor=world.ada, person=world.anton)
    with pytest.raises(CommandError, match="A second person exists"):
        call_command("confirm_rule_change", str(change.pk), reason="alone")
    rule_decisions.withdraw_rule_change(actor=world.ada, change=change)


def lead_another_environment_into_the_namespace(world: World) -> None:
    """One that asks nobody, on the same cluster."""
    places.create_environment(actor=world.ada, slug="side", name="Side", position=9)
    spaces.create_space(
        actor=world.ada, project=world.project, environment="side", cluster="main", namespace="sis-omm-prd"
    )


ATTACKS: tuple[Callable[[World], object], ...] = (
    give_himself_operations, name_himself_project_administrator, join_a_group_of_operations,
    put_a_puppet_into_a_group_of_operations, give_a_group_that_he_is_in_a_role, confirm_his_own,
    confirm_as_an_administrator_whom_he_made, confirm_what_a_puppet_proposed, propose_by_a_password_that_he_set,
    confirm_by_a_password_that_he_set, switch_the_second_off_and_take_the_shell,
    lead_another_environment_into_the_namespace,
)  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_it_ends_in_a_refusal_and_the_rules_are_what_they_were(
    strict: World, attack: Callable[[World], object]
) -> None:
    before = rules(strict)
    with pytest.raises((Denied, Refused, Invalid)):
        attack(strict)
    assert rules(strict) == before
    assert not RuleChange.objects.filter(state="in_force").exists()
    assert not can(strict.ada, "deploy", space=strict.spaces["prd"])
    assert not can(strict.ada, "approve", space=strict.spaces["prd"])
    held = Membership.objects.filter(in_force(), user=strict.ada).values_list("role", flat=True)
    assert set(held) == {"platform_admin"}


@pytest.mark.parametrize("what", ["flow", "place", "archive", "twin"])
def test_what_goes_around_the_rules_waits_for_a_second_person_too(strict: World, what: str) -> None:
    """Where the space is, what it follows and whether it is there at all."""
    before, prd = rules(strict), strict.spaces["prd"]
    environment = Environment.objects.get(slug="prd")
    if what == "flow":
        places.edit_environment(actor=strict.ada, environment=environment, follows=[], reason="quick")
    elif what == "place":
        spaces.edit_space(actor=strict.ada, space=prd, namespace="elsewhere", reason="quick")
    elif what == "archive":
        archive_space(actor=strict.ada, space=strict.spaces["drp"], reason="quick")
    else:
        drp = Environment.objects.get(slug="drp")
        places.edit_environment(actor=strict.ada, environment=drp, twin="", is_production=False, reason="quick")
    assert rules(strict) == before
    assert RuleChange.objects.get().state == "proposed"
