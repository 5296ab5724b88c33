"""Spaces and environments in the archive: out of lists, gates and flows; never while something is there."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from audit.models import AuditEvent
from components.completeness import missing_elements
from components.models import Allocation
from environments.models import Environment, RuleChange, Space
from environments.selectors import places as selectors
from environments.services import archive, rule_decisions, spaces
from foundation.problems import Denied, Invalid, Refused
from releases import gates
from releases import selectors as releases_selectors
from releases.models import Deployment, Placement, Promotion
from releases.services import deployments, promotions
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success
from tests.releases.test_api import Caller


def archived(world: World, slug: str) -> Space:
    """By one person, or in production by two."""
    archive.archive_space(actor=world.ada, space=Space.objects.get(pk=world.spaces[slug].pk), reason="not used")
    confirmed()
    return fresh(world, slug)


def confirmed() -> None:
    for change in RuleChange.objects.filter(state="proposed"):
        rule_decisions.confirm_rule_change(actor=User.objects.get(username="petra"), change=change)


def fresh(world: World, slug: str) -> Space:
    return Space.objects.select_related("project", "environment__twin", "cluster").get(pk=world.spaces[slug].pk)


def test_an_archived_space_leaves_lists_and_asks_for_no_allocation(world: World) -> None:
    component = make_component(world)
    order = make_built(component, world.dana)
    Allocation.objects.filter(environment=world.environments["drp"]).delete()
    assert [one.field for one in missing_elements(component)] == ["allocation.drp"]
    archived(world, "drp")
    assert missing_elements(component) == []
    assert "drp" not in [space.environment.slug for space in releases_selectors.spaces_of(order)]
    assert "drp" not in [space.environment.slug for space in selectors.list_spaces(world.olli)]
    with pytest.raises(Exception, match="no such environment"):
        releases_selectors.space_of(order, "drp")
    assert AuditEvent.objects.filter(verb="rule_change.in_force", environment="drp").exists()


def test_nothing_goes_to_an_archived_space_by_any_way(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    before = fresh(world, "drp")
    archived(world, "drp")
    with pytest.raises(Refused) as refusal:
        promotions.promote(actor=world.tess, order=order, space=fresh(world, "drp"))
    assert "DRP is archived for this project" in str(refusal.value.message)
    # A click that read the space before it went is stopped under the lock.
    with pytest.raises(Refused):
        promotions.promote(actor=world.tess, order=order, space=before)
    assert not Promotion.objects.exists()
    for act in (spaces.edit_space, spaces.sync_again):
        with pytest.raises(Refused):
            act(actor=world.ada, space=fresh(world, "drp"))


@pytest.mark.parametrize("held", ["promoted", "deploying", "runs", "unknown"])
def test_what_is_in_use_is_not_archived_and_says_by_whom(world: World, held: str, django_db_blocker: Any) -> None:
    component = make_component(world)
    order = make_built(component, world.dana)
    make_success(order, world.spaces["prd"], world.olli)
    Placement.objects.update(wanted=0, ready=0)
    drp = fresh(world, "drp")
    place = Placement.objects.create(component=component, space=drp)
    row = Deployment.objects.latest("pk")
    changes: dict[str, dict[str, Any]] = {
        "promoted": {},
        "deploying": {"in_progress": row},
        "runs": {"wanted": 2, "ready": 2},
        "unknown": {"unknown_since": row.created_at},
    }
    Placement.objects.filter(pk=place.pk).update(**(changes[held] or {"wanted": 0}))
    if held == "promoted":
        Promotion.objects.create(order=order, component=component, space=drp, promoted_by=world.tess)
    with pytest.raises(Refused) as refusal:
        archived(world, "drp")
    said = str(refusal.value.message)
    assert (order.number if held == "promoted" else component.name) in said
    assert not fresh(world, "drp").is_archived
    Promotion.objects.filter(space=drp).delete()
    Placement.objects.filter(pk=place.pk).update(wanted=0, ready=0, in_progress=None, unknown_since=None)
    assert archived(world, "drp").is_archived


def test_a_space_that_the_flow_goes_through_stays(world: World) -> None:
    with pytest.raises(Refused) as refusal:
        archived(world, "uat")
    assert str(refusal.value.message).startswith("PRD comes after UAT")
    with pytest.raises(Refused, match="DRP comes after PRD"):
        archived(world, "prd")


def test_a_gate_names_only_what_is_left_to_come_from(world: World) -> None:
    side = Environment.objects.create(slug="side", name="side", position=2)
    side.follows.set([world.environments["fat"]])
    world.environments["prd"].follows.add(side)
    row = Space.objects.create(project=world.project, environment=side, cluster=world.cluster, namespace="sis-omm-side")
    order = make_built(make_component(world), world.dana)
    came = next(gate for gate in gates.promotion_gates(order, fresh(world, "prd")) if gate.code == "came-through")
    assert "SIDE" in str(came.message)
    archive.archive_space(actor=world.ada, space=row)
    came = next(gate for gate in gates.promotion_gates(order, fresh(world, "prd")) if gate.code == "came-through")
    assert not came.is_open and "SIDE" not in str(came.message) and "UAT" in str(came.message)


def test_an_environment_goes_once_its_spaces_are_gone_and_comes_back(world: World) -> None:
    drp = world.environments["drp"]
    with pytest.raises(Refused, match="is not archived"):
        archive.archive_environment(actor=world.ada, environment=drp)
    with pytest.raises(Refused):
        archive.archive_environment(actor=world.ada, environment=world.environments["uat"])
    archived(world, "drp")
    archive.archive_environment(actor=world.ada, environment=drp)
    assert "drp" not in [one.slug for one in selectors.list_environments()]
    with pytest.raises(Refused, match="DRP is archived"):
        archive.restore_space(actor=world.ada, space=fresh(world, "drp"))
    with pytest.raises(Invalid):
        spaces.create_space(actor=world.ada, project=world.project, environment="drp", cluster=world.cluster.slug)
    archive.restore_environment(actor=world.ada, environment=drp)
    restored = archive.restore_space(actor=world.ada, space=fresh(world, "drp"))
    assert not restored.is_archived and restored.syncs.filter(state="queued").exists()


def test_only_a_platform_administrator_archives(world: World) -> None:
    for person in (world.olli, world.dana):
        with pytest.raises(Denied):
            archive.archive_space(actor=person, space=fresh(world, "drp"))


def test_page_and_api_archive_and_restore(world: World) -> None:
    ada, olli = Caller(world, "ada"), Caller(world, "olli")
    path = "/api/v1/projects/sis-omm/spaces/drp/archive/"
    assert olli.client.put(path).status_code == 403
    assert ada.client.put(path, {"reason": "moved"}, content_type="application/json").json()["rule_change"]
    confirmed()
    assert [row["environment"] for row in ada.get("projects/sis-omm/spaces/").json()["items"]] == ["fat", "uat", "prd"]
    assert ada.client.put("/api/v1/environments/drp/archive/").json()["is_archived"] is True
    browser = Client()
    browser.force_login(world.ada, backend="accounts.backends.PasswordBackend")
    page = browser.get("/environments/").content.decode()
    assert "/environments/drp/archive/" in page and "archived" in page
    assert browser.post("/environments/drp/archive/", {"restore": "1"}).status_code == 302
    assert "archived" in browser.get("/spaces/sis-omm/drp/").content.decode()
    assert browser.post("/spaces/sis-omm/drp/archive/", {"restore": "1"}).status_code == 302
    assert not fresh(world, "drp").is_archived
    assert browser.post("/spaces/sis-omm/drp/archive/", {"reason": "moved"}).status_code == 302
    confirmed()
    assert fresh(world, "drp").is_archived


def test_a_deployment_that_read_the_space_before_is_stopped_under_the_lock(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    good = make_success(order, world.spaces["drp"], world.olli)
    before = fresh(world, "drp")
    Promotion.objects.all().delete()
    Space.objects.filter(pk=before.pk).update(is_archived=True)
    with pytest.raises(Refused, match="archived for this project"):
        deployments.roll_back(actor=world.olli, space=before, to=good)
