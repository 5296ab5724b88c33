"""Ceilings are exact, impossible ones are refused at their field, and policies keep the site's minimum."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Project
from audit.models import AuditEvent
from environments.ceilings import hard_of, show_ceilings
from environments.models import Cluster, Environment, Space
from environments.policy import PRODUCTION_MINIMUM
from environments.selectors.places import is_sync_under_way
from environments.services.clusters import edit_cluster
from environments.services.places import create_environment, edit_environment
from environments.services.projects import archive_project
from environments.services.spaces import create_space, edit_policy, edit_space, version_of
from foundation.problems import Denied, Invalid, Missing, Refused, Stale
from tests.cast import World


def test_what_is_typed_is_kept_exactly_and_reads_back(world: World) -> None:
    typed = {"cpu_requests": "0.5", "cpu_limits": "8", "memory_requests": "1.5", "memory_limits": "16", "pods": "40"}
    space = edit_space(actor=world.ada, space=world.spaces["fat"], ceilings=typed)
    assert (space.cpu_request_ceiling, space.memory_request_ceiling) == (500, 3 * 2**29)
    assert show_ceilings(space) == typed
    assert hard_of(space) == {
        "requests.cpu": "500m", "limits.cpu": "8", "requests.memory": "1536Mi", "limits.memory": "16Gi", "pods": "40",
    }  # fmt: skip
    assert is_sync_under_way(space)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"cpu_requests": "1K"}, "cpu_requests"),
        ({"cpu_limits": "0.0001"}, "cpu_limits"),
        ({"cpu_limits": "-1"}, "cpu_limits"),
        ({"memory_limits": "1e3"}, "memory_limits"),
        ({"memory_limits": "NaN"}, "memory_limits"),
        ({"memory_requests": "８"}, "memory_requests"),
        ({"memory_limits": "9" * 13}, "memory_limits"),
        ({"pods": "1.5"}, "pods"),
        ({"pods": "0"}, "pods"),
        ({"cpu_requests": "0"}, "cpu_requests"),
        ({"cpu_requests": "9", "cpu_limits": "8"}, "cpu_requests"),
        ({"memory_requests": "2", "memory_limits": "1.999"}, "memory_requests"),
    ],
)
def test_an_impossible_ceiling_gets_a_message_and_changes_nothing(
    world: World, typed: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        edit_space(actor=world.ada, space=world.spaces["fat"], ceilings=typed)
    assert list(caught.value.fields) == [field]
    world.spaces["fat"].refresh_from_db()
    assert hard_of(world.spaces["fat"]) == {}
    assert not world.spaces["fat"].syncs.exists()


def test_a_new_production_space_starts_at_the_minimum(world: World) -> None:
    other = Project.objects.create(organisation=world.organisation, slug="ams", name="AMS")
    space = create_space(actor=world.ada, project=other, environment="prd", cluster="main")
    assert space.namespace == "ams-prd"
    assert (space.asks_review, space.approvals, space.four_eyes, space.operations_only) == (True, 1, True, True)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"environment": "fat"}, ""),
        ({"environment": "moon"}, "environment"),
        ({"cluster": "moon"}, "cluster"),
        ({"environment": "new", "namespace": "sis-omm-fat"}, ""),
        ({"environment": "new", "namespace": "kube-system"}, "namespace"),
        ({"environment": "new", "namespace": "default"}, "namespace"),
        ({"environment": "new", "namespace": "Not_A_Name"}, "namespace"),
    ],
)
def test_a_space_that_cannot_be_is_refused(world: World, values: dict[str, str], field: str) -> None:
    Environment.objects.create(slug="new", name="N", position=9)
    given = {"environment": "fat", "cluster": "main", **values}
    with pytest.raises(Invalid) as caught:
        create_space(actor=world.ada, project=world.project, **given)
    assert list(caught.value.fields) == [field]
    assert Space.objects.count() == 4


def test_production_wants_a_verified_certificate(world: World) -> None:
    world.cluster.url = "https://10.0.0.1:6443"
    world.cluster.save()
    with pytest.raises(Invalid) as caught:
        edit_space(actor=world.ada, space=world.spaces["prd"])
    assert list(caught.value.fields) == ["cluster"]
    edit_space(actor=world.ada, space=world.spaces["fat"])


def test_who_may_change_what(world: World) -> None:
    for who in ("petra", "olli", "uma"):
        with pytest.raises(Denied):
            edit_space(actor=world.people[who], space=world.spaces["fat"])
    for who in ("ada", "olli", "dana", "uma"):
        with pytest.raises(Denied):
            edit_policy(actor=world.people[who], space=world.spaces["fat"], settle_seconds=3)
    with pytest.raises(Missing):
        edit_policy(actor=world.otto, space=world.spaces["fat"], settle_seconds=3)
    assert edit_policy(actor=world.petra, space=world.spaces["fat"], settle_seconds=3).settle_seconds == 3


def test_nothing_moves_in_an_archived_project(world: World) -> None:
    archive_project(actor=world.ada, project=world.project)
    world.spaces["fat"].refresh_from_db()
    with pytest.raises(Refused):
        edit_space(actor=world.ada, space=world.spaces["fat"])
    with pytest.raises(Refused):
        edit_policy(actor=world.petra, space=world.spaces["fat"], settle_seconds=3)


@pytest.mark.parametrize("rule", PRODUCTION_MINIMUM, ids=lambda rule: rule.field)
@pytest.mark.parametrize("environment", ["prd", "drp"])
def test_no_policy_of_production_goes_below_the_minimum(world: World, environment: str, rule: Any) -> None:
    space = world.spaces[environment]
    before = getattr(space, rule.field)
    with pytest.raises(Invalid) as caught:
        edit_policy(actor=world.petra, space=space, **{rule.field: type(rule.least)(0)})
    assert rule.reason in caught.value.fields[rule.field]
    space.refresh_from_db()
    assert getattr(space, rule.field) == before


def test_outside_production_the_same_is_allowed_and_recorded(world: World) -> None:
    edit_policy(actor=world.petra, space=world.spaces["uat"], operations_only=False, asks_review=False)
    event = AuditEvent.objects.get(verb="space.policy_changed")
    assert event.before == {"operations_only": True, "asks_review": True}
    assert (event.project, event.environment) == ("sis-omm", "uat")


@pytest.mark.parametrize(
    ("place", "policy", "field"),
    [
        ("uat", {"approvals": 2, "asks_review": False}, "approvals"),
        ("uat", {"approver_roles": ["developer"]}, "approver_roles"),
        ("uat", {"promote_automatically": True}, "promote_automatically"),
        ("uat", {"branch_pattern": "release/("}, "branch_pattern"),
        ("fat", {"approvals": 10}, "approvals"),
        ("fat", {"deploy_deadline_seconds": 5}, "deploy_deadline_seconds"),
        ("fat", {"settle_seconds": 4000}, "settle_seconds"),
        ("fat", {"namespace": "elsewhere"}, "namespace"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(world: World, place: str, policy: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        edit_policy(actor=world.petra, space=world.spaces[place], **policy)
    assert list(caught.value.fields) == [field]


def test_the_second_of_two_people_is_told(world: World) -> None:
    space = world.spaces["fat"]
    seen = version_of(space)
    edit_policy(actor=world.petra, space=space, version=seen, settle_seconds=3)
    with pytest.raises(Stale):
        edit_policy(actor=world.petra, space=space, version=seen, settle_seconds=9)
    with pytest.raises(Stale):
        edit_space(actor=world.ada, space=space, version=seen, ceilings={"pods": "3"})
    space.refresh_from_db()
    assert (space.settle_seconds, space.pods_ceiling) == (3, None)


def test_the_flow_never_goes_in_a_circle(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        edit_environment(actor=world.ada, environment=world.environments["fat"], follows=["prd"])
    assert "PRD" in str(caught.value.fields["follows"][0])
    assert not world.environments["fat"].follows.exists()
    with pytest.raises(Invalid):
        edit_environment(actor=world.ada, environment=world.environments["fat"], follows=["fat"])


@pytest.mark.parametrize("twin", ["drp", "prd", "moon"])
def test_a_twin_has_no_twin_of_its_own(world: World, twin: str) -> None:
    with pytest.raises(Invalid) as caught:
        edit_environment(actor=world.ada, environment=world.environments["prd"], twin=twin)
    assert list(caught.value.fields) == ["twin"]


def test_an_environment_becomes_production_only_when_its_spaces_are_fit(world: World) -> None:
    with pytest.raises(Refused) as caught:
        edit_environment(actor=world.ada, environment=world.environments["uat"], is_production=True)
    assert "UAT" in str(caught.value)
    edit_policy(actor=world.petra, space=world.spaces["uat"], approvals=1, four_eyes=True)
    edit_environment(actor=world.ada, environment=world.environments["uat"], is_production=True)
    assert Environment.objects.get(slug="uat").is_production


def test_a_new_environment_takes_its_place_in_the_flow(world: World) -> None:
    row = create_environment(actor=world.ada, slug="pre", name="预发", position=3, follows=["uat"])
    assert [before.slug for before in row.follows.all()] == ["uat"]
    with pytest.raises(Denied):
        create_environment(actor=world.petra, slug="x", name="X")


# ---------------------------------------------------------------- one cluster by two names
def copy_of_main(url: str = "http://127.0.0.1:1/") -> Cluster:
    return Cluster.objects.create(slug="copy", name="Copy", url=url, token="another", verify_tls=False)


@pytest.mark.security("skipped-steps")
@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://127.0.0.1:1/", "HTTPS://127.0.0.1:1"])
def test_no_space_gets_into_anothers_namespace_by_a_second_row_of_its_cluster(world: World, url: str) -> None:
    copy_of_main(url)
    with pytest.raises(Invalid) as refusal:
        edit_space(actor=world.ada, space=world.spaces["fat"], cluster="copy", namespace="sis-omm-prd")
    assert "PRD is in this namespace already: Main has the same address" in str(refusal.value.fields["namespace"][0])
    create_environment(actor=world.ada, slug="pre", name="Pre", follows=["fat"])
    with pytest.raises(Invalid):
        create_space(actor=world.ada, project=world.project, environment="pre", cluster="copy", namespace="sis-omm-prd")
    space = edit_space(actor=world.ada, space=world.spaces["fat"], cluster="copy")
    assert (space.cluster.slug, space.namespace) == ("copy", "sis-omm-fat"), "its own namespace goes along"


@pytest.mark.security("skipped-steps")
def test_no_cluster_gets_the_address_of_another_one_where_two_spaces_would_be_one(world: World) -> None:
    other = copy_of_main("http://127.0.0.1:2")
    edit_space(actor=world.ada, space=world.spaces["fat"], cluster="copy", namespace="sis-omm-prd")
    with pytest.raises(Invalid) as refusal:
        edit_cluster(actor=world.ada, cluster=other, url="http://127.0.0.1:1", token="another")
    assert "would be in one namespace" in str(refusal.value.fields["url"][0])
    other.refresh_from_db()
    assert other.url == "http://127.0.0.1:2"
    edit_cluster(actor=world.ada, cluster=other, url="http://127.0.0.1:3", token="another")
