"""Replicas, CPU and memory: exact, bounded by the space's ceilings, all environments at once or none."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from components.models import Allocation, Component
from components.selectors import current_allocation, current_allocations
from components.services import (
    create_component,
    save_allocation,
    save_allocation_grid,
    save_scaling_rule,
    show_amounts,
)
from environments.models import Environment, Space
from foundation.problems import Denied, Invalid, Refused, Stale
from tests.components.conftest import GRID, Shop

GIB = 1024**3


def test_the_grid_of_the_original_reads_back(shop: Shop) -> None:
    grid = {shop.world.environments[slug]: amounts for slug, amounts in GRID.items()}
    save_allocation_grid(actor=shop.world.olli, component=shop.component, grid=grid)
    rows = current_allocations(shop.component)
    assert {row.environment.slug: show_amounts(row) for row in rows.values()} == GRID
    prd = rows[shop.world.environments["prd"].pk]
    assert (prd.cpu_limit, prd.memory_limit) == (4000, 8 * GIB)


def test_decimals_are_exact(shop: Shop) -> None:
    amounts = {
        "replicas": "1",
        "cpu_request": "0.1",
        "cpu_limit": "1.005",
        "memory_request": "0.3",
        "memory_limit": "1.1",
    }
    fat = shop.world.environments["fat"]
    row = save_allocation(actor=shop.world.olli, component=shop.component, environment=fat, amounts=amounts).allocation
    assert (row.cpu_request, row.cpu_limit) == (100, 1005)
    assert show_amounts(row) == amounts


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"replicas": "-1"}, "replicas"),
        ({"replicas": "201"}, "replicas"),
        ({"replicas": "1.5"}, "replicas"),
        ({"replicas": "٣"}, "replicas"),
        ({"cpu_request": "1K"}, "cpu_request"),
        ({"cpu_request": "0.0001"}, "cpu_request"),
        ({"cpu_limit": "0"}, "cpu_limit"),
        ({"cpu_limit": "1"}, "cpu_limit"),
        ({"memory_limit": "1Gi"}, "memory_limit"),
        ({"memory_request": "5"}, "memory_limit"),
        ({"memory_request": ""}, "memory_request"),
        ({"memory_limit": "NaN"}, "memory_limit"),
    ],
)
def test_what_is_no_amount_is_told_at_its_field(shop: Shop, change: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        save_allocation(
            actor=shop.world.olli,
            component=shop.component,
            environment=shop.world.environments["fat"],
            amounts={**GRID["fat"], **change},
        )
    assert set(caught.value.fields) == {field}
    assert not Allocation.objects.exists()


def test_one_wrong_environment_saves_none(shop: Shop) -> None:
    fat, uat = shop.world.environments["fat"], shop.world.environments["uat"]
    grid = {fat: GRID["fat"], uat: {**GRID["uat"], "cpu_limit": "1"}}
    with pytest.raises(Invalid) as caught:
        save_allocation_grid(actor=shop.world.olli, component=shop.component, grid=grid)
    assert set(caught.value.fields) == {"uat.cpu_limit"}
    assert not Allocation.objects.exists()


def _ceiling(slug: str, **ceilings: int) -> None:
    Space.objects.filter(environment__slug=slug).update(**ceilings)


def test_one_pod_above_the_ceiling_is_refused(shop: Shop) -> None:
    _ceiling("fat", memory_limit_ceiling=3 * GIB)
    with pytest.raises(Invalid) as caught:
        save_allocation(
            actor=shop.world.olli,
            component=shop.component,
            environment=shop.world.environments["fat"],
            amounts=GRID["fat"],
        )
    assert "3" in str(caught.value.fields["memory_limit"][0])


def test_all_pods_above_the_ceiling_are_a_warning(shop: Shop) -> None:
    _ceiling("prd", cpu_limit_ceiling=12_000, pods_ceiling=3)
    saved = save_allocation(
        actor=shop.world.olli, component=shop.component, environment=shop.world.environments["prd"], amounts=GRID["prd"]
    )
    said = [str(warning) for warning in saved.warnings]
    assert len(said) == 2
    assert "all replicas together take 16; the ceiling of PRD is 12" in said[0]
    assert "4 pods" in said[1]


def test_where_a_scaling_rule_is_on_its_maximum_counts(shop: Shop) -> None:
    """Of the component itself, and of the others of the space."""
    fat: Environment = shop.world.environments["fat"]
    other = create_component(actor=shop.world.dana, project=shop.world.project, name="MOP")
    numbers = {"minimum": "1", "maximum": "5"}

    def save(component: Component) -> list[str]:
        amounts = {"actor": shop.world.olli, "component": component, "environment": fat, "amounts": GRID["fat"]}
        return [str(warning) for warning in save_allocation(**amounts).warnings]

    def rule(component: Component, *, is_on: bool) -> list[str]:
        asked = {
            "actor": shop.world.olli,
            "component": component,
            "environment": fat,
            "numbers": numbers,
            "note": "load",
        }
        return [str(warning) for warning in save_scaling_rule(**asked, is_on=is_on).warnings]

    assert save(shop.component) == save(other) == []
    _ceiling("fat", pods_ceiling=6)
    assert rule(other, is_on=True) == []
    assert save(shop.component) == [], "one, and five at most"
    (said,) = rule(shop.component, is_on=True)
    assert "together want 10 pods" in said and save(shop.component) == save(other) == [said]
    assert rule(other, is_on=False) == []
    assert save(shop.component) == []


def test_other_components_of_the_space_count(shop: Shop) -> None:
    fat: Environment = shop.world.environments["fat"]
    other = create_component(actor=shop.world.dana, project=shop.world.project, name="MOP")
    first = save_allocation(
        actor=shop.world.olli, component=other, environment=fat, amounts={**GRID["fat"], "replicas": "3"}
    )
    assert first.warnings == ()
    # Only its newest version counts: three replicas, then one.
    save_allocation(actor=shop.world.olli, component=other, environment=fat, amounts=GRID["fat"], note="one is enough")
    _ceiling("fat", cpu_limit_ceiling=8_000)
    saved = save_allocation(actor=shop.world.olli, component=shop.component, environment=fat, amounts=GRID["fat"])
    assert saved.warnings == ()
    _ceiling("fat", cpu_limit_ceiling=7_000)
    saved = save_allocation(actor=shop.world.olli, component=shop.component, environment=fat, amounts=GRID["fat"])
    assert ["all components of FAT together take 8" in str(warning) for warning in saved.warnings] == [True]


def test_versions_rights_and_audit(shop: Shop) -> None:
    fat = shop.world.environments["fat"]
    with pytest.raises(Denied):
        save_allocation(actor=shop.world.dana, component=shop.component, environment=fat, amounts=GRID["fat"])
    for _ in range(2):
        save_allocation(actor=shop.world.olli, component=shop.component, environment=fat, amounts=GRID["fat"])
    save_allocation(
        actor=shop.world.petra,
        component=shop.component,
        environment=fat,
        amounts={**GRID["fat"], "replicas": "2"},
        seen_number=1,
        note="two at the opening",
    )
    with pytest.raises(Stale, match="Petra has saved version 2"):
        save_allocation(
            actor=shop.world.olli, component=shop.component, environment=fat, amounts=GRID["fat"], seen_number=1
        )
    row = current_allocation(shop.component, fat)
    assert row is not None and (row.number, row.replicas) == (2, 2)
    event = AuditEvent.objects.filter(verb="save_allocation").latest("pk")
    assert (event.environment, event.before["replicas"], event.after["replicas"]) == ("fat", "1", "2")
    assert event.reason == "two at the opening"


@pytest.mark.parametrize("note", ["", "   "])
def test_a_change_without_a_reason_is_not_saved(shop: Shop, note: str) -> None:
    """The first version needs none, and neither does a save that changes nothing."""
    fat = shop.world.environments["fat"]
    given = {"actor": shop.world.olli, "component": shop.component, "environment": fat, "note": note}
    first = save_allocation(**given, amounts=GRID["fat"]).allocation
    assert save_allocation(**given, amounts=GRID["fat"]).allocation == first
    with pytest.raises(Invalid) as refused:
        save_allocation(**given, amounts={**GRID["fat"], "replicas": "2"})
    assert set(refused.value.fields) == {"note"}
    with pytest.raises(Invalid) as refused:
        save_allocation_grid(
            actor=shop.world.olli, component=shop.component, grid={fat: {**GRID["fat"], "replicas": "2"}}, note=note
        )
    assert set(refused.value.fields) == {"note"}, "one reason for all columns"
    assert current_allocation(shop.component, fat) == first


def test_only_where_the_project_has_a_place(shop: Shop) -> None:
    elsewhere = Environment.objects.create(slug="lab", name="实验")
    with pytest.raises(Refused, match="LAB"):
        save_allocation(actor=shop.world.olli, component=shop.component, environment=elsewhere, amounts=GRID["fat"])
