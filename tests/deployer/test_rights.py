"""The rights that we ask for are exactly those of the requests that we send: each public method is recorded."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deployer.adapters.kubernetes import KubernetesCluster, connect, disconnect
from deployer.adapters.kubernetes.session import Session
from deployer.adapters.kubernetes.streams import Streams
from deployer.entry import Expectation
from deployer.errors import Rejected
from deployer.interfaces import ClusterTarget, LogWanted, Manifest, ObjectRef
from deployer.manifests.policy import KINDS
from deployer.rights import account_manifest, rights_in
from tests.contract.cluster_stand_in import soon, stand_in, workload
from tests.patience import soon_true, wait_for

pytestmark = pytest.mark.security("stolen-cluster-credentials")

SPACE = "team-fat"
PATH = re.compile(
    r"/apis?/(?:[^/]+/)*?(?:v\d\w*)/(?:namespaces/(?P<space>[^/]+)/)?(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>\w+))?$"
)
REVIEWS = ("selfsubjectaccessreviews", "selfsubjectreviews")
"""Every account may ask about itself."""


def rights_of(method: str, path: str, query: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """The rights that one request needs, as (verb, resource)."""
    if path == "/version":
        return set()
    found = PATH.match(re.sub(r"(/services/[^/]+/proxy)/.*", r"\1", path))
    assert found, path
    plural, name, sub = found["plural"], found["name"], found["sub"]
    if plural in REVIEWS:
        return set()
    resource = f"{plural}/{sub}" if sub else plural
    if method == "GET":
        verb = "get" if name else "watch" if ("watch", "true") in query else "list"
        return {(verb, resource)}
    # Server-side apply of an object that is not there makes it.
    verbs = {"POST": {"create"}, "PATCH": {"patch", "create"}, "DELETE": {"delete"}}[method]
    return {(verb, resource) for verb in verbs}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterTarget]:
    with stand_in(tmp_path_factory.mktemp("cluster")) as target:
        yield target
        disconnect(target.key)


@pytest.fixture(scope="module")
def least(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterTarget]:
    """The cluster whose account has what the manifest to copy gives, and no more."""
    account = account_manifest([SPACE], with_cluster_role=True)
    with stand_in(tmp_path_factory.mktemp("least"), account=account) as target:
        yield target
        disconnect(target.key)


def manifests() -> list[Manifest]:
    """One object of each kind that is applied and pruned."""
    specs: dict[str, dict[str, Any]] = {
        "ConfigMap": {"data": {"a": "b"}},
        "Service": {"spec": {"ports": [{"port": 80}], "selector": {"app": "web"}}},
        "HorizontalPodAutoscaler": {
            "spec": {
                "maxReplicas": 3,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            }
        },
        "PodDisruptionBudget": {"spec": {"maxUnavailable": 1}},
        "PersistentVolumeClaim": {
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        },
        "Ingress": {"spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}},
    }
    found = [
        {"apiVersion": version, "kind": kind, "metadata": {"name": "web"}, **specs[kind]}
        for kind, version in KINDS.items()
        if kind != "Deployment"
    ]
    return [workload(replicas=1), *found]


def quota() -> Manifest:
    """The ceilings of a space."""
    return {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "prism4k"}, "spec": {"hard": {"pods": "9"}},
    }  # fmt: skip


def namespace() -> Manifest:
    """The namespace of a space."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}


def use_all(client: KubernetesCluster) -> dict[str, Callable[[], Any]]:
    """What the product does with each public method, by name, in an order that works."""

    def ref(manifest: Manifest) -> ObjectRef:
        return ObjectRef(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"])

    def read() -> None:
        client.read("", ref(namespace()))
        for one in (*manifests(), quota()):
            client.read(SPACE, ref(one))

    def apply() -> None:
        client.apply(None, namespace(), force=False, deadline=soon())
        for one in (*manifests(), quota()):
            client.apply(SPACE, one, force=False, deadline=soon())

    def remove() -> None:
        # What holds data is never removed.
        for one in (*(one for one in manifests() if one["kind"] != "PersistentVolumeClaim"), quota()):
            live = client.read(SPACE, ref(one))
            assert live is not None
            assert client.remove(SPACE, ref(one), uid=live["metadata"]["uid"], deadline=soon())

    def log(read: Callable[[str], Any]) -> None:
        pods = wait_for(lambda: client.observe(SPACE, "app=web").pods)
        # Its image is nowhere: being told so is an answer that needed the right.
        with contextlib.suppress(Rejected):
            read(pods[0]["metadata"]["name"])

    def adopt() -> None:
        live = client.read(SPACE, ref(workload()))
        assert live is not None
        client.adopt(SPACE, live, live["metadata"]["managedFields"], deadline=soon())

    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "web-"}}
    pod["spec"] = workload()["spec"]["template"]["spec"]
    return {
        "describe": client.describe,
        "may_ask_services": lambda: client.may_ask_services(SPACE),
        "ask_service": lambda: client.ask_service(SPACE, "web", "80", "/", Expectation()),
        "permissions": lambda: client.permissions(SPACE),
        "apply": apply,
        "read": read,
        "is_there": lambda: [client.is_there(SPACE, ref(one)) for one in manifests()],
        "read_all": lambda: client.read_all(SPACE, [ref(one) for one in manifests()]),
        "adopt": adopt,
        "dry_run": lambda: [client.dry_run(SPACE, one) for one in manifests()],
        "dry_run_pod": lambda: client.dry_run_pod(SPACE, pod),
        "observe": lambda: client.observe(SPACE, "app=web"),
        "inventory": lambda: client.inventory(SPACE, "app=web"),
        "nodes": lambda: client.nodes(most_nodes=100, most_pods=1000),
        "limit_ranges": lambda: client.limit_ranges(SPACE),
        "quota": lambda: client.quota(SPACE),
        "autoscaler": lambda: client.autoscaler(SPACE, "web"),
        "autoscalers": lambda: client.autoscalers(SPACE, "a=b"),
        "events": lambda: client.events(SPACE, "some-uid"),
        "pod_log": lambda: log(lambda pod: client.pod_log(SPACE, pod)),
        "timed_log": lambda: log(lambda pod: client.timed_log(SPACE, pod, LogWanted())),
        "remove": remove,
    }


