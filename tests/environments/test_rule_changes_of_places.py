"""A production space that is archived, or moved to another place, leaves its rules behind: two persons for it."""

from __future__ import annotations

import pytest

from audit.models import AuditEvent
from environments.models import Cluster, Group, RuleChange, Space, SpaceSync
from environments.selectors.rule_changes import shown
from environments.services import archive, groups, projects, rule_decisions, spaces
from environments.services.members import add_membership
from foundation.problems import Denied, Invalid, Refused, Stale
from releases.models import Placement
from tests.cast import World, browse
from tests.releases.rows import make_built, make_component, make_success
from tests.releases.test_api import Caller

pytestmark = [pytest.mark.django_db, pytest.mark.security("skipped-steps")]


def fresh(world: World, slug: str) -> Space:
    return Space.objects.select_related("project", "environment__twin", "cluster").get(pk=world.spaces[slug].pk)


def waiting() -> RuleChange:
    return RuleChange.objects.get(state="proposed")


def test_one_person_alone_archives_no_production_space(world: World) -> None:
    drp = fresh(world, "drp")
    with pytest.raises(Invalid) as refusal:
        archive.archive_space(actor=world.ada, space=drp)
    assert set(refusal.value.fields) == {"reason"}
    archive.archive_space(actor=world.ada, space=drp, reason="another data centre")
    assert not fresh(world, "drp").is_archived
    with pytest.raises(Denied):
        rule_decisions.confirm_rule_change(actor=world.ada, change=waiting())
    assert not AuditEvent.objects.filter(verb="space.archived").exists()
    rule_decisions.confirm_rule_change(actor=world.petra, change=waiting())
    assert fresh(world, "drp").is_archived
    recorded = AuditEvent.objects.get(verb="rule_change.in_force")
    assert (recorded.before["is_archived"], recorded.after["is_archived"]) == (False, True)


def test_what_is_not_production_is_archived_at_once(world: World) -> None:
    fat = world.environments["fat"]
    world.environments["uat"].follows.remove(fat)
    archive.archive_space(actor=world.ada, space=fresh(world, "fat"), reason="not used")
    assert fresh(world, "fat").is_archived and not RuleChange.objects.exists()


def test_something_that_came_to_run_there_meanwhile_stops_the_confirmation(world: World) -> None:
    archive.archive_space(actor=world.ada, space=fresh(world, "drp"), reason="another data centre")
    make_success(make_built(make_component(world), world.dana), world.spaces["drp"], world.olli)
    Placement.objects.update(wanted=2, ready=2)
    with pytest.raises(Refused):
        rule_decisions.confirm_rule_change(actor=world.petra, change=waiting())
    assert not fresh(world, "drp").is_archived and waiting()


def test_moving_production_elsewhere_needs_two_and_frees_no_namespace_before(world: World) -> None:
    other = Cluster.objects.create(slug="other", name="Other", url="https://10.0.0.2:6443", token="t")
    spaces.edit_space(
        actor=world.ada, space=fresh(world, "prd"), cluster="other", namespace="sis-omm-new",
        ceilings={"pods": "9"}, reason="another data centre",
    )  # fmt: skip
    row = fresh(world, "prd")
    assert (row.cluster.slug, row.namespace, row.pods_ceiling) == ("main", "sis-omm-prd", 9), "ceilings hold at once"
    change = shown(world.petra, waiting())
    assert "sis-omm-prd → sis-omm-new" in change.in_short and "main → other" in change.in_short and change.may_decide
    rule_decisions.confirm_rule_change(actor=world.petra, change=waiting())
    row = fresh(world, "prd")
    assert (row.cluster_id, row.namespace) == (other.pk, "sis-omm-new")
    assert SpaceSync.objects.filter(space=row, wanted__namespace="sis-omm-new").exists()


def test_outside_of_production_one_person_moves_it(world: World) -> None:
    spaces.edit_space(actor=world.ada, space=fresh(world, "uat"), namespace="sis-omm-uat2")
    assert fresh(world, "uat").namespace == "sis-omm-uat2" and not RuleChange.objects.exists()


def test_what_moved_meanwhile_is_proposed_again(world: World) -> None:
    spaces.edit_space(actor=world.ada, space=fresh(world, "prd"), namespace="sis-omm-new", reason="tidy")
    Space.objects.filter(pk=world.spaces["prd"].pk).update(namespace="sis-omm-else")
    with pytest.raises(Stale):
        rule_decisions.confirm_rule_change(actor=world.petra, change=waiting())


def test_page_and_api_say_that_a_second_person_is_waited_for(world: World) -> None:
    ada = browse(world, "ada")
    assert "a second person confirms it" in ada.get("/spaces/sis-omm/drp/").content.decode()
    assert "a second person confirms it" not in ada.get("/spaces/sis-omm/uat/").content.decode()
    ada.post("/spaces/sis-omm/drp/archive/", {"reason": "another data centre"})
    assert f"/rule-changes/{waiting().pk}/" in ada.get("/spaces/sis-omm/drp/").content.decode()
    rule_decisions.withdraw_rule_change(actor=world.ada, change=waiting())
    api = Caller(world, "ada").client
    answer = api.put(
        "/api/v1/projects/sis-omm/spaces/drp/archive/", {"reason": "moved"}, content_type="application/json"
    )
    assert answer.status_code == 200 and answer.json()["is_archived"] is False and answer.json()["rule_change"]


def test_what_is_in_the_archive_keeps_its_rules_until_it_is_taken_out(world: World) -> None:
    """Else one person loosens them meanwhile, and takes the space out of the archive alone."""
    projects.edit_project(actor=world.ada, project=world.project, change_ticket_pattern="CHG[0-9]{6}")
    Space.objects.filter(environment__is_production=True).update(is_archived=True)
    projects.edit_project(actor=world.ada, project=world.project, change_ticket_pattern=".*", reason="any")
    world.project.refresh_from_db()
    assert world.project.change_ticket_pattern == "CHG[0-9]{6}" and waiting().project == world.project
    group = Group.objects.create(slug="night", name="Night")
    add_membership(actor=world.petra, group="night", role="operations", project=world.project, environment="prd")
    with pytest.raises(Denied, match="must be allowed to give that role"):
        groups.add_to_group(actor=world.ada, group=group, username="otto")
