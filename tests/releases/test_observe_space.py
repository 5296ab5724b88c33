"""One pass over a space: three lists for all its placements, and drift only when something moved."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from deployer.interfaces import Applied, Manifest, ObjectRef, Observation, QuotaLine
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from foundation.runs.lease import Again, Outcome, Parked
from releases.models import Deployment, Placement, Snapshot, SpaceObservation
from releases.steps import observe_space
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success

COMPONENTS = 5


class CountingCluster:
    """Answers with what was applied, and counts what it is asked."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.labels: dict[str, dict[str, str]] = {}
        self.is_away = False

    def live(self, name: str, mark: str) -> Manifest:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": name,
                "uid": f"uid-{name}",
                "generation": 1,
                "labels": self.labels.get(name, {}),
                "annotations": {"prism4k.io/deployment": mark},
            },
            "spec": {"replicas": 1},
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
        }

    def observe(self, namespace: str, selector: str) -> Observation:
        self.calls["list"] += 3
        rows = Deployment.objects.filter(space__namespace=namespace).select_related("component")
        return Observation(tuple(self.live(row.component.slug, str(row.mark)) for row in rows), (), (), "1")

    def read(self, namespace: str, ref: ObjectRef) -> Manifest | None:
        self.calls["read"] += 1
        return self.live(ref.name, "")

    def dry_run(self, namespace: str, manifest: Manifest, *, force: bool = False) -> Applied:
        self.calls["dry_run"] += 1
        return Applied(self.live(manifest["metadata"]["name"], ""), (), False)

    def quota(self, namespace: str) -> tuple[QuotaLine, ...]:
        self.calls["quota"] += 1
        return ()


@pytest.fixture
def cluster(world: World, monkeypatch: pytest.MonkeyPatch) -> CountingCluster:
    """Five settled components in one space, and the cluster that serves them."""
    for number in range(COMPONENTS):
        component = make_component(world, f"gateway-{number}")
        make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    for snapshot in Snapshot.objects.select_related("component"):
        manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": snapshot.component.slug}}
        Snapshot.objects.filter(pk=snapshot.pk).update(manifests=[manifest | {"spec": {"replicas": 1}}])
    found = CountingCluster()

    def connect(target: Any, *, on_answer: Any) -> CountingCluster:
        on_answer()
        return found

    monkeypatch.setattr("releases.steps.observe_space.kubernetes.connect", connect)
    return found


def observe_once() -> Outcome | None:
    row = SpaceObservation.objects.get()
    SpaceObservation.objects.update(next_at=F("created_at"))
    (lease,) = claim(kinds.get("observe_space"), owner=owner(), limit=1, pk=row.pk)
    return run_step(lease)


def test_all_placements_of_a_space_are_seen_by_three_lists(cluster: CountingCluster) -> None:
    assert observe_once() == Again(observe_space.OBSERVE_SECONDS)
    assert cluster.calls["list"] == 3
    assert not Placement.objects.filter(seen_at=None).exists()
    assert set(Placement.objects.values_list("ready", "wanted")) == {(1, 1)}


def test_drift_is_checked_once_until_something_moves(cluster: CountingCluster) -> None:
    observe_once()
    assert cluster.calls["dry_run"] == COMPONENTS
    observe_once()
    assert cluster.calls["dry_run"] == COMPONENTS, "nothing moved"
    cluster.labels["gateway-3"] = {"team": "night-shift"}
    observe_once()
    assert cluster.calls["dry_run"] == COMPONENTS + 1
    Placement.objects.update(drift_checked_at=F("drift_checked_at") - timedelta(minutes=10))
    observe_once()
    assert cluster.calls["dry_run"] == 2 * COMPONENTS + 1, "what no list shows is compared again after ten minutes"


def test_a_pass_that_runs_short_of_time_still_sees_every_placement(
    cluster: CountingCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observe_space, "DRIFT_RESERVE_SECONDS", 3600.0)
    observe_once()
    assert not cluster.calls["dry_run"] and not Placement.objects.filter(seen_at=None).exists()


def test_what_a_deployment_changed_meanwhile_is_not_written_over(
    cluster: CountingCluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    observe_once()
    real = observe_space._judge
    newer = make_built(Placement.objects.latest("pk").component, world.dana)

    def judge_late(*given: Any) -> Any:
        # Between the lists and the write a deployment comes through.
        verdict = real(*given)
        if not Deployment.objects.filter(order=newer).exists():
            make_success(newer, world.spaces["fat"], world.olli)
            Placement.objects.filter(component=newer.component).update(ready=7, wanted=7, drift=[])
        return verdict

    monkeypatch.setattr(observe_space, "_judge", judge_late)
    Placement.objects.update(ready=0)
    observe_once()
    assert Placement.objects.get(component=newer.component).ready == 7


def test_a_space_whose_placements_are_all_being_deployed_is_parked(cluster: CountingCluster) -> None:
    Deployment.objects.update(state="running")
    Placement.objects.update(in_progress=F("last_succeeded"))
    assert observe_once() == Parked()
    assert not cluster.calls
