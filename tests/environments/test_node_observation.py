"""The nodes of a cluster are read once for all its spaces, and what is not known is said with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from deployer.adapters.kubernetes import disconnect
from deployer.interfaces import NodeFacts
from deployer.nodes import nodes_as_data
from deployer.rights import account_manifest
from environments import node_observation
from environments.models import NodeObservation, Space
from environments.node_observation import ask_for_nodes, nodes_of
from environments.services.clusters import archive_cluster
from environments.steps import nodes as step
from foundation.clock import PARKED
from foundation.runs.engine import run_step
from tests.cast import World
from tests.contract.cluster_stand_in import TOKEN, stand_in
from tests.environments.cluster import lead_to, take


@pytest.fixture
def reachable(world: World, address: str) -> Iterator[World]:
    lead_to(world.cluster, address, TOKEN)
    yield world
    disconnect(world.cluster.remote_key)


def read(world: World) -> NodeObservation:
    row = world.cluster.node_observation
    run_step(take("cluster-nodes", row.pk))
    return NodeObservation.objects.get(pk=row.pk)


def test_every_cluster_has_its_nodes_read(reachable: World) -> None:
    assert nodes_of(reachable.cluster.pk).nodes is None
    row = read(reachable)
    observed = nodes_of(reachable.cluster.pk)
    assert observed.nodes and [one.name for one in observed.nodes] == ["stand-in-1"] and observed.at == row.seen_at
    assert observed.nodes[0].free["cpu"] == 64_000
    wait = (row.next_at - timezone.now()).total_seconds()
    assert 50 < wait <= step.EVERY_SECONDS


def test_an_account_without_the_right_makes_it_unknown_and_nothing_fails(world: World, tmp_path: Path) -> None:
    account = account_manifest(["sis-omm-fat"], with_cluster_role=False)
    with stand_in(tmp_path, account=account) as target:
        lead_to(world.cluster, target.url, TOKEN)
        row = read(world)
        disconnect(world.cluster.remote_key)
    assert row.is_active and row.seen_at is None
    assert "may not list the nodes" in str(nodes_of(world.cluster.pk).message)
    assert (row.next_at - timezone.now()).total_seconds() > 500, "it is not asked again each minute"
    wakes = row.wakes
    ask_for_nodes(world.cluster.pk)
    assert NodeObservation.objects.get(pk=row.pk).wakes == wakes, "no review makes it be asked sooner"


def test_a_cluster_beyond_the_bounds_is_unknown(reachable: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "MOST_NODES", 0)
    assert read(reachable).seen_at is None
    assert "more than 0" in str(nodes_of(reachable.cluster.pk).message)


def test_a_right_that_is_taken_away_makes_what_was_known_unknown(reachable: World, monkeypatch: Any) -> None:
    assert read(reachable).nodes
    monkeypatch.setattr(step, "MOST_PODS", -1)
    NodeObservation.objects.update(next_at=timezone.now())
    assert read(reachable).nodes == []


def test_a_cluster_in_the_archive_and_one_without_spaces_are_left_alone(world: World) -> None:
    Space.objects.all().delete()
    row = read(world)
    assert row.seen_at is None and not row.message and row.contact_lost_since is None
    archive_cluster(actor=world.ada, cluster=world.cluster)
    assert read(world).next_at == PARKED


def test_one_read_serves_all_reviews_of_some_seconds(world: World) -> None:
    row = world.cluster.node_observation
    known = nodes_as_data([NodeFacts("n1", {}, (), {"cpu": 1000})])
    NodeObservation.objects.update(nodes=known, seen_at=timezone.now())
    for _review in range(3):
        ask_for_nodes(world.cluster.pk)
    assert NodeObservation.objects.get(pk=row.pk).wakes == row.wakes
    old = timezone.now() - timedelta(seconds=node_observation.FRESH_SECONDS + 1)
    NodeObservation.objects.update(seen_at=old)
    ask_for_nodes(world.cluster.pk)
    assert NodeObservation.objects.get(pk=row.pk).wakes > row.wakes


def test_what_was_read_long_ago_says_nothing(world: World) -> None:
    long_ago = timezone.now() - timedelta(seconds=node_observation.USEFUL_SECONDS + 1)
    NodeObservation.objects.update(nodes=[], seen_at=long_ago)
    observed = nodes_of(world.cluster.pk)
    assert observed.nodes is None and observed.at == long_ago and "long time" in str(observed.message)
