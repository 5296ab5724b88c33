"""Memory (PSS) of one watcher process that follows 200 rollouts on one cluster.

The longest time that one of them was not looked at is printed with it: it tells of the machine as much as of the
watcher, which takes at most four reads of one cluster at a time.
"""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench import frame

frame.set_up()

from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from components.choices import TemplateKind  # noqa: E402
from components.models import Allocation, Component, ComponentSettings, Template, TemplateVersion  # noqa: E402
from deployer.adapters import registry  # noqa: E402
from deployer.adapters.kubernetes import KubernetesCluster, connect  # noqa: E402
from deployer.interfaces import Manifest, RegistryTarget  # noqa: E402
from deployer.manifests import Identity, overlay, prepare  # noqa: E402
from environments.models import Space  # noqa: E402
from environments.targets import cluster_target  # noqa: E402
from foundation.runs.models import Heartbeat  # noqa: E402
from releases.models import Deployment, NamespaceWatch, Placement, ReleaseOrder, Snapshot  # noqa: E402
from tests.cast import World, make_world  # noqa: E402
from tests.stand_ins import address_of  # noqa: E402

RUNS, LIMIT_MB = 200, 300
WARM_SECONDS, WATCH_SECONDS, SAMPLES = 6.0, 14.0, 7
BASE = ("base/middleware/python", "3.11")


def manifest(component: Component, image: str) -> Manifest:
    """A workload whose pod takes longer than this bar."""
    resources = {name: {"cpu": "10m", "memory": "16Mi"} for name in ("requests", "limits")}
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 2}
    container = {"name": component.slug, "image": image, "resources": resources, "readinessProbe": probe}
    template = {"metadata": {"annotations": {"prism4k.io/scenario": "slow 600"}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": component.slug},
        "spec": {"replicas": 1, "progressDeadlineSeconds": 600, "template": template},
    }


def make_components(world: World) -> tuple[list[Component], dict[int, dict[str, Any]]]:
    """50 components, and per component the versions that a snapshot names."""
    names = {kind: Template.objects.create(kind=kind, name=f"bench-{kind}") for kind in TemplateKind.values}
    versions = {kind: TemplateVersion.objects.create(template=row, number=1, body="-") for kind, row in names.items()}
    components, keys = [], {}
    for number in range(RUNS // len(world.spaces)):
        component = Component.objects.create(project=world.project, name=f"BENCH-{number}", slug=f"bench-{number}")
        keys[component.pk] = {
            "component_settings": ComponentSettings.objects.create(component=component, number=1),
            "deployment_template": versions[TemplateKind.DEPLOYMENT],
            "service_template": versions[TemplateKind.SERVICE],
        }
        components.append(component)
    return components, keys


def make_run(world: World, component: Component, space: Space, keys: dict[str, Any], image: str) -> Deployment:
    """A deployment that rolls, as a step leaves it that applied it; see ``apply_all``."""
    mark = f"{component.pk:06d}{space.pk:06d}"
    order = ReleaseOrder.objects.create(
        number=f"K8S20{mark}BB", component=component, project=world.project, branch="master", author=world.dana,
        state="built", commit="c" * 40, image=image.split("@")[0], image_digest=image.split("@")[1],
    )  # fmt: skip
    identity = Identity(
        order.number, order.commit, world.project.slug, component.slug, space.environment.slug, space.namespace
    )
    allocation = Allocation.objects.create(
        component=component, environment=space.environment, number=1, replicas=1,
        cpu_request=10, cpu_limit=10, memory_request=2**24, memory_limit=2**24,
    )  # fmt: skip
    snapshot = Snapshot.objects.create(
        order=order, component=component, space=space, hash=secrets.token_hex(32), digest=order.image_digest,
        manifests=list(prepare([manifest(component, image)], identity)), allocation=allocation, **keys,
    )  # fmt: skip
    run = Deployment.objects.create(
        order=order, component=component, space=space, snapshot=snapshot, deployed_by=world.olli,
        remote=space.cluster.remote_key, state="running", phase="rolling", started_at=timezone.now(),
        applied_at=timezone.now(), progressed_at=timezone.now(),
    )  # fmt: skip
    Placement.objects.create(
        component=component,
        space=space,
        in_progress=run,
    )
    return run


def make_rows(world: World, image: str) -> None:
    """200 runs, and a watch on each of the four namespaces."""
    components, keys = make_components(world)
    with transaction.atomic():
        for space in world.spaces.values():
            NamespaceWatch.objects.create(cluster=world.cluster, namespace=space.namespace, state="running")
            for component in components:
                make_run(world, component, space, keys[component.pk], image)


def apply_all(cluster: KubernetesCluster) -> None:
    """Every snapshot, several at a time; the rows learn what the cluster accepted."""

    def apply(run: Deployment) -> Deployment:
        assert run.snapshot is not None
        (body,) = overlay(run.snapshot.manifests, deployment_mark=str(run.mark), restarted_at=None, replicas=None)
        deadline = time.monotonic() + 30
        metadata = cluster.apply(run.space.namespace, body, force=False, deadline=deadline).manifest["metadata"]
        run.applied = [
            {"kind": "Deployment", "name": metadata["name"], "uid": metadata["uid"], "generation": 1, "created": True}
        ]
        return run

    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(apply, Deployment.objects.select_related("snapshot", "space")))
    Deployment.objects.bulk_update(runs, ["applied"])


def make_namespaces(world: World, cluster: KubernetesCluster) -> None:
    """Empty ones, without quota."""
    for space in world.spaces.values():
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space.namespace}}
        cluster.apply(None, body, force=False, deadline=time.monotonic() + 20)


