"""The sync keeps a granted registry's credentials in the namespace: made, rotated, removed, and told to nobody."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client

from audit.models import AuditEvent
from components.manifest_policy import manifest_policy
from components.models import Allocation, ImageRegistry
from components.services.servers import archive_server, edit_server
from deployer.adapters.kubernetes import connect, disconnect
from deployer.interfaces import ClusterTarget, ObjectRef
from deployer.rights import account_manifest
from environments.models import PullSecret, Space, SpaceSync
from environments.selectors.places import account_manifest_of, pull_secrets_in
from environments.services.clusters import start_test
from environments.services.grants import edit_grants
from environments.services.spaces import edit_space, sync_again
from environments.steps import pull_secrets as step
from foundation.problems import Invalid
from foundation.runs.engine import RunState
from tests.cast import World
from tests.contract.cluster_stand_in import TOKEN, soon, stand_in
from tests.environments.cluster import drive, lead_to
from tests.releases.rows import make_component

SECRET = "prism4k-pull-main"
FIRST, SECOND = "first-p4ssword", "second-p4ssword"


@pytest.fixture
def registry(world: World) -> ImageRegistry:
    return ImageRegistry.objects.create(
        slug="main", name="Main", address="registry.example.com", url="http://127.0.0.1:5000", username="robot",
        password=FIRST,
    )  # fmt: skip


@pytest.fixture
def client(world: World, address: str) -> Iterator[Any]:
    lead_to(world.cluster, address, TOKEN)
    yield connect(ClusterTarget(key="test:reader", url=address, token=TOKEN))
    disconnect("test:reader")
    disconnect(world.cluster.remote_key)


def synced(space: Space) -> SpaceSync:
    run: SpaceSync = drive("space-sync", space.syncs.latest("pk"))
    return run


def granted(world: World, namespace: str, *names: str) -> Space:
    """FAT in a namespace of its own, with these registries."""
    edit_space(actor=world.ada, space=world.spaces["fat"], namespace=namespace)
    return edit_grants(actor=world.ada, space=world.spaces["fat"], registries=list(names))


def live(client: Any, space: Space) -> dict[str, Any] | None:
    found: dict[str, Any] | None = client.read(space.namespace, ObjectRef("v1", "Secret", SECRET))
    return found


def password(found: dict[str, Any]) -> str:
    config = json.loads(base64.b64decode(found["data"][".dockerconfigjson"]))
    return str(config["auths"]["registry.example.com"]["password"])


def test_it_is_made_rotated_and_removed(world: World, registry: ImageRegistry, client: Any) -> None:
    space = granted(world, "pull-life", "main")
    assert synced(space).state == RunState.SUCCEEDED
    made = live(client, space)
    assert made and made["type"] == step.TYPE and password(made) == FIRST
    assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "prism4k"
    before = space.syncs.count()
    edit_server(actor=world.ada, server=registry, values={"password": SECOND})
    assert space.syncs.count() == before + 1, "new credentials make the space due"
    assert synced(space).state == RunState.SUCCEEDED
    rotated = live(client, space)
    assert rotated and password(rotated) == SECOND
    assert PullSecret.objects.get().version == ImageRegistry.objects.get().credentials_version.hex
    edit_grants(actor=world.ada, space=space, registries=[])
    assert synced(space).state == RunState.SUCCEEDED
    assert live(client, space) is None and not PullSecret.objects.exists()


def test_a_registry_in_the_archive_takes_its_secrets_with_it(
    world: World, registry: ImageRegistry, client: Any
) -> None:
    space = granted(world, "pull-archive", "main")
    synced(space)
    archive_server(actor=world.ada, server=registry)
    assert synced(space).state == RunState.SUCCEEDED and live(client, space) is None


def test_one_that_somebody_else_made_is_left_alone_and_told(
    world: World, registry: ImageRegistry, client: Any, address: str
) -> None:
    space = granted(world, "pull-foreign")
    synced(space)
    theirs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "data": {"a": "MQ=="}}
    path = f"{address}/api/v1/namespaces/{space.namespace}/secrets?fieldManager=kubectl-create"
    assert httpx.post(path, json=theirs, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 201
    space = edit_grants(actor=world.ada, space=space, registries=["main"])
    run = synced(space)
    assert (run.state, run.reason, run.message) == (RunState.FAILED, "pull-secret-taken", SECRET)
    edit_grants(actor=world.ada, space=space, registries=[])
    assert synced(space).state == RunState.SUCCEEDED
    kept = live(client, space)
    assert kept and kept["data"] == {"a": "MQ=="}


def test_one_that_was_deleted_outside_is_made_anew(world: World, registry: ImageRegistry, client: Any) -> None:
    space = granted(world, "pull-gone", "main")
    synced(space)
    made = live(client, space)
    assert made
    client.remove(space.namespace, ObjectRef("v1", "Secret", SECRET), uid=made["metadata"]["uid"], deadline=soon())
    sync_again(actor=world.ada, space=space)
    assert synced(space).state == RunState.SUCCEEDED and live(client, space)


@pytest.mark.security("secrets-that-leak")
def test_the_password_is_nowhere_but_in_the_cluster(
    world: World, registry: ImageRegistry, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    space = granted(world, "pull-quiet", "main")
    run = synced(space)
    encoded = base64.b64encode(f"robot:{FIRST}".encode()).decode()
    browser = Client()
    browser.force_login(world.ada, backend="accounts.backends.PasswordBackend")
    told = [
        json.dumps([run.wanted, run.seen], default=str),
        str(run.message),
        str(list(AuditEvent.objects.values_list("before", "after"))),
        browser.get("/spaces/sis-omm/fat/").content.decode(),
        browser.get("/api/v1/projects/sis-omm/spaces/fat/").content.decode(),
        str(list(PullSecret.objects.values())),
        caplog.text,
    ]
    assert not [text for text in told if FIRST in text or encoded in text]


@pytest.mark.parametrize("fields", [{"username": ""}, {"password": ""}, {"is_archived": True}])
def test_a_registry_without_credentials_is_not_granted(
    world: World, registry: ImageRegistry, fields: dict[str, Any]
) -> None:
    for name, value in fields.items():
        setattr(registry, name, value)
    registry.save()
    with pytest.raises(Invalid) as refusal:
        edit_grants(actor=world.ada, space=world.spaces["fat"], registries=["main"])
    assert "main" in str(refusal.value.fields["registries"][0])


def test_workloads_may_name_it(world: World, registry: ImageRegistry) -> None:
    space = edit_grants(actor=world.ada, space=world.spaces["fat"], registries=["main"], pull_secrets=["mirror"])
    policy = manifest_policy(
        component=make_component(world), settings=None, space=space, registry=None, allocation=Allocation(number=1),
        config=None, image="x", rule=None,
    )  # fmt: skip
    assert policy.pull_secrets == {SECRET, "mirror"}


def test_rights_are_for_exactly_these_secrets(world: World, registry: ImageRegistry, tmp_path: Path) -> None:
    fat = world.spaces["fat"]
    assert "secrets" not in account_manifest_of(world.ada, world.cluster)
    edit_grants(actor=world.ada, space=fat, registries=["main"])
    assert pull_secrets_in(world.cluster.pk, fat.namespace) == [SECRET]
    manifest = account_manifest_of(world.ada, world.cluster)
    assert manifest.count(f"resourceNames: [{SECRET}]") == 1
    with stand_in(tmp_path, account=manifest) as target:
        lead_to(world.cluster, target.url, TOKEN)
        assert synced(fat).state == RunState.SUCCEEDED
        done = drive("cluster-test", start_test(actor=world.ada, cluster=world.cluster))
        assert done.state == RunState.SUCCEEDED, done.message
        edit_grants(actor=world.ada, space=fat, registries=[])
        assert synced(fat).state == RunState.SUCCEEDED, "the right to remove it is there as long as it is"
        disconnect(world.cluster.remote_key)
    (tmp_path / "second").mkdir()
    without = account_manifest([fat.namespace], with_cluster_role=True)
    edit_grants(actor=world.ada, space=fat, registries=["main"])
    with stand_in(tmp_path / "second", account=without) as target:
        lead_to(world.cluster, target.url, TOKEN)
        run = synced(fat)
        disconnect(world.cluster.remote_key)
    assert (run.state, run.reason) == (RunState.FAILED, "forbidden")
