"""What the contract cases run on: the stand-in, and a real control plane or the cluster of CONTRACT_KUBECONFIG."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployer.adapters.kubernetes import KubernetesCluster, connect, disconnect
from deployer.interfaces import ClusterTarget, Manifest, ObjectRef
from deployer.kubeconfig import parse_kubeconfig
from tests.controlplane.plane import PRESENT, running_plane

ROOT = Path(__file__).parents[2]
TOKEN = "contract-token"
OPTIONS = ("--token", TOKEN, "--speed", "10", "--present", PRESENT)
IMAGE = "registry.example.com/site/app@sha256:" + "a" * 64


@contextmanager
def stand_in(state: Path, *, account: str = "") -> Iterator[ClusterTarget]:
    """A stand-in cluster in a process of its own; ``account`` is YAML of what the token may do there, else all."""
    with stand_in_process(state, account=account) as (_process, target):
        yield target


@contextmanager
def stand_in_process(state: Path, *, account: str = "") -> Iterator[tuple[subprocess.Popen[str], ClusterTarget]]:
    """The same with its process."""
    command = [sys.executable, "-m", "sandbox.kubernetes", "--state", str(state), *OPTIONS]
    if account:
        file = state / "account.yaml"
        file.write_text(account)
        command += ["--account", str(file)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " ready at " in line, line
        url = line.split(" ready at ")[1].strip()
        yield process, ClusterTarget(key=f"cluster:{uuid.uuid4().hex}", url=url, token=TOKEN)
    finally:
        process.terminate()
        process.wait(timeout=15)


@contextmanager
def real_cluster() -> Iterator[ClusterTarget]:
    """The cluster that the environment names, else a control plane of our own."""
    if kubeconfig := os.environ.get("CONTRACT_KUBECONFIG"):
        yield parse_kubeconfig(Path(kubeconfig).read_text()).target("cluster:contract")
        return
    with running_plane() as plane:
        yield plane.target()


@dataclass
class Bench:
    """A client and a fresh namespace."""

    client: KubernetesCluster
    target: ClusterTarget
    namespace: str = field(default_factory=lambda: f"prism4k-demo-{uuid.uuid4().hex[:10]}")

    def make_namespace(self) -> None:
        """Apply the namespace."""
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        self.client.apply(None, manifest, force=False, deadline=soon())

    def apply(self, manifest: Manifest, *, force: bool = False) -> Any:
        """Apply in the namespace."""
        return self.client.apply(self.namespace, manifest, force=force, deadline=soon())


@contextmanager
def bench_on(target: ClusterTarget) -> Iterator[Bench]:
    """A namespace of its own, removed afterwards."""
    bench = Bench(connect(target), target)
    bench.make_namespace()
    yield bench
    ref = ObjectRef("v1", "Namespace", bench.namespace)
    live = bench.client.read("", ref)
    if live is not None:
        bench.client.remove("", ref, uid=live["metadata"]["uid"], deadline=soon())
    disconnect(target.key)


def soon() -> float:
    """A deadline for a write."""
    return time.monotonic() + 20


def workload(name: str = "web", *, replicas: int = 2, image: str = IMAGE, **container: Any) -> Manifest:
    """A Deployment whose pods bear ``app: <name>``."""
    resources = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m", "memory": "128Mi"}}
    box = {"name": name, "image": image, "resources": resources} | container
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "labels": {"app": name},
            "annotations": {"prism4k.io/deployment": "1"},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [box]}},
        },
    }


def quota(**hard: str) -> Manifest:
    """A ResourceQuota; underscores in names stand for dots."""
    spec = {"hard": {name.replace("_", "."): value for name, value in hard.items()}}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "prism4k"}, "spec": spec}


def autoscaler(least: int = 2, most: int = 4, *, name: str = "web") -> Manifest:
    """A HorizontalPodAutoscaler of the Deployment with the same name."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": spec,
    }
