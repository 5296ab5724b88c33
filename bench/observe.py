"""``observe``: calls of a cluster's API a minute for 1,000 placements in 100 spaces, all settled.

The peer in the same run is a pass for each placement, which lists its pods, reads and dry-runs each manifest once a
minute: what a controller without a shared list does. Counts only: the cluster is a counter, no time is measured.
"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta
from typing import Any
from unittest import mock

from bench.frame import finish, set_up

set_up()

from django.db.models import F  # noqa: E402
from django.utils import timezone  # noqa: E402

from deployer.interfaces import Applied, Manifest, ObjectRef, Observation, QuotaLine  # noqa: E402
from environments.models import Environment, Space  # noqa: E402
from foundation.runs import kinds  # noqa: E402
from foundation.runs.claim import claim  # noqa: E402
from foundation.runs.engine import run_step  # noqa: E402
from foundation.runs.identity import owner  # noqa: E402
from releases.models import Deployment, Placement, Snapshot, SpaceObservation  # noqa: E402
from tests.cast import World, make_world  # noqa: E402
from tests.releases.rows import make_built, make_component, make_success  # noqa: E402

SPACES, EACH, MINUTES = 100, 10, 10
KINDS = ("Deployment", "Service", "ConfigMap")
MOST_SHARE = 0.25


class CountingCluster:
    """Shows what the rows say was applied, and counts the requests that a real client would send."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def observe(self, namespace: str, selector: str) -> Observation:
        """Three lists."""
        self.calls["list"] += 3
        rows = Deployment.objects.filter(space__namespace=namespace).select_related("component")
        return Observation(tuple(live(row) for row in rows), (), (), "1")

    def read(self, namespace: str, ref: ObjectRef) -> Manifest:
        """One object."""
        self.calls["read"] += 1
        return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": {"name": ref.name}}

    def dry_run(self, namespace: str, manifest: Manifest, *, force: bool = False) -> Applied:
        """One object, unchanged."""
        self.calls["dry_run"] += 1
        names = {"name": manifest["metadata"]["name"]}
        return Applied({"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": names}, (), False)

    def quota(self, namespace: str) -> tuple[QuotaLine, ...]:
        """One list."""
        self.calls["quota"] += 1
        return ()


def live(row: Deployment) -> Manifest:
    """A workload with all its pods ready."""
    return {
        "metadata": {
            "name": row.component.slug,
            "uid": f"uid-{row.component_id}",
            "generation": 1,
            "annotations": {"prism4k.io/deployment": str(row.mark)},
        },
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }


def make_rows(world: World) -> None:
    """Copies of one deployed component in 100 spaces."""
    first = world.spaces["fat"]
    done = [deployed(world, f"bench-{number}") for number in range(EACH)]
    for number in range(1, SPACES):
        environment = Environment.objects.create(slug=f"e{number}", name_en=f"E{number}", position=100 + number)
        space = Space.objects.create(
            project=first.project, environment=environment, cluster=first.cluster, namespace=f"bench-{number}"
        )
        for row in done:
            copy_to(space, row)
    Placement.objects.update(settled_at=timezone.now())


def deployed(world: World, name: str) -> Deployment:
    """A component that serves in the first space."""
    done = make_success(make_built(make_component(world, name), world.dana), world.spaces["fat"], world.olli)
    manifests = [{"apiVersion": "v1", "kind": kind, "metadata": {"name": done.component.slug}} for kind in KINDS]
    Snapshot.objects.filter(pk=done.snapshot_id).update(manifests=manifests)
    return done


def copy_to(space: Space, done: Deployment) -> None:
    """The same success in another space."""
    row = Deployment.objects.get(pk=done.pk)
    row.pk, row.space = None, space
    row.save(force_insert=True)
    Placement.objects.create(component=row.component, space=space, last_applied=row, last_succeeded=row)
    SpaceObservation.objects.get_or_create(space=space, defaults={"state": "running"})


def pass_a_minute(kind: kinds.Kind) -> None:
    """Every space is due once."""
    Placement.objects.update(drift_checked_at=F("drift_checked_at") - timedelta(minutes=1))
    SpaceObservation.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    while leases := claim(kind, owner=owner(), limit=4):
        for lease in leases:
            run_step(lease)


def main() -> None:
    """Ten minutes of passes; the first, which compares everything, counts."""
    make_rows(make_world())
    kind, cluster = kinds.get("observe_space"), CountingCluster()

    def connect(target: Any, *, on_answer: Any) -> CountingCluster:
        on_answer()
        return cluster

    with mock.patch("releases.steps.observe_space.kubernetes.connect", connect):
        for minute in range(MINUTES):
            pass_a_minute(kind)
            sys.stderr.write(f"  minute {minute + 1}: {sum(cluster.calls.values())} calls so far\n")
    ours = sum(cluster.calls.values()) / MINUTES
    placements = Placement.objects.count()
    peer = placements * (3 + 2 * len(KINDS)) + 2 * SPACES
    finish(
        "observe", ok=ours / peer <= MOST_SHARE, ours=round(ours), peer=peer, ratio=round(ours / peer, 3),
        limit=MOST_SHARE, rounds=MINUTES, unit="API calls a minute", placements=placements, calls=dict(cluster.calls),
    )  # fmt: skip


if __name__ == "__main__":
    main()
