"""Before the click that would leave nobody able to deploy somewhere, the page says where."""

from __future__ import annotations

import pytest
from django.utils import timezone

from environments.models import Group, GroupMember, Membership, Space
from environments.staff import Staff, warnings_of_ending, warnings_of_leaving, warnings_of_taking_out
from tests.cast import World, browse
from tests.releases.test_api import Caller

pytestmark = pytest.mark.django_db
ALL = "Then nobody could deploy to FAT, UAT, PRD, DRP: too few are left who deploy or approve there."
PRODUCTION = "Then nobody could deploy to PRD, DRP: too few are left who deploy or approve there."


def role_of(world: World, name: str) -> Membership:
    return Membership.objects.select_related("project").get(user=world.people[name])


def end(world: World, *names: str) -> None:
    Membership.objects.filter(user__username__in=names).update(ends_at=timezone.now())


def test_the_last_who_deploys_and_the_last_who_approves_besides(world: World) -> None:
    assert not warnings_of_ending([role_of(world, "olli"), role_of(world, "petra")])
    end(world, "oskar")
    olli, petra = role_of(world, "olli"), role_of(world, "petra")
    said = {pk: str(text) for pk, text in warnings_of_ending([olli, petra]).items()}
    assert said == {olli.pk: ALL, petra.pk: PRODUCTION}, "petra approves what olli deploys"
    assert {slug: str(text) for slug, text in warnings_of_leaving(world.olli).items()} == {"sis-omm": ALL}
    assert not warnings_of_leaving(world.dana)


def test_what_nobody_could_do_before_is_no_reason_to_warn(world: World) -> None:
    end(world, "oskar", "petra")
    assert str(warnings_of_ending([role_of(world, "olli")])[role_of(world, "olli").pk]) == (
        "Then nobody could deploy to FAT, UAT: too few are left who deploy or approve there."
    )


def test_the_policy_of_a_space_says_how_many_are_enough(world: World) -> None:
    Space.objects.filter(pk=world.spaces["prd"].pk).update(approvals=2)
    said = warnings_of_ending([role_of(world, "oskar")])
    assert [str(text) for text in said.values()] == [
        "Then nobody could deploy to PRD: too few are left who deploy or approve there."
    ]


def test_who_is_taken_out_of_a_group_takes_its_role_and_its_word_along(world: World) -> None:
    end(world, "olli", "oskar")
    night = Group.objects.create(slug="night", name="夜班", name_en="Night")
    for person in (world.olli, world.oskar):
        GroupMember.objects.create(group=night, user=person)
    Membership.objects.create(group=night, role="operations", project=world.project)
    assert not warnings_of_taking_out(night, [world.olli])
    Space.objects.filter(pk=world.spaces["prd"].pk).update(approver_groups=["night"])
    told = warnings_of_taking_out(night, [world.olli, world.dana])
    assert list(told) == [world.olli.pk] and "to PRD:" in str(told[world.olli.pk]["sis-omm"])
    html = browse(world, "ada").get("/groups/night/").content.decode()
    assert "SIS-OMM: Then nobody could deploy to PRD" in html and "data-confirm=" in html


def test_people_who_may_not_sign_in_do_not_count(world: World) -> None:
    world.oskar.is_active = False
    world.oskar.save()
    assert str(Staff(world.project.pk).warning(lambda held: held.person_id == world.olli.pk)) == ALL


def test_pages_and_api_say_it_before(world: World) -> None:
    petra, ada = browse(world, "petra"), browse(world, "ada")
    assert "nobody could deploy" not in petra.get("/projects/sis-omm/").content.decode()
    end(world, "oskar")
    html = petra.get("/projects/sis-omm/").content.decode()
    assert html.count(ALL) == 2, "beside the button, and as the question before it"
    assert "nobody could deploy" not in browse(world, "dana").get("/projects/sis-omm/").content.decode()
    person = ada.get("/people/olli/").content.decode()
    assert ALL in person and "data-confirm=" in person
    assert "nobody could deploy" not in ada.get("/people/dana/").content.decode()
    items = Caller(world, "petra").get("projects/sis-omm/members/").json()["items"]
    assert {one["username"]: one["warning"] for one in items}["olli"] == ALL