def pss_mb(pid: int) -> float:
    """Proportional set size: its own memory, and its share of what it shares."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def rolling() -> int:
    """How many are applied and followed."""
    return Deployment.objects.filter(state="running", phase="rolling").count()


def watch(pid: int) -> tuple[list[float], float, int]:
    """Samples of memory, the longest time that a run was not looked at, and how many are still followed."""
    samples, fences, moved_at = [], {}, {}
    longest, start = 0.0, time.monotonic()
    next_sample = start
    while time.monotonic() < start + WATCH_SECONDS:
        now = time.monotonic()
        for pk, fence in Deployment.objects.filter(state="running").values_list("pk", "fence"):
            if fences.get(pk) != fence:
                fences[pk], moved_at[pk] = fence, now
            longest = max(longest, now - moved_at[pk])
        if now >= next_sample:
            samples.append(pss_mb(pid))
            next_sample += WATCH_SECONDS / SAMPLES
        time.sleep(0.2)
    return samples, longest, rolling()


def main() -> None:
    """Registry, cluster, rows, one watcher; then only looking."""
    world = make_world()
    state = str(frame.FOLDER / "stand-ins")
    token = secrets.token_urlsafe(16)
    pipes: dict[str, Any] = {"stdout": -1, "stderr": -2}
    with frame.running("-u", "-m", "sandbox.registry", "--state", f"{state}/registry", **pipes) as images:
        url = address_of(images, "registry on")
        address = url.removeprefix("http://")
        arguments = ("--state", f"{state}/cluster", f"--token={token}", "--registry", f"{address}={url}")
        with frame.running("-u", "-m", "sandbox.kubernetes", *arguments, **pipes) as nodes:
            world.cluster.url, world.cluster.token = address_of(nodes, " ready at "), token
            world.cluster.save()
            make_namespaces(world, connect(cluster_target(world.cluster)))
            facts = registry.connect(RegistryTarget("registry:bench", address, url)).image(*BASE)
            assert facts is not None
            make_rows(world, f"{address}/{BASE[0]}@{facts.digest}")
            apply_all(connect(cluster_target(world.cluster)))
            connection.close()
            with frame.running("manage.py", "watcher") as watcher:
                follow(watcher.pid)


def follow(pid: int) -> None:
    """Each looked at once, warmed up, watched; then the line."""
    looked = Deployment.objects.exclude(fence=0)
    frame.wait_until(lambda: looked.count() == RUNS, seconds=30)
    time.sleep(WARM_SECONDS)
    samples, longest, still = watch(pid)
    steps = (Heartbeat.objects.filter(role="watcher").latest("at").detail or {}).get("steps", 0)
    most = max(samples)
    frame.finish(
        "watcher",
        ok=most <= LIMIT_MB and still == RUNS and longest < WATCH_SECONDS,
        ours=round(most, 1),
        peer=None,
        ratio=round(most / LIMIT_MB, 2),
        limit=LIMIT_MB,
        watched=still,
        longest_gap_seconds=round(longest, 2),
        steps=steps,
        rounds=[round(sample, 1) for sample in samples],
        unit="MB of PSS",
    )


if __name__ == "__main__":
    main()
