"""A place whose pods have logs, in a cluster where nothing answers."""

from __future__ import annotations

import pytest

from releases.models import Placement, Snapshot
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success

WORKLOAD = {
    "kind": "Deployment",
    "spec": {
        "template": {
            "spec": {"initContainers": [{"name": "fetch"}], "containers": [{"name": "app"}, {"name": "side<car>"}]}
        }
    },
}
POD = {
    "name": "proxy-1", "uid": "u-1", "is_new": True, "is_ready": True, "is_leaving": False, "state": "ready",
    "message": "", "restarts": 0, "node": "n", "started_at": "",
}  # fmt: skip


@pytest.fixture
def place(world: World) -> Placement:
    """Runs in FAT, in a cluster where nothing answers."""
    deployment = make_success(make_built(make_component(world), world.dana), world.spaces["fat"], world.olli)
    Snapshot.objects.filter(pk=deployment.snapshot_id).update(manifests=[WORKLOAD])
    Placement.objects.filter(last_succeeded=deployment).update(pods=[POD])
    return Placement.objects.select_related("last_succeeded__snapshot").get(last_succeeded=deployment)