def rights_of_watching(target: ClusterTarget) -> set[tuple[str, str]]:
    """Those of the streams, which have connections of their own."""
    used: set[tuple[str, str]] = set()

    async def recording(request: httpx.Request) -> None:
        used.update(rights_of("GET", request.url.path, list(request.url.params.items())))

    async def watch() -> None:
        async with Streams(target) as streams:
            streams._client.event_hooks = {"request": [recording], "response": []}
            task = asyncio.create_task(streams.follow(SPACE, "app=web", lambda _name: None))
            await soon_true(lambda: sum(verb == "watch" for verb, _resource in used) >= 3, "three watches", 20)
            task.cancel()

    asyncio.run(watch())
    return used


NEED_NO_RIGHT = {"heard_by", "close", "ping"}


def test_what_is_asked_for_is_exactly_what_is_used(full: ClusterTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    used: set[tuple[str, str]] = set()
    lock, send = threading.Lock(), Session._send

    def recording(self: Session, method: str, path: str, query: Any, *rest: Any, **named: Any) -> Any:
        with lock:
            used.update(rights_of(method, path, list(query)))
        return send(self, method, path, query, *rest, **named)

    monkeypatch.setattr(Session, "_send", recording)
    used |= rights_of_watching(full)
    calls = use_all(connect(full))
    public = {name for name, _ in inspect.getmembers(KubernetesCluster, inspect.isfunction) if not name.startswith("_")}
    assert set(calls) == public - NEED_NO_RIGHT, "every method of the adapter is used here, so that its rights count"
    for call in calls.values():
        call()
    asked = {(verb, right.resource) for right in rights_in(asks_services=True) for verb in right.verbs}
    assert used - asked == set(), "used and not asked for"
    assert asked - used == set(), "asked for and never used"


def test_the_manifest_to_copy_is_enough(least: ClusterTarget) -> None:
    client = connect(least)
    for call in use_all(client).values():
        call()
    assert all(one.is_allowed for one in client.permissions(SPACE))
    assert client.describe().user == "system:serviceaccount:prism4k:prism4k"


def test_it_gives_nothing_in_other_namespaces(least: ClusterTarget) -> None:
    elsewhere = connect(least).permissions("kube-system")
    granted = {(one.verb, one.resource, one.is_of_cluster) for one in elsewhere if one.is_allowed}
    assert granted == {
        ("create", "namespaces", True), ("list", "nodes", True), ("list", "pods", True), ("list", "pods", False),
    }  # fmt: skip


def test_services_are_asked_only_where_an_entry_check_does(least: ClusterTarget, tmp_path: Path) -> None:
    without = connect(least)
    refused = without.ask_service(SPACE, "web", "80", "/", Expectation())
    assert (refused.code, refused.is_asked) == ("entry_unasked", False)
    assert "lacks the right to get services/proxy" in str(refused.words) and not without.may_ask_services(SPACE)
    account = account_manifest([SPACE, "team-uat"], with_cluster_role=False, asking={SPACE})
    with stand_in(tmp_path, account=account) as target:
        client = connect(target)
        assert client.may_ask_services(SPACE) and not client.may_ask_services("team-uat")
        assert client.ask_service(SPACE, "web", "80", "/", Expectation()).code == "entry_no_service"
        asked = {one.resource: one.is_allowed for one in client.permissions(SPACE, asks_services=True)}
        assert asked["services/proxy"]
        disconnect(target.key)
