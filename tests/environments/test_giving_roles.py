"""Members, grants and site roles: who may give what, and what it does to open sockets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from environments.access import can
from environments.models import Membership
from environments.services.members import add_membership, end_membership
from foundation.problems import Denied, Invalid, Missing, Refused
from tests.cast import World


def soon() -> Any:
    return timezone.now() + timedelta(hours=2)


def give(world: World, username: str = "otto", role: str = "developer", by: str = "petra", **more: Any) -> Membership:
    values = {"project": world.project, **more}
    return add_membership(actor=world.people[by], username=username, role=role, **values)


def epoch(world: World, name: str) -> int:
    world.people[name].refresh_from_db()
    return world.people[name].rights_epoch


def test_a_project_administrator_adds_and_ends(world: World) -> None:
    before = epoch(world, "otto")
    row = give(world, environment="fat", reason="helps out")
    assert can(world.otto, "create_order", project_id=world.project.pk)
    assert epoch(world, "otto") == before + 1
    end_membership(actor=world.petra, membership=row)
    assert not can(world.otto, "see", project_id=world.project.pk)
    assert epoch(world, "otto") == before + 2
    added, ended = AuditEvent.objects.filter(verb__startswith="member.").order_by("pk")
    assert added.after["person"] == "otto" and added.project == "sis-omm" and added.environment == "fat"
    assert ended.before["role"] == "developer"


@pytest.mark.parametrize("who", ["dana", "tess", "olli", "ada", "uma"])
def test_others_who_see_the_project_may_not(world: World, who: str) -> None:
    with pytest.raises(Denied) as caught:
        give(world, by=who)
    assert "Petra" in str(caught.value.who_can_help)
    assert not Membership.objects.filter(user=world.otto).exists()


def test_an_outsider_learns_nothing(world: World) -> None:
    with pytest.raises(Missing):
        give(world, by="otto")


@pytest.mark.parametrize(
    ("role", "more", "field"),
    [
        ("grant", {"environment": "fat"}, "ends_at"),
        ("grant", {"ends_at": "soon"}, "environment"),
        ("grant", {"environment": "fat", "ends_at": "past"}, "ends_at"),
        ("developer", {"starts_at": "later", "ends_at": "soon"}, "ends_at"),
        ("project_admin", {"environment": "fat"}, "environment"),
        ("developer", {"environment": "moon"}, "environment"),
        ("platform_admin", {}, "role"),
        ("emperor", {}, "role"),
        ("developer", {"username": "nobody"}, "username"),
    ],
)
def test_a_senseless_role_is_refused_at_its_field(world: World, role: str, more: dict[str, Any], field: str) -> None:
    times = {"soon": soon(), "past": timezone.now() - timedelta(hours=1), "later": timezone.now() + timedelta(hours=5)}
    values = {name: times.get(value, value) for name, value in more.items()}
    with pytest.raises(Invalid) as caught:
        give(world, role=role, **values)
    assert field in caught.value.fields
    assert not Membership.objects.filter(user=world.otto).exists()


@pytest.mark.parametrize("environment", ["uat", "prd", "drp"])
def test_a_grant_is_refused_where_only_operations_deploy(world: World, environment: str) -> None:
    with pytest.raises(Refused) as caught:
        give(world, role="grant", environment=environment, ends_at=soon())
    assert caught.value.code == "operations-only"
    assert not Membership.objects.filter(role="grant").exists()


def test_a_grant_in_fat_lets_a_developer_deploy_there_until_it_ends(world: World) -> None:
    row = give(world, "dana", role="grant", environment="fat", ends_at=soon())
    assert can(world.dana, "deploy", space=world.spaces["fat"])
    end_membership(actor=world.petra, membership=row)
    assert not can(world.dana, "deploy", space=world.spaces["fat"])


def test_the_same_role_twice_is_told(world: World) -> None:
    with pytest.raises(Refused) as caught:
        give(world, "dana")
    assert caught.value.code == "held-already"


def test_somebody_switched_off_is_given_nothing(world: World) -> None:
    world.otto.is_active = False
    world.otto.save()
    with pytest.raises(Invalid) as caught:
        give(world)
    assert "username" in caught.value.fields


def test_a_role_that_has_not_begun_is_removed_not_ended(world: World) -> None:
    row = give(world, starts_at=timezone.now() + timedelta(days=1))
    end_membership(actor=world.petra, membership=row)
    assert not Membership.objects.filter(pk=row.pk).exists()


def test_site_roles_are_given_by_platform_administrators(world: World) -> None:
    with pytest.raises(Denied):
        give(world, role="auditor", by="petra", project=None)
    give(world, role="auditor", by="ada", project=None)
    assert can(world.otto, "read_audit")
    with pytest.raises(Invalid):
        give(world, role="developer", by="ada", project=None)


def test_the_last_platform_administrator_stays(world: World) -> None:
    row = Membership.objects.get(role="platform_admin")
    with pytest.raises(Refused) as caught:
        end_membership(actor=world.ada, membership=row)
    assert caught.value.code == "last-platform-administrator"
    give(world, "dave", role="platform_admin", by="ada", project=None)
    end_membership(actor=world.ada, membership=row)
    assert not can(world.ada, "manage_people") and can(world.dave, "manage_people")
