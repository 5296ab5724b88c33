"""A connection test says who we are, which rights are there per namespace, and what is wrong in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from deployer.adapters.kubernetes import disconnect
from environments.models import ClusterTest
from environments.selectors.shown import test_shown as shown
from environments.services.clusters import start_test
from foundation.runs.engine import RunState
from tests.cast import World
from tests.contract.cluster_stand_in import TOKEN, stand_in
from tests.environments.cluster import drive, lead_to


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stand_in(tmp_path_factory.mktemp("cluster")) as target:
        yield target.url


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
    rights = {line.resource: dict(line.verbs) for line in found.places[0].rights}
    assert rights["deployments"]["patch"] and rights["pods"]["create"]
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
    assert shown(run).sentence and token not in run.message


def test_credentials_that_no_longer_decrypt_are_ours(reachable: World, settings: Any) -> None:
    settings.PRISM4K_ENCRYPTION_KEYS = ["k9:" + "QUFB" * 10 + "QUE="]
    run = drive("cluster-test", start_test(actor=reachable.ada, cluster=reachable.cluster))
    assert (run.state, run.reason) == (RunState.ERRORED, "secret-unreadable")
