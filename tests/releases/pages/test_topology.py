"""The picture of a place: what stands where, what leads to what, and what is said where the cluster is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from components.models import Component
from deployer.errors import Unavailable
from deployer.interfaces import Manifest, ObjectRef
from foundation.messages import message as _
from releases import live_reads
from releases.models import Deployment, Placement, Snapshot
from releases.presenters.topology import ROW, Topology, topology_of
from releases.selectors import placement_by_names
from tests.cast import World
from tests.releases.pages.test_order import HTMX, words
from tests.releases.pages.test_rollout import PLACE, pod
from tests.releases.rows import make_built, make_success

SignIn = Callable[[str], Client]
LABELS = {"app": "gw", "tier": "web"}
WORKLOAD = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "gw"},
    "spec": {"template": {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "app"}]}}},
}  # fmt: skip
SERVICE = {
    "apiVersion": "v1", "kind": "Service", "metadata": {"name": "gw"},
    "spec": {"selector": {"app": "gw"}, "ports": [{"port": 80}]},
}  # fmt: skip
INGRESS = {
    "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "gw-entry"},
    "spec": {"rules": [{"host": "gw.example.com"}]},
}  # fmt: skip
SETS = [
    {"name": "gw-7c55", "is_new": True, "wanted": 2, "pods": 1, "ready": 0, "order": "K8S20261120100000AB"},
    {"name": "gw-6d9f", "is_new": False, "wanted": 2, "pods": 2, "ready": 2, "order": "K8S20261119100000CD"},
]


@pytest.fixture
def place(world: World, component: Component) -> Placement:
    """A rollout in FAT: two old pods that serve, a new one that fails, one that is still to come."""
    row = make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    Snapshot.objects.filter(pk=row.snapshot_id).update(manifests=[INGRESS, SERVICE, WORKLOAD])
    pods = [
        pod("gw-7c55-aaaaa", replica_set="gw-7c55", state="failing", restarts=3, node="node-2"),
        pod("gw-6d9f-bbbbb", replica_set="gw-6d9f", is_new=False, is_ready=True, state="ready", ip="10.0.0.8"),
        pod("gw-6d9f-ccccc", replica_set="gw-6d9f", is_new=False, is_ready=True, state="ready", node="node-2"),
    ]
    Placement.objects.update(pods=pods, replica_sets=SETS, ready=0, wanted=2)
    return placement_by_names(world.olli, "sis-omm", component.slug, "fat")


def live(**more: Manifest | None) -> dict[str, Manifest | None]:
    return {"Service/gw": SERVICE, "Ingress/gw-entry": INGRESS} | more


def names(drawn: Topology, column: int) -> list[tuple[int, str]]:
    return [(box.row, box.name) for box in drawn.columns[column].boxes if box]


def told(drawn: Topology, column: int) -> list[tuple[str, str]]:
    return [(box.shown.state, str(box.more)) for box in drawn.columns[column].boxes if box and box.shown]


def test_each_column_has_what_is_there_with_its_state_and_its_counts(place: Placement) -> None:
    drawn = topology_of(place, live())
    assert [str(column.title) for column in drawn.columns] == [
        "Ingress", "Service", "Deployment", "ReplicaSets", "Pods", "Nodes",
    ]  # fmt: skip
    assert told(drawn, 0) == [("serving", "gw.example.com")]
    assert told(drawn, 1) == [("serving", "2 ready behind port 80")]
    assert names(drawn, 3) == [(0, "…7c55"), (2, "…6d9f")]
    assert told(drawn, 3) == [("failing", "new version, 0 of 2 ready"), ("serving", "old version, 2 of 2 ready")]
    assert names(drawn, 4) == [(0, "aaaaa"), (1, ""), (2, "bbbbb"), (3, "ccccc")]
    assert told(drawn, 4) == [
        ("failing", "restarts: 3"), ("waiting", ""), ("ready", "10.0.0.8"), ("ready", ""),
    ]  # fmt: skip
    nodes = [(box.name, str(box.more)) for box in drawn.columns[5].boxes if box]
    assert nodes == [("node-1", "1 of 1 pods ready"), ("node-2", "1 of 2 pods ready")]
    assert drawn.rows == 3, "as many as are wanted, and one"
    assert len(drawn.lines) == 1 + 1 + 2 + 3 + 3 and drawn.height == 4 * ROW
    assert sum(line.is_broken for line in drawn.lines) == 3, "to the failing set, its pod, and from it to the node"


def test_pods_that_come_move_nothing_that_stands(place: Placement) -> None:
    place.replica_sets = [{**SETS[0], "wanted": 1}, SETS[1]]
    before = topology_of(place, live())
    place.replica_sets = SETS
    place.pods = [*place.pods, pod("gw-7c55-zzzzz", replica_set="gw-7c55")]
    after = topology_of(place, live())
    where = {box.key: box.row for column in before.columns[:5] for box in column.boxes if box}
    now = {box.key: box.row for column in after.columns[:5] for box in column.boxes if box}
    assert {key: row for key, row in where.items() if "unborn" not in key}.items() <= now.items()
    assert after.height == before.height


def test_an_entry_that_is_gone_or_leads_nowhere_is_said(place: Placement) -> None:
    gone = topology_of(place, live(**{"Service/gw": None}))
    assert told(gone, 1) == [("failing", "0 ready behind port 80")]
    elsewhere = {**SERVICE, "spec": {"selector": {"app": "another"}, "ports": [{"port": 80}]}}
    assert told(topology_of(place, live(**{"Service/gw": elsewhere})), 1)[0][0] == "short"
    assert topology_of(place, None).columns[1].boxes[0].shown.state == "serving"  # type: ignore[union-attr]
    Snapshot.objects.update(manifests=[WORKLOAD])
    bare = topology_of(Placement.objects.get(pk=place.pk), {})
    assert [str(column.boxes[0].kind) for column in bare.columns[:2]] == ["no Ingress", "no Service"]  # type: ignore[union-attr]


def test_more_pods_than_fit_are_a_number_and_nothing_deployed_is_no_picture(place: Placement, world: World) -> None:
    place.pods = [pod(f"gw-7c55-{n:05}", replica_set="gw-7c55") for n in range(40)]
    drawn = topology_of(place, live())
    assert len([box for box in drawn.columns[4].boxes if box and box.name]) == 24
    assert "16 more pods" in [str(box.more) for box in drawn.columns[4].boxes if box]
    place.last_applied = None
    assert topology_of(place, live()).columns == []


def test_the_page_draws_what_it_knows_and_asks_for_the_entry_afterwards(
    place: Placement, world: World, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[ObjectRef]] = []

    class Cluster:
        def read_all(self, _namespace: str, refs: Any, *, seconds: float) -> dict[ObjectRef, Manifest | None]:
            assert seconds <= 5
            asked.append(list(refs))
            return dict.fromkeys(refs)

    monkeypatch.setattr("releases.live_reads.kubernetes.connect", lambda _target: Cluster())
    monkeypatch.setattr(live_reads, "_OBJECTS", live_reads._Kept(10))
    client, path = signed_in("olli"), f"{PLACE}/fat/"
    whole = client.get(path)
    content = whole.content.decode()
    assert asked == [] and 'hx-trigger="load, prism:changed from:body"' in content
    assert "2 ready behind port 80" in words(whole) and 'href="?pod' not in content
    assert f'href="{path}?pod=gw-7c55-aaaaa#pod"' in content
    part = client.get(f"{path}?part=topology", headers=HTMX)
    assert [(ref.kind, ref.name) for ref in asked[0]] == [("Ingress", "gw-entry"), ("Service", "gw")]
    assert words(part).count("gone") == 2 and 'hx-trigger="prism:changed from:body"' in part.content.decode()
    client.get(f"{path}?part=topology", headers=HTMX)
    assert len(asked) == 1, "the answer is good for everybody for a while"


def test_a_cluster_that_is_away_is_said_in_the_picture(
    place: Placement, world: World, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def read_all(self, _namespace: str, _refs: Any, *, seconds: float) -> None:
            raise Unavailable(_("The cluster cannot be reached."))

    monkeypatch.setattr("releases.live_reads.kubernetes.connect", lambda _target: Away())
    monkeypatch.setattr(live_reads, "_OBJECTS", live_reads._Kept(10))
    part = signed_in("olli").get(f"{PLACE}/fat/?part=topology", headers=HTMX)
    said = words(part)
    assert "The cluster cannot be reached." in said and "as they were applied" in said and "2 ready behind" in said


def test_the_opened_pod_tells_every_fact_of_it(world: World, component: Component, signed_in: SignIn) -> None:
    row = make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    facts = {
        "ip": "10.0.0.7", "ports": "http 8080/TCP", "digest": "sha256:" + "4f" * 32, "end_reason": "OOMKilled",
        "end_code": 137, "end_at": "2026-11-20T10:00:00Z", "restarts": 2,
    }  # fmt: skip
    Placement.objects.filter(last_succeeded=row).update(pods=[pod("gw-6d9f-bbbbb", **facts)])
    said = words(signed_in("olli").get(f"{PLACE}/fat/?pod=gw-6d9f-bbbbb"))
    tile, card = said.split("Follow its log")
    for text in ("node-1", "10.0.0.7", "http 8080", "sha256:4f4f4f4", "OOMKilled, code 137", "2 restarts"):
        assert text in tile, text
    for text in ("node-1", "10.0.0.7", "http 8080/TCP", "sha256:4f4f4f4f4f4f", "OOMKilled, code 137"):
        assert text in card, text
    assert Deployment.objects.count() == 1
