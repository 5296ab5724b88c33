"""The platform in a pod of the cluster that it deploys to: a real service account, its rights, its token replaced."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.adapters import kubernetes
from deployer.errors import Forbidden
from environments.models import Cluster
from environments.selectors.places import account_manifest_of
from environments.selectors.shown import test_shown as shown
from environments.services.clusters import edit_cluster, start_test
from environments.targets import cluster_target
from foundation.runs.engine import RunState
from tests.cast import World
from tests.controlplane.plane import Plane
from tests.environments.cluster import drive
from tests.patience import wait_for

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

NAMESPACE = "release-desk"
ACCOUNT = ("--namespace", NAMESPACE)


@pytest.fixture
def pod(world: World, plane: Plane, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What the kubelet mounts into the platform's pod; its token lives as long as the Secret ``first``."""
    plane.kubectl("create", "namespace", NAMESPACE)
    plane.kubectl("create", "serviceaccount", "desk", *ACCOUNT)
    plane.kubectl("create", "secret", "generic", "first", *ACCOUNT)
    shutil.copy(plane.folder / "pki" / "apiserver.crt", tmp_path / "ca.crt")
    (tmp_path / "token").write_text(token(plane, "--bound-object-kind=Secret", "--bound-object-name=first"))
    settings.SERVICE_ACCOUNT_FOLDER = str(tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(plane.port))
    yield tmp_path
    kubernetes.disconnect(world.cluster.remote_key)
    plane.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def token(plane: Plane, *bound: str) -> str:
    return plane.kubectl("create", "token", "desk", *ACCOUNT, *bound).strip()


def test_the_account_of_the_pod_gets_its_rights_and_its_next_token_is_used(
    world: World, plane: Plane, pod: Path
) -> None:
    cluster = edit_cluster(actor=world.ada, cluster=world.cluster, in_cluster=True)
    run = drive("cluster-test", start_test(actor=world.ada, cluster=cluster))
    assert (run.state, run.reason) == (RunState.FAILED, "no-rights"), run.message
    assert run.facts["user"] == f"system:serviceaccount:{NAMESPACE}:desk"

    plane.kubectl("apply", "-f", "-", given=account_manifest_of(world.ada, cluster))
    run = drive("cluster-test", start_test(actor=world.ada, cluster=cluster))
    assert (run.state, run.reason) == (RunState.SUCCEEDED, ""), run.message
    assert shown(run).is_complete

    # The kubelet replaces the token before it expires; the old one then ends.
    next_one = token(plane)
    plane.kubectl("delete", "secret", "first", *ACCOUNT)
    wait_for(lambda: not is_known(cluster), "the first token ends", 60)
    (pod / "token").write_text(next_one)
    assert is_known(cluster), "the next call reads the file anew"


def is_known(cluster: Cluster) -> bool:
    try:
        return bool(kubernetes.connect(cluster_target(cluster)).describe().user.endswith(":desk"))
    except Forbidden:
        return False
