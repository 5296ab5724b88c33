"""A watch on one namespace: its only write is "look again now" on the runs there. Losing it costs a second."""

from __future__ import annotations

from deployer.adapters import kubernetes
from deployer.errors import DeployerError
from environments.models import Space
from environments.targets import cluster_target
from foundation.runs.choices import ACTIVE
from foundation.runs.lease import Again, Lease, Outcome, Parked
from foundation.runs.wake import wake
from releases.models import Deployment, NamespaceWatch, Placement

WATCH_SECONDS = 25
SELECTOR = "app.kubernetes.io/managed-by=prism4k"


def wake_watch(space: Space) -> None:
    """Something is going to move there."""
    for pk in NamespaceWatch.objects.filter(cluster_id=space.cluster_id, namespace=space.namespace).values_list(
        "pk", flat=True
    ):
        wake(NamespaceWatch, pk, prompt=False)


def step(lease: Lease) -> Outcome:
    """Watch for at most 25 s while a deployment is under way there; otherwise park."""
    row: NamespaceWatch = NamespaceWatch.objects.select_related("cluster").get(pk=lease.pk)
    if not _under_way(row):
        return Parked()
    cluster = kubernetes.connect(cluster_target(row.cluster))
    try:
        for _name in cluster.changes(row.namespace, SELECTOR, seconds=WATCH_SECONDS):
            if not _wake_runs(row) or lease.remaining() < 5:
                break
    except DeployerError:
        # Polling goes on anyway; the next watch may do better.
        return Again(3)
    return Again(0) if _under_way(row) else Parked()


def _under_way(row: NamespaceWatch) -> bool:
    return Deployment.objects.filter(
        space__cluster_id=row.cluster_id, space__namespace=row.namespace, state__in=sorted(ACTIVE)
    ).exists()


def _wake_runs(row: NamespaceWatch) -> bool:
    """Make the runs of the namespace due; False when none is under way any more."""
    rows = Deployment.objects.filter(
        space__cluster_id=row.cluster_id, space__namespace=row.namespace, state__in=sorted(ACTIVE)
    )
    found = list(rows.values_list("pk", flat=True))
    for pk in found:
        wake(Deployment, pk, prompt=False)
    places = Placement.objects.filter(
        space__cluster_id=row.cluster_id, space__namespace=row.namespace, settled_at=None, good__isnull=False
    )
    for pk in places.values_list("pk", flat=True):
        wake(Placement, pk, prompt=False)
    return bool(found)
