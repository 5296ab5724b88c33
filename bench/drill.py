"""Drill: from the confirmation until twelve components serve in DRP, in three waves of four.

Against ``kubectl apply --server-side`` of each wave's manifests and ``kubectl rollout status`` of its workloads, wave
after wave, in another namespace of the same control plane, in turn. Two pods a component, ready after two seconds;
PostgreSQL and Redis. Production's cluster, Jenkins and Git are not there. In the last round worker and watcher are
killed while the second wave comes up.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    from bench.services import on_services

    on_services("bench.drill")

from bench import frame
from bench.cluster import PEER_NAMESPACE, Scene, as_file, in_namespace, product, scene

frame.set_up()

from bench.shop import CEILINGS, make_app, make_peer_space, make_shop  # noqa: E402
from bench.viewer import Viewer  # noqa: E402
from components.models import Component  # noqa: E402
from environments.models import Cluster, Space  # noqa: E402
from releases.models import Deployment, DrpMember, DrpSwitch, Placement  # noqa: E402
from tests.cast import World  # noqa: E402
from tests.releases.rows import make_built, make_success  # noqa: E402

COUNT, WAVES, PODS = 12, 3, 2
READY_SECONDS = 2.0
ROUNDS, WARM_UP = 3, 1
LIMIT = 1.3
Wave = tuple[Path, list[str]]
"""A file of manifests, and the workloads in it."""
DEAD = "https://127.0.0.1:9"


def make_components(world: World) -> None:
    """Each serves in production, whose cluster is gone."""
    for number in range(COUNT):
        app = make_app(world, f"bench-{number:02d}")
        app.allocations.update(replicas=PODS)
        Component.objects.filter(pk=app.pk).update(start_wave=number * WAVES // COUNT + 1)
        make_success(make_built(app, world.dana), world.spaces["prd"], world.olli)
    gone = Cluster.objects.create(slug="gone", name="Gone", url=DEAD, token="gone")
    Space.objects.filter(pk=world.spaces["prd"].pk).update(cluster=gone)


class Drill:
    """One after the other, here and at the peer; each time into an empty namespace."""

    def __init__(self, scene: Scene, world: World, port: int) -> None:
        self._scene, self._space = scene, world.spaces["drp"]
        self._asks, self._confirms = Viewer(port, world.olli), Viewer(port, world.oskar)
        self._code = world.project.slug

    def ours(self, *, killed: dict[str, int] | None = None) -> float:
        """Seconds from the confirmation until all serve."""
        path = f"projects/{self._code}/spaces/{self._space.environment.slug}/drp/"
        asked = self._asks.post(path, kind="drill", reason="bench", code=self._code)
        began = time.perf_counter()
        self._confirms.post(f"drp/{asked['id']}/confirm/", code=self._code)
        if killed:
            frame.wait_until(lambda: self._served(asked["id"]) >= COUNT // WAVES, seconds=60)
            for name in ("worker-1", "watcher-1"):
                os.kill(killed[name], signal.SIGKILL)
        self._reaches(asked["id"], "serves")
        took = time.perf_counter() - began
        self._check(asked["id"])
        return took

    def clear(self) -> None:
        """The last drill is taken back, and nothing of it or the peer's is left."""
        row = DrpSwitch.objects.latest("pk")
        self._asks.post(f"drp/{row.pk}/take-back/")
        self._reaches(row.pk, "returned")
        kubectl = self._scene.kubectl
        kubectl.run("delete", "deployments,services", "--all", "-n", PEER_NAMESPACE)
        for namespace in (self._space.namespace, PEER_NAMESPACE):
            frame.wait_until(lambda namespace=namespace: kubectl.quiet(namespace, 0))

    def peer(self, waves: list[Wave]) -> float:
        """Seconds of the same by kubectl, wave after wave."""
        kubectl, began = self._scene.kubectl, time.perf_counter()
        for file, workloads in waves:
            kubectl.run("apply", "--server-side", "-f", str(file))
            for workload in workloads:
                kubectl.run("rollout", "status", workload, "-n", PEER_NAMESPACE)
        return time.perf_counter() - began

    def _served(self, pk: int) -> int:
        return DrpMember.objects.filter(switch=pk, state="serves").count()

    def _reaches(self, pk: int, state: str) -> None:
        def has() -> bool:
            found = DrpSwitch.objects.get(pk=pk).state
            if found == "stopped":
                raise RuntimeError([str(one.note) for one in DrpMember.objects.filter(switch=pk)])
            return found == state

        frame.wait_until(has, seconds=120)

    def _check(self, pk: int) -> None:
        """Twelve deployments, none twice, each of its order's image."""
        made = Deployment.objects.filter(space=self._space, drp_switch=pk)
        assert made.count() == COUNT and not made.exclude(state="succeeded").exists()
        placed = Placement.objects.filter(space=self._space, last_succeeded__in=made)
        assert placed.count() == COUNT


def waves_of(switch: int, folder: Path) -> list[Wave]:
    """What that drill applied, wave after wave, for the peer's namespace."""
    found = []
    for wave in range(1, WAVES + 1):
        members = DrpMember.objects.filter(switch=switch, wave=wave).select_related("component", "deployment__snapshot")
        manifests = [
            manifest
            for one in members
            if one.deployment and one.deployment.snapshot
            for manifest in in_namespace(one.deployment.snapshot.manifests, PEER_NAMESPACE)
        ]
        file = folder / f"wave-{wave}.json"
        file.write_text(as_file(manifests))
        found.append((file, [f"deployment/{one.component.slug}" for one in members]))
    return found


def measure(scene: Scene) -> tuple[list[tuple[float, float]], float]:
    """Seconds of each round, ours and the peer's; and ours with worker and watcher killed."""
    world = make_shop(scene)
    Space.objects.filter(pk=world.spaces["drp"].pk).update(settle_seconds=0, **CEILINGS)
    make_components(world)
    make_peer_space(scene)
    times: list[tuple[float, float]] = []
    waves: list[Wave] = []
    with product(scene.port) as pids, scene.node(READY_SECONDS):
        drill = Drill(scene, world, scene.port)
        for _number in range(WARM_UP + ROUNDS):
            ours = drill.ours()
            waves = waves or waves_of(DrpSwitch.objects.latest("pk").pk, frame.FOLDER)
            times.append((ours, drill.peer(waves)))
            sys.stderr.write(f"  ours {ours:.1f} s, kubectl {times[-1][1]:.1f} s\n")
            drill.clear()
        killed = drill.ours(killed=pids)
    return times[WARM_UP:], killed


def main() -> None:
    """Medians, and the line."""
    with scene() as made:
        times, killed = measure(made)
    ours, peer = (frame.quantile(side, 0.5) for side in zip(*times, strict=True))
    ratio = frame.quantile([one / other for one, other in times], 0.5)
    frame.finish(
        "drill",
        ok=ratio <= LIMIT,
        ours=round(ours, 1),
        peer=round(peer, 1),
        ratio=round(ratio, 2),
        limit=LIMIT,
        killed={"ours": round(killed, 1), "ratio": round(killed / peer, 2)},
        rounds=[[round(side, 1) for side in pair] for pair in times],
        unit=f"s from the confirmation until {COUNT} components serve in {WAVES} waves; rounds: ours and kubectl's",
    )


if __name__ == "__main__":
    main()
