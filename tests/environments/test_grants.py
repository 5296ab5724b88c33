"""Ways out of a space: an administrator grants them, none twice, and the policy of preview and review has them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Project
from audit.models import AuditEvent
from components.manifest_policy import manifest_policy
from components.models import Allocation
from deployer.manifests import Policy
from deployer.manifests.network import check_ingress, check_service
from deployer.manifests.policy import Findings
from environments.access import Denied
from environments.models import Cluster, GrantedNodePort, Space
from environments.services.grants import edit_grants
from environments.services.spaces import edit_space
from foundation.problems import Invalid, Stale
from tests.cast import World
from tests.releases.rows import make_component


def space_of_another_project(world: World, cluster: Cluster | None = None) -> Space:
    project = Project.objects.create(organisation=world.organisation, slug="crm", name="CRM", name_en="CRM")
    return Space.objects.create(
        project=project, environment=world.environments["fat"], cluster=cluster or world.cluster, namespace="crm-fat"
    )


def test_grants_are_kept_and_audited_and_those_left_out_stay(world: World) -> None:
    fat = world.spaces["fat"]
    edit_grants(actor=world.ada, space=fat, hosts=["shop.example.com", " *.fat.example.com "], claims=["data"])
    edit_grants(actor=world.ada, space=fat, node_ports=["30080"], claims=[])
    fat.refresh_from_db()
    assert fat.grants == {"hosts": ["*.fat.example.com", "shop.example.com"], "node_ports": ["30080"]}
    event = AuditEvent.objects.filter(verb="space.grants_changed").latest("pk")
    assert (event.before, event.after) == (
        {"node_ports": [], "claims": ["data"]},
        {"node_ports": ["30080"], "claims": []},
    )


@pytest.mark.security("hostile-manifests")
@pytest.mark.parametrize("who", ["dana", "olli", "petra", "uma"])
def test_only_a_platform_administrator_grants(world: World, who: str) -> None:
    with pytest.raises(Denied):
        edit_grants(actor=world.people[who], space=world.spaces["fat"], hosts=["shop.example.com"])


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("hosts", "Shop.example.com"), ("hosts", "*"), ("hosts", "*.com."), ("hosts", "a.*.example.com"),
        ("hosts", "localhost"), ("hosts", "10.0.0.1"), ("node_ports", "29999"), ("node_ports", "32768"),
        ("node_ports", "３００８０"),
        ("claims", "a b"), ("service_accounts", "../x"), ("load_balancers", "-"), ("pull_secrets", "A"),
        ("tunnels", "x"),
    ],
)  # fmt: skip
def test_what_is_no_such_name_is_refused_at_its_field(world: World, kind: str, value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        edit_grants(actor=world.ada, space=world.spaces["fat"], **{kind: [value]})
    assert set(refusal.value.fields) == {kind}
    assert Space.objects.get(pk=world.spaces["fat"].pk).grants == {}


@pytest.mark.parametrize(
    ("mine", "theirs", "is_taken"),
    [
        ("shop.example.com", "shop.example.com", True),
        ("*.example.com", "shop.example.com", True),
        ("shop.example.com", "*.example.com", True),
        ("*.example.com", "*.example.com", True),
        ("*.example.com", "a.b.example.com", False),
        ("shop.example.com", "desk.example.com", False),
    ],
)
def test_a_host_of_another_project_is_not_granted_twice(world: World, mine: str, theirs: str, is_taken: bool) -> None:
    other = space_of_another_project(world)
    edit_grants(actor=world.ada, space=other, hosts=[theirs])
    edit_grants(actor=world.ada, space=world.spaces["uat"], hosts=[])
    if is_taken:
        with pytest.raises(Invalid) as refusal:
            edit_grants(actor=world.ada, space=world.spaces["fat"], hosts=[mine])
        assert "crm" in str(refusal.value.fields["hosts"][0])
    else:
        edit_grants(actor=world.ada, space=world.spaces["fat"], hosts=[mine])


def test_environments_of_one_project_may_share_a_host_and_no_spaces_share_a_node_port(world: World) -> None:
    edit_grants(actor=world.ada, space=world.spaces["fat"], hosts=["shop.example.com"], node_ports=["30080"])
    edit_grants(actor=world.ada, space=world.spaces["uat"], hosts=["shop.example.com"])
    with pytest.raises(Invalid) as refusal:
        edit_grants(actor=world.ada, space=world.spaces["uat"], node_ports=["30080"])
    assert "FAT" in str(refusal.value.fields["node_ports"][0])


def test_a_space_that_moves_to_a_cluster_where_its_port_is_taken_stays(world: World) -> None:
    elsewhere = Cluster.objects.create(slug="second", name="Second", url="http://127.0.0.1:2")
    other = space_of_another_project(world, elsewhere)
    for space in (other, world.spaces["fat"]):
        edit_grants(actor=world.ada, space=space, node_ports=["30080"])
    with pytest.raises(Invalid):
        edit_space(actor=world.ada, space=world.spaces["fat"], cluster="second")
    assert Space.objects.get(pk=world.spaces["fat"].pk).cluster == world.cluster


def test_a_host_has_one_owner_on_all_clusters_and_a_node_port_one_on_each(world: World) -> None:
    elsewhere = Cluster.objects.create(slug="second", name="Second", url="http://127.0.0.1:2")
    other = space_of_another_project(world, elsewhere)
    edit_grants(actor=world.ada, space=other, hosts=["shop.example.com"], node_ports=["30080"])
    with pytest.raises(Invalid):
        edit_grants(actor=world.ada, space=world.spaces["fat"], hosts=["*.example.com"])
    edit_grants(actor=world.ada, space=world.spaces["fat"], node_ports=["30080"])


def test_who_has_a_node_port_is_a_row_that_the_database_keeps_unique(world: World) -> None:
    fat, uat = world.spaces["fat"], world.spaces["uat"]
    edit_grants(actor=world.ada, space=fat, node_ports=["30080", "30081"])
    edit_grants(actor=world.ada, space=fat, node_ports=["30081"])
    assert list(GrantedNodePort.objects.values_list("space", "port")) == [(fat.pk, 30081)]
    # As when another transaction committed after the check had read the other spaces.
    Space.objects.filter(pk=fat.pk).update(grants={})
    with pytest.raises(Invalid) as refusal:
        edit_grants(actor=world.ada, space=uat, node_ports=["30081"])
    assert "just now" in str(refusal.value.fields["node_ports"][0])
    assert Space.objects.get(pk=uat.pk).grants == {}
    elsewhere = Cluster.objects.create(slug="second", name="Second", url="http://127.0.0.1:2")
    edit_grants(actor=world.ada, space=uat, node_ports=["30082"])
    edit_space(actor=world.ada, space=uat, cluster="second")
    assert GrantedNodePort.objects.get(space=uat).cluster == elsewhere


def test_an_older_form_overwrites_nothing(world: World) -> None:
    with pytest.raises(Stale):
        edit_grants(actor=world.ada, space=world.spaces["fat"], version="2020", claims=["data"])


def test_page_and_api(world: World) -> None:
    browser = Client()
    browser.force_login(world.ada, backend="accounts.backends.PasswordBackend")
    shown = browser.get("/spaces/sis-omm/fat/").content.decode()
    assert "/spaces/sis-omm/fat/grants/" in shown
    answer = browser.post(
        "/spaces/sis-omm/fat/grants/", {"hosts": "a.example.com, b.example.com", "node_ports": "30081"}
    )
    assert answer.status_code == 302
    assert "a.example.com, b.example.com" in browser.get("/spaces/sis-omm/fat/").content.decode()
    wrong = browser.post("/spaces/sis-omm/fat/grants/", {"node_ports": "80"})
    assert wrong.status_code == 400 and "from 30000 to 32767" in wrong.content.decode()
    path = "/api/v1/projects/sis-omm/spaces/fat/"
    answer = browser.patch(f"{path}grants/", {"claims": ["data"]}, content_type="application/json")
    assert answer.status_code == 200, answer.content
    wanted = {"hosts": ["a.example.com", "b.example.com"], "node_ports": ["30081"], "claims": ["data"]}
    assert answer.json()["grants"] == browser.get(path).json()["grants"] == wanted
    answer = browser.patch(f"{path}grants/", {"tunnels": ["x"]}, content_type="application/json")
    assert answer.status_code == 400
    browser.force_login(world.petra, backend="accounts.backends.PasswordBackend")
    assert browser.patch(f"{path}grants/", {"claims": []}, content_type="application/json").status_code == 403
    assert "/spaces/sis-omm/fat/grants/" not in browser.get("/spaces/sis-omm/fat/").content.decode()


def policy(**granted: Any) -> Policy:
    return Policy(
        "sis-omm-fat", "gw", "registry/gw@sha256:" + "0" * 64, **{k: frozenset(v) for k, v in granted.items()}
    )


def said(check: Any, spec: dict[str, Any], rules: Policy) -> str:
    findings = Findings("X/gw")
    check(spec, rules, findings)
    return " ".join(f"{one.path} {one.message}" for one in findings.problems)


def test_a_host_is_allowed_by_name_and_by_pattern_and_else_it_says_who_grants(world: World) -> None:
    rules = policy(ingress_hosts=["shop.example.com", "*.fat.example.com"])
    for host, is_allowed in (
        ("shop.example.com", True), ("gw.fat.example.com", True), ("*.fat.example.com", True),
        ("a.b.fat.example.com", False), ("fat.example.com", False), (["shop.example.com"], False),
    ):  # fmt: skip
        told = said(check_ingress, {"rules": [{"host": host}]}, rules)
        assert ("a platform administrator can grant it" in told) != is_allowed, host


def test_node_ports_and_load_balancers_are_those_of_the_space(world: World) -> None:
    ports = {"selector": {}, "ports": [{"port": 80, "nodePort": 30080}]}
    rules = policy(service_types=["ClusterIP", "NodePort"], node_ports=[30080])
    assert said(check_service, {"type": "NodePort", **ports}, rules) == ""
    other = {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30081}]}
    assert "30081 is not granted" in said(check_service, other, rules)
    assert "Name one of the node ports" in said(check_service, {"type": "NodePort", "ports": [{"port": 80}]}, rules)
    assert "A platform administrator can grant more" in said(check_service, {"type": "LoadBalancer", **ports}, rules)
    balanced = policy(service_types=["LoadBalancer"], load_balancers=["internal.example.com/lb"])
    plain = {"type": "LoadBalancer", "ports": [{"port": 80}]}
    assert "default is not granted" in said(check_service, plain, balanced)
    assert said(check_service, plain | {"loadBalancerClass": "internal.example.com/lb"}, balanced) == ""


@pytest.mark.security("hostile-manifests")
def test_preview_and_review_hold_manifests_to_the_grants(world: World) -> None:
    granted = {
        "hosts": ["*.example.com"], "node_ports": ["30080"], "load_balancers": ["default"], "claims": ["data"],
        "service_accounts": ["reader"], "pull_secrets": ["mirror"],
    }  # fmt: skip
    space = edit_grants(actor=world.ada, space=world.spaces["fat"], **granted)
    rest: dict[str, Any] = {
        "component": make_component(world),
        "settings": None,
        "registry": None,
        "config": None,
        "image": "x",
        "rule": None,
    }
    rules = manifest_policy(space=space, allocation=Allocation(number=1), **rest)
    assert rules.ingress_hosts == frozenset({"*.example.com"})
    assert (rules.node_ports, rules.claims) == (frozenset({30080}), frozenset({"data"}))
    assert rules.service_types == frozenset({"ClusterIP", "NodePort", "LoadBalancer"})
    assert (rules.service_accounts, rules.pull_secrets) == (frozenset({"default", "reader"}), frozenset({"mirror"}))
    bare = manifest_policy(space=world.spaces["uat"], allocation=Allocation(number=1), **rest)
    assert (bare.ingress_hosts, bare.service_types) == (frozenset(), frozenset({"ClusterIP"}))
    assert bare.service_accounts == frozenset({"default"})
