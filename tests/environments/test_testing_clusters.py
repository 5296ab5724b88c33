"""A connection test says who we are, which rights are there per namespace, and what is wrong in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from deployer.adapters.kubernetes import disconnect
from deployer.rights import account_manifest
from environments.models import ClusterTest
from environments.selectors.shown import test_shown as shown
from environments.services.clusters import start_test
from foundation.runs.engine import RunState
from tests.cast import World
from tests.contract.cluster_stand_in import TOKEN, stand_in
from tests.environments.cluster import drive, lead_to


@pytest.fixture
def reachable(world: World, address: str) -> Iterator[World]:
    lead_to(world.cluster, address, TOKEN)
    yield world
    disconnect(world.cluster.remote_key)


def test_it_asks_for_every_right_in_every_namespace_of_ours(reachable: World) -> None:
    run = drive("cluster-test", start_test(actor=reachable.ada, cluster=reachable.cluster))
    assert run.state == RunState.SUCCEEDED
    found = shown(run)
    assert [place.namespace for place in found.places] == [f"sis-omm-{one}" for one in ("drp", "fat", "prd", "uat")]
    assert found.is_complete and found.at is not None
    rights = {line.resource: dict(line.verbs) for line in found.places[0].rights if not line.is_of_cluster}
    assert rights["deployments"]["patch"] and rights["pods"]["create"]
    assert "watch" not in rights["pods"], "what can be done without is listed apart"
    assert run.facts["version"].startswith("v1.") and run.facts["latency_ms"] >= 0


def test_the_page_and_its_part_show_it(reachable: World) -> None:
    browser = Client()
    browser.force_login(reachable.ada, backend="accounts.backends.PasswordBackend")
    answer = browser.post("/clusters/main/tests/")
    run = ClusterTest.objects.get()
    assert answer["Location"] == f"/clusters/main/tests/{run.pk}/"
    waiting = browser.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in waiting and "hx-get" in waiting
    drive("cluster-test", run)
    page = browser.get(answer["Location"]).content.decode()
    assert "<html" in page and "every right is there" in page
    assert "every 1s" not in page, "a test that is over asks no more"
    assert "Succeeded" in browser.get("/clusters/").content.decode()


def test_two_clicks_make_one_test(reachable: World) -> None:
    first = start_test(actor=reachable.ada, cluster=reachable.cluster)
    assert start_test(actor=reachable.ada, cluster=reachable.cluster).pk == first.pk


@pytest.mark.parametrize(
    ("url", "token", "reason"),
    [
        ("http://127.0.0.1:9", TOKEN, "unreachable"),
        ("https://10.9.8.7:6443", TOKEN, "address-refused"),
        ("", "wrong-token", "forbidden"),
    ],
)
def test_what_is_wrong_is_the_result(reachable: World, url: str, token: str, reason: str) -> None:
    lead_to(reachable.cluster, url or reachable.cluster.url, token)
    run = drive("cluster-test", start_test(actor=reachable.ada, cluster=reachable.cluster))
    assert (run.state, run.reason) == (RunState.FAILED, reason)
    assert shown(run).message and token not in run.message


NAMESPACES = [f"sis-omm-{one}" for one in ("drp", "fat", "prd", "uat")]


def test_an_account_without_any_right_is_no_success(world: World, tmp_path: Path) -> None:
    with stand_in(tmp_path, account=account_manifest([], with_cluster_role=False)) as target:
        lead_to(world.cluster, target.url, TOKEN)
        run = drive("cluster-test", start_test(actor=world.ada, cluster=world.cluster))
        disconnect(world.cluster.remote_key)
    assert (run.state, run.reason) == (RunState.FAILED, "no-rights")
    assert "sis-omm-drp" in str(run.message) and "list deployments" in str(run.message)
    assert run.facts["user"] == "system:serviceaccount:prism4k:prism4k"


@pytest.mark.parametrize("left_out", ["replicasets", "resourcequotas", "pods/log"])
def test_one_right_that_is_missing_is_named_and_is_no_success(world: World, tmp_path: Path, left_out: str) -> None:
    manifest = account_manifest(NAMESPACES, with_cluster_role=True).replace(f'"{left_out}"', '"nothing"')
    with stand_in(tmp_path, account=manifest) as target:
        lead_to(world.cluster, target.url, TOKEN)
        run = drive("cluster-test", start_test(actor=world.ada, cluster=world.cluster))
        disconnect(world.cluster.remote_key)
    assert (run.state, run.reason) == (RunState.FAILED, "rights-missing")
    assert f" {left_out}" in str(run.message) and "list deployments" not in str(run.message)
    assert not shown(run).is_complete


def test_rights_that_can_be_done_without_are_shown_and_fail_nothing(world: World, tmp_path: Path) -> None:
    manifest = account_manifest(NAMESPACES, with_cluster_role=False).replace("[watch]", "[]")
    with stand_in(tmp_path, account=manifest) as target:
        lead_to(world.cluster, target.url, TOKEN)
        run = drive("cluster-test", start_test(actor=world.ada, cluster=world.cluster))
        disconnect(world.cluster.remote_key)
    assert run.state == RunState.SUCCEEDED
    lines = {(line.resource, line.is_of_cluster): line for line in shown(run).places[0].rights}
    deployments = lines["deployments", False]
    assert deployments.extras == [("watch", False)] and not deployments.missing
    assert lines["namespaces", True].extras == [("create", False)]
    # Listing pods is two rights: those of the namespace, and those of all nodes.
    assert ("list", True) in lines["pods", False].verbs and ("list", False) not in lines["pods", False].extras
    assert lines["pods", True].extras == [("list", False)]
    browser = Client()
    browser.force_login(world.ada, backend="accounts.backends.PasswordBackend")
    page = " ".join(browser.get(f"/clusters/main/tests/{run.pk}/").content.decode().split())
    assert '<code>pods</code> <span class="secondary">in the whole cluster</span>' in page


def test_page_and_api_give_the_manifest_of_the_spaces_on_the_cluster(world: World) -> None:
    browser = Client()
    browser.force_login(world.ada, backend="accounts.backends.PasswordBackend")
    wanted = account_manifest(NAMESPACES, with_cluster_role=True)
    assert escape(wanted.splitlines()[0]) in browser.get("/clusters/main/").content.decode()
    assert browser.get("/api/v1/clusters/main/account/").json() == {"manifest": wanted}
    browser.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert browser.get("/api/v1/clusters/main/account/").status_code in (403, 404)


def test_credentials_that_no_longer_decrypt_are_ours(reachable: World, settings: Any) -> None:
    settings.PRISM4K_ENCRYPTION_KEYS = ["k9:" + "QUFB" * 10 + "QUE="]
    run = drive("cluster-test", start_test(actor=reachable.ada, cluster=reachable.cluster))
    assert (run.state, run.reason) == (RunState.ERRORED, "secret-unreadable")
