"""What concerns one space needs the role there: operations of FAT change nothing of PRD."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from components.models import Allocation, ConfigVersion
from components.services import save_allocation, save_config, save_entry_check, save_scaling_rule
from environments.models import Membership
from foundation.problems import Denied, Missing
from tests.components.conftest import Shop

pytestmark = pytest.mark.security("rights-on-every-way-in")

AMOUNTS = {"replicas": "2", "cpu_request": "1", "cpu_limit": "2", "memory_request": "1", "memory_limit": "2"}


@pytest.fixture
def placed(shop: Shop) -> Shop:
    """Otto has operations in FAT alone, Dave is developer in FAT alone."""
    fat = shop.world.environments["fat"]
    Membership.objects.filter(user=shop.world.dave).delete()
    for person, role in ((shop.world.otto, "operations"), (shop.world.dave, "developer")):
        Membership.objects.create(user=person, role=role, project=shop.world.project, environment=fat)
    return shop


def acts(shop: Shop, slug: str) -> list[Any]:
    where = {"actor": shop.world.otto, "component": shop.component, "environment": shop.world.environments[slug]}
    return [
        lambda: save_allocation(**where, amounts=AMOUNTS),
        lambda: save_config(**where, env=[{"name": "LEVEL", "value": "1"}], files={}),
        lambda: save_entry_check(**where, values={"kind": "none"}),
        lambda: save_scaling_rule(**where, is_on=False, numbers={}),
    ]


@pytest.mark.parametrize("slug", ["uat", "prd", "drp"])
@pytest.mark.parametrize("index", range(4))
def test_operations_of_one_space_change_nothing_of_another(placed: Shop, slug: str, index: int) -> None:
    before = Allocation.objects.count(), ConfigVersion.objects.count()
    with pytest.raises(Denied) as refusal:
        acts(placed, slug)[index]()
    assert "Otto" not in str(refusal.value.who_can_help)
    assert (Allocation.objects.count(), ConfigVersion.objects.count()) == before


@pytest.mark.parametrize("index", range(4))
def test_they_change_it_in_their_own(placed: Shop, index: int) -> None:
    acts(placed, "fat")[index]()


def test_what_counts_in_every_space_needs_the_whole_project(placed: Shop) -> None:
    values = {"kind": "none"}
    with pytest.raises(Denied):
        save_entry_check(actor=placed.world.otto, component=placed.component, environment=None, values=values)
    save_entry_check(actor=placed.world.olli, component=placed.component, environment=None, values=values)


def test_a_developer_of_one_space_configures_that_one_only(placed: Shop) -> None:
    where = {"actor": placed.world.dave, "component": placed.component, "env": [], "files": {"a.txt": "1"}}
    save_config(**where, environment=placed.world.environments["fat"])
    with pytest.raises(Denied):
        save_config(**where, environment=placed.world.environments["uat"])


def test_people_without_access_still_learn_nothing(shop: Shop) -> None:
    with pytest.raises(Missing):
        save_config(
            actor=shop.world.otto, component=shop.component, environment=shop.world.environments["fat"], env=[],
            files={},
        )  # fmt: skip


def test_the_pages_offer_what_the_service_takes(placed: Shop, client: Client) -> None:
    client.force_login(placed.world.otto, backend="accounts.backends.PasswordBackend")
    path = f"/components/{placed.component.project.slug}/{placed.component.slug}/"
    columns = client.get(f"{path}edit/").context["columns"]
    assert {one.environment.slug: one.may_edit for one in columns} == {
        "fat": True, "uat": False, "prd": False, "drp": False,
    }  # fmt: skip
    assert [one.form.fields["replicas"].disabled for one in columns] == [False, True, True, True]
    places = client.get(f"{path}configuration/").context["places"]
    assert [one.may_edit for one in places] == [one.environment.slug == "fat" for one in places]
