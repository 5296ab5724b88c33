"""Groups: what they give, that nobody comes into a right through them by his own hand, and what they cost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from audit.models import AuditEvent
from environments.access import Rights, can, people_who_may, read_rights, who_may
from environments.explaining import Matter, explain_right
from environments.models import Group, GroupMember, Membership, RuleChange
from environments.second_person import is_second
from environments.selectors.people import list_projects, roles_in_force
from environments.services import groups
from environments.services.members import add_membership, end_membership
from environments.services.people import deactivate_person
from foundation.clock import db_now
from foundation.problems import Denied, Invalid, Refused
from releases.live.rights import WatchedRights
from tests.cast import World, browse

pytestmark = pytest.mark.security("rights-on-every-way-in")


def make_group(*people: User, slug: str = "night") -> Group:
    group = Group.objects.create(slug=slug, name="夜班", name_en="Night shift")
    GroupMember.objects.bulk_create(GroupMember(group=group, user=person) for person in people)
    return group


def test_each_person_of_a_group_holds_its_role_there_and_as_long(world: World) -> None:
    group, prd = make_group(world.otto), world.spaces["prd"]
    now = timezone.now()
    row = add_membership(
        actor=world.petra, group="night", role="operations", project=world.project, environment="prd",
        ends_at=now + timedelta(hours=1),
    )  # fmt: skip
    assert row.group == group and row.user is None
    assert can(world.otto, "deploy", space=prd) and not can(world.otto, "deploy", space=world.spaces["uat"])
    assert world.otto in people_who_may("deploy", space=prd) and "Otto" in who_may("deploy", space=prd)
    assert [(one.role, one.group) for one in roles_in_force([world.otto])[world.otto.pk]] == [("operations", "night")]
    (read,) = read_rights([world.otto])
    assert read[0].can("deploy", space=prd) and read[1] == row.ends_at
    Membership.objects.filter(pk=row.pk).update(ends_at=now)
    assert not can(world.otto, "see", project_id=world.project.pk)
    Membership.objects.filter(pk=row.pk).update(starts_at=now + timedelta(hours=1), ends_at=None)
    assert not can(world.otto, "deploy", space=prd)


def test_who_comes_and_goes_is_counted_at_once_and_audited(world: World) -> None:
    group = make_group()
    add_membership(actor=world.petra, group="night", role="tester", project=world.project, environment="fat")
    watcher = (world.otto.pk, "", world.project.pk)
    rights = WatchedRights()
    assert not rights.allowed([watcher])
    groups.add_to_group(actor=world.ada, group=group, username="otto", reason="joins")
    assert can(world.otto, "see", project_id=world.project.pk) and rights.allowed([watcher])
    groups.take_from_group(actor=world.ada, group=group, username="otto")
    assert not can(world.otto, "see", project_id=world.project.pk) and not rights.allowed([watcher])
    events = AuditEvent.objects.filter(object_type="group").order_by("pk")
    assert [(one.verb, one.after or one.before, one.reason) for one in events] == [
        ("group.person_added", {"person": "otto"}, "joins"),
        ("group.person_removed", {"person": "otto"}, ""),
    ]


def test_the_end_of_a_groups_role_reaches_open_sockets(world: World) -> None:
    make_group(world.otto)
    row = add_membership(actor=world.petra, group="night", role="tester", project=world.project)
    watcher, rights = (world.otto.pk, "", world.project.pk), WatchedRights()
    assert rights.allowed([watcher])
    end_membership(actor=world.petra, membership=row)
    assert not rights.allowed([watcher])


def test_nobody_comes_into_a_role_through_a_group_by_his_own_hand(world: World) -> None:
    group = make_group(world.petra)
    with pytest.raises(Denied, match="Nobody adds himself"):
        groups.add_to_group(actor=world.ada, group=group, username="ada")
    with pytest.raises(Denied, match="You are in this group") as refusal:
        add_membership(actor=world.petra, group="night", role="operations", project=world.project)
    assert refusal.value.code == "own-role"
    groups.add_to_group(actor=world.ada, group=group, username="otto")
    with pytest.raises(Denied, match="You are in this group"):
        GroupMember.objects.create(group=group, user=world.ada)
        add_membership(actor=world.ada, group="night", role="auditor")
    assert not Membership.objects.filter(group=group).exists()


@pytest.mark.parametrize(("role", "environment"), [("operations", ""), ("operations", "prd"), ("tester", "drp")])
def test_who_adds_to_a_group_of_production_must_be_able_to_give_its_role(
    world: World, role: str, environment: str
) -> None:
    group = make_group()
    add_membership(actor=world.petra, group="night", role=role, project=world.project, environment=environment)
    with pytest.raises(Denied, match="must be allowed to give that role") as refusal:
        groups.add_to_group(actor=world.ada, group=group, username="otto")
    assert refusal.value.who_can_help == "Petra"
    Membership.objects.create(user=world.ada, role="project_admin", project=world.project)
    groups.add_to_group(actor=world.ada, group=group, username="otto")
    assert can(world.otto, "see", project_id=world.project.pk)


def test_outside_of_production_the_keeper_of_groups_is_enough(world: World) -> None:
    group = make_group()
    add_membership(actor=world.petra, group="night", role="operations", project=world.project, environment="uat")
    groups.add_to_group(actor=world.ada, group=group, username="otto")
    assert can(world.otto, "deploy", space=world.spaces["uat"])


def test_whom_somebody_put_into_a_group_today_is_not_his_second_person(world: World) -> None:
    adam = User.objects.create_user("adam", "x", name="Adam")
    group = make_group()
    add_membership(actor=world.ada, group="night", role="platform_admin")
    Membership.objects.filter(group=group).update(created_at=db_now() - timedelta(days=9))
    groups.add_to_group(actor=world.ada, group=group, username="adam")
    change = RuleChange.objects.create(
        environment=world.environments["prd"], before={"is_production": True}, after={"is_production": False},
        reason="r", proposed_by=world.ada, expires_at=db_now() + timedelta(hours=1),
    )  # fmt: skip
    assert can(adam, "confirm_site_rule") and not is_second(adam, change)
    GroupMember.objects.filter(user=adam).update(added_at=db_now() - timedelta(days=2))
    assert is_second(adam, change)


def test_the_last_platform_administrator_stays_also_through_a_group(world: World) -> None:
    group = make_group(world.otto)
    row = add_membership(actor=world.ada, group="night", role="platform_admin")
    deactivate_person(actor=world.otto, person=world.ada)
    with pytest.raises(Refused, match="last platform administrator"):
        groups.take_from_group(actor=world.otto, group=group, username="otto")
    with pytest.raises(Refused, match="last platform administrator"):
        end_membership(actor=world.otto, membership=row)
    with pytest.raises(Refused, match="last platform administrator"):
        deactivate_person(actor=world.otto, person=world.otto)
    assert can(world.otto, "manage_people")


def test_a_group_that_holds_a_role_is_not_removed(world: World) -> None:
    group = make_group(world.otto)
    row = add_membership(actor=world.petra, group="night", role="tester", project=world.project)
    with pytest.raises(Refused, match="tester in SIS-OMM"):
        groups.remove_group(actor=world.ada, group=group)
    end_membership(actor=world.petra, membership=row)
    groups.remove_group(actor=world.ada, group=group, reason="dissolved")
    event = AuditEvent.objects.get(verb="group.removed")
    assert event.before is not None and event.before["people"] == ["otto"] and event.reason == "dissolved"


def test_a_membership_is_a_persons_or_a_groups(world: World) -> None:
    make_group()
    for names in ({}, {"username": "otto", "group": "night"}):
        with pytest.raises(Invalid) as both:
            add_membership(actor=world.petra, role="tester", project=world.project, **names)
        assert "Name a person or a group" in str(both.value.fields["username"][0])
    with pytest.raises(Invalid) as unknown:
        add_membership(actor=world.petra, role="tester", project=world.project, group="day")
    assert [str(text) for text in unknown.value.fields["group"]] == ["There is no such group."]
    with pytest.raises(Refused, match="holds this role already"):
        for _time in range(2):
            add_membership(actor=world.petra, role="tester", project=world.project, group="night")


def test_the_explainer_names_the_group(world: World) -> None:
    make_group(world.otto)
    row = add_membership(
        actor=world.petra, group="night", role="operations", project=world.project, environment="prd",
        ends_at=timezone.now() + timedelta(hours=1),
    )  # fmt: skip
    found = explain_right(Matter(Rights(world.otto), "deploy", world.project, world.spaces["prd"]))
    assert found.may and found.until == row.ends_at
    assert "as operations through the group night." in str(found.message)
    helpers = {one.user.username: one.row.group for one in found.helpers}
    assert helpers["otto"] == row.group and helpers["olli"] is None


def queries_of_everything(world: World) -> int:
    space = world.spaces["prd"]
    with CaptureQueriesContext(connection) as queries:
        rights = Rights(world.otto)
        rights.can("deploy", space=space)
        people_who_may("deploy", space=space)
        who_may("deploy", space=space)
        read_rights(list(world.people.values()))
        roles_in_force(list(world.people.values()))
        explain_right(Matter(rights, "deploy", world.project, space))
        assert [project.member_count for project in list_projects(world.ada)]  # type: ignore[attr-defined]
    return len(queries)


def test_ten_groups_cost_no_query_more_than_one(world: World) -> None:
    counts = []
    for number in range(10):
        group = make_group(world.otto, world.dana, slug=f"g-{number}")
        Membership.objects.create(group=group, role="operations", project=world.project)
        counts.append(queries_of_everything(world))
    assert len(set(counts)) == 1, counts
    assert list_projects(world.ada).get().member_count == 7  # type: ignore[attr-defined]


def test_pages_and_api(world: World) -> None:
    ada, petra = browse(world, "ada"), browse(world, "petra")
    made = ada.post("/groups/new/", {"slug": "night", "name": "夜班", "name_en": "Night shift"})
    assert made.status_code == 302 and "No role" not in ada.get("/groups/").content.decode()
    assert ada.post("/groups/night/people/", {"username": "otto"}).status_code == 302
    refused = ada.post("/groups/night/people/", {"username": "ada"})
    assert refused.status_code == 403 and "Nobody adds himself" in refused.content.decode()
    given = petra.post("/projects/sis-omm/members/", {"group": "night", "role": "tester", "environment": "uat"})
    assert given.status_code == 302
    assert "/groups/night/" in petra.get("/projects/sis-omm/").content.decode()
    page = browse(world, "otto").get("/groups/night/").content.decode()
    assert "Night shift" in page and "Otto" in page and 'action="/groups/night/people/"' not in page
    assert "through group night" in ada.get("/people/otto/").content.decode()
    members = petra.get("/api/v1/projects/sis-omm/members/").json()["items"]
    assert [one["group"] for one in members if not one["username"]] == ["night"]
    assert browse(world, "otto").get("/api/v1/me/").json()["roles"][0]["group"] == "night"
    assert browse(world, "otto").post("/groups/night/people/", {"username": "dana"}).status_code == 403
    outsider = User.objects.create_user("stranger", "x", name="S")
    world.people["stranger"] = outsider
    assert browse(world, "stranger").get("/groups/night/").status_code == 404
    taken = ada.delete("/api/v1/groups/night/people/otto/")
    assert taken.status_code in (204, 403) and ada.post("/groups/night/people/otto/remove/").status_code == 302
    assert not can(world.otto, "see", project_id=world.project.pk)
