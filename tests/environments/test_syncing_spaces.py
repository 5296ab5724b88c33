"""Namespace and quota are brought in line, by real passes against a cluster over HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.adapters.kubernetes import connect, disconnect
from deployer.interfaces import ClusterTarget, ObjectRef
from deployer.rights import account_manifest
from environments.models import Space, SpaceSync
from environments.selectors.quota import quota_seen
from environments.services.spaces import create_space, edit_space, sync_again
from environments.steps import QUOTA, give_up, sync_space
from environments.targets import cluster_target
from foundation.models import Remote
from foundation.runs.engine import LeaseLost, RunState, run_step
from tests.cast import World
from tests.contract.cluster_stand_in import TOKEN, stand_in
from tests.environments.cluster import drive, lead_to, take


@pytest.fixture
def client(world: World, address: str) -> Iterator[Any]:
    lead_to(world.cluster, address, TOKEN)
    yield connect(ClusterTarget(key="test:reader", url=address, token=TOKEN))
    disconnect("test:reader")
    disconnect(world.cluster.remote_key)


def soon() -> float:
    return time.monotonic() + 20


def quota_of(client: Any, space: Space) -> dict[str, Any] | None:
    found: dict[str, Any] | None = client.read(space.namespace, ObjectRef("v1", "ResourceQuota", QUOTA))
    return found


def save(world: World, name: str, **ceilings: str) -> SpaceSync:
    space = world.spaces[name]
    edit_space(actor=world.ada, space=space, namespace=f"sync-{name}-{time.time_ns()}", ceilings=ceilings)
    space.refresh_from_db()
    return space.syncs.get()


def test_saving_makes_namespace_and_quota_and_the_page_knows_the_use(world: World, client: Any) -> None:
    run = drive("space-sync", save(world, "fat", cpu_requests="8", cpu_limits="16", memory_limits="1.5", pods="10"))
    space = world.spaces["fat"]
    assert (run.state, run.reason) == (RunState.SUCCEEDED, "")
    namespace = client.read("", ObjectRef("v1", "Namespace", space.namespace))
    assert namespace["metadata"]["labels"].items() >= {
        "app.kubernetes.io/managed-by": "prism4k", "prism4k.io/project": "sis-omm", "prism4k.io/environment": "fat",
    }.items()  # fmt: skip
    assert quota_of(client, space)["spec"]["hard"] == {
        "requests.cpu": "8", "limits.cpu": "16", "limits.memory": "1536Mi", "pods": "10",
    }  # fmt: skip
    seen = quota_seen(space)
    assert {bar.resource: (bar.hard, bar.used, bar.free, bar.unit) for bar in seen.bars} == {
        "requests.cpu": ("8", "0", "8", "cores"), "limits.cpu": ("16", "0", "16", "cores"),
        "limits.memory": ("1.5", "0", "1.5", "GiB"), "pods": ("10", "0", "10", ""),
    }  # fmt: skip


def test_a_ceiling_taken_away_leaves_the_quota_and_the_last_one_removes_it(world: World, client: Any) -> None:
    drive("space-sync", save(world, "fat", cpu_requests="8", pods="10"))
    space = world.spaces["fat"]
    edit_space(actor=world.ada, space=space, ceilings={"pods": ""})
    drive("space-sync", space.syncs.latest("pk"))
    assert quota_of(client, space)["spec"]["hard"] == {"requests.cpu": "8"}
    edit_space(actor=world.ada, space=space, ceilings={"cpu_requests": ""})
    assert drive("space-sync", space.syncs.latest("pk")).state == RunState.SUCCEEDED
    assert quota_of(client, space) is None
    assert quota_seen(space).bars == []


def test_a_quota_that_somebody_else_made_is_not_removed(world: World, client: Any) -> None:
    drive("space-sync", save(world, "fat"))
    space = world.spaces["fat"]
    foreign = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": QUOTA},
        "spec": {"hard": {"pods": "3"}},
    }
    client.apply(space.namespace, foreign, force=False, deadline=soon())
    sync_again(actor=world.ada, space=space)
    assert drive("space-sync", space.syncs.latest("pk")).state == RunState.SUCCEEDED
    assert quota_of(client, space)["spec"]["hard"] == {"pods": "3"}


def test_the_namespace_of_another_space_is_left_alone(world: World, client: Any) -> None:
    drive("space-sync", save(world, "fat", pods="5"))
    taken = world.spaces["fat"]
    Space.objects.filter(pk=taken.pk).update(namespace="moved-away")
    uat = world.spaces["uat"]
    edit_space(actor=world.ada, space=uat, namespace=taken.namespace, ceilings={"pods": "99"})
    run = drive("space-sync", uat.syncs.get())
    assert (run.state, run.reason) == (RunState.FAILED, "namespace-taken")
    assert quota_of(client, taken)["spec"]["hard"] == {"pods": "5"}


def test_the_namespace_of_another_space_is_known_by_labels_of_earlier_versions_too(world: World, client: Any) -> None:
    run = save(world, "fat", pods="5")
    labels = {"app.kubernetes.io/managed-by": "prism4k", "project": "another", "environment": "fat"}
    metadata = {"name": world.spaces["fat"].namespace, "labels": labels}
    client.apply(None, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}, force=False, deadline=soon())
    done = drive("space-sync", run)
    assert (done.state, done.reason) == (RunState.FAILED, "namespace-taken")


@pytest.mark.parametrize("ceilings", [{}, {"pods": "5"}])
def test_a_namespace_that_nobody_made_and_we_may_not_make_is_no_success(
    world: World, tmp_path: Path, ceilings: dict[str, str]
) -> None:
    account = account_manifest(["elsewhere"], with_cluster_role=False)
    with stand_in(tmp_path, account=account) as target:
        lead_to(world.cluster, target.url, TOKEN)
        assert drive("space-sync", save(world, "fat", **ceilings)).state == RunState.FAILED
        # With rights inside it, and none to make or to see the namespace itself.
        inside = account_manifest([world.spaces["fat"].namespace], with_cluster_role=False)
        disconnect(world.cluster.remote_key)
    (tmp_path / "second").mkdir()
    with stand_in(tmp_path / "second", account=inside.replace('["namespaces"]', '["nothing"]')) as target:
        lead_to(world.cluster, target.url, TOKEN)
        sync_again(actor=world.ada, space=world.spaces["fat"])
        done = drive("space-sync", world.spaces["fat"].syncs.latest("pk"))
        disconnect(world.cluster.remote_key)
    assert (done.state, done.reason) == (RunState.FAILED, "namespace-missing")


def test_wishes_that_come_while_a_pass_is_under_way_are_not_lost(world: World, client: Any) -> None:
    run = save(world, "fat", pods="5")
    space = world.spaces["fat"]
    lease = take("space-sync", run.pk)
    edit_space(actor=world.ada, space=space, ceilings={"pods": "7"})
    assert space.syncs.count() == 1
    lease.rows().update(lease_until="2000-01-01T00:00:00Z", owner="")
    drive("space-sync", run)
    assert quota_of(client, space)["spec"]["hard"] == {"pods": "7"}


def test_a_worker_that_lost_its_lease_writes_nothing(world: World, client: Any) -> None:
    run = save(world, "fat", pods="5")
    lease = take("space-sync", run.pk)
    SpaceSync.objects.filter(pk=run.pk).update(fence=lease.fence + 1)
    with pytest.raises(LeaseLost):
        sync_space(lease)
    assert quota_of(client, world.spaces["fat"]) is None


def test_a_cluster_that_is_away_is_waited_for_and_then_it_goes_on(world: World, client: Any, address: str) -> None:
    run = save(world, "fat", pods="5")
    lead_to(world.cluster, "http://127.0.0.1:9", TOKEN)
    run_step(take("space-sync", run.pk))
    run.refresh_from_db()
    assert run.is_active and run.contact_lost_since is not None
    lead_to(world.cluster, address, TOKEN)
    Remote.objects.all().delete()
    assert drive("space-sync", run).state == RunState.SUCCEEDED


def test_a_wrong_token_is_told_as_such(world: World, client: Any) -> None:
    run = save(world, "fat", pods="5")
    lead_to(world.cluster, world.cluster.url, "wrong-token")
    done = drive("space-sync", run)
    assert (done.state, done.reason) == (RunState.FAILED, "forbidden")
    assert "wrong-token" not in done.message


def test_an_address_that_may_not_be_called_is_told_as_such(world: World, settings: Any) -> None:
    run = save(world, "fat", pods="5")
    settings.OUTBOUND_ALLOW = []
    done = drive("space-sync", run)
    assert (done.state, done.reason) == (RunState.FAILED, "address-refused")


def test_a_new_space_gets_its_sync_and_the_engine_may_give_it_up(world: World) -> None:
    Space.objects.filter(pk=world.spaces["fat"].pk).delete()
    space = create_space(actor=world.ada, project=world.project, environment="fat", cluster="main")
    run = space.syncs.get()
    assert run.remote == world.cluster.remote_key and run.wanted["namespace"] == "sis-omm-fat"
    give_up(take("space-sync", run.pk), "engine")
    run.refresh_from_db()
    assert (run.state, run.reason) == (RunState.ERRORED, "engine")


@pytest.mark.security("stolen-cluster-credentials")
def test_the_target_holds_the_credentials_and_shows_none(world: World) -> None:
    target = cluster_target(world.cluster)
    assert target.token == "secret-token" and "secret-token" not in repr(target)
