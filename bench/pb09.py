"""Review: from the POST of a review until a websocket client has its success, with two objects and with twenty.

Against ``kubectl diff --server-side`` of the same manifests in another namespace of the same control plane, in turn. A
review renders, checks, freezes, reads, dry-runs, lists what left, sums quotas and tries a pod; ``diff`` reads and
dry-runs. Each round has a new configuration, so that there is something to freeze and something to see.
"""

from __future__ import annotations

import subprocess
import sys
import time

from bench.services import on_services

if __name__ == "__main__":
    on_services("bench.pb09")

from bench import frame
from bench.cluster import PEER_NAMESPACE, Scene, as_file, in_namespace, product, scene

frame.set_up()

from bench.shop import PODS, make_app, make_peer_space, make_shop, set_value  # noqa: E402
from bench.viewer import Viewer  # noqa: E402
from releases.models import Snapshot  # noqa: E402
from tests.cast import World  # noqa: E402
from tests.releases.rows import make_built  # noqa: E402

LIMITS = {2: 1.5, 20: 1.0}
"""By the number of objects."""
ROUNDS = 7
PAUSE_SECONDS = 0.5


class Pair:
    """One component with so many objects, deployed on both sides."""

    def __init__(self, scene: Scene, world: World, viewer: Viewer, objects: int) -> None:
        self._scene, self._world, self._viewer = scene, world, viewer
        self.name = f"bench-{objects}"
        self._app = make_app(world, self.name, config_maps=objects - 2)
        self._order = make_built(self._app, world.dana)
        self._file = frame.FOLDER / f"{self.name}.json"
        self._number = 0
        viewer.watch(self._order.number)

    def deploy(self) -> None:
        """Both sides run the first configuration."""
        self._viewer.post(f"orders/{self._order.number}/promotions/", environment="fat")
        snapshot = self.ours()[1]
        path = f"orders/{self._order.number}/deployments/"
        deployment = self._viewer.post(path, environment="fat", snapshot=snapshot.hash)
        self._viewer.wait_ended("deployment", deployment["id"])
        self._write(snapshot)
        self._scene.kubectl.run("apply", "--server-side", "-f", str(self._file))
        namespace, kubectl = PEER_NAMESPACE, self._scene.kubectl
        kubectl.run("rollout", "status", f"deployment/{self.name}", "-n", namespace)

    def ours(self) -> tuple[float, Snapshot]:
        """Seconds of a review, and what it froze."""
        self._number += 1
        set_value(self._app, self._world.environments["fat"], self._number, self._world.olli)
        began = time.perf_counter()
        review = self._viewer.post(f"orders/{self._order.number}/reviews/", environment="fat")
        event = self._viewer.wait_ended("review", review["id"])
        seconds = time.perf_counter() - began
        return seconds, Snapshot.objects.get(order=self._order, hash__startswith=event["data"]["snapshot"])

    def peer(self) -> float:
        """Seconds of a diff that finds something."""
        kubectl = self._scene.kubectl
        began = time.perf_counter()
        line = kubectl.line("diff", "--server-side", "-f", str(self._file))
        done = subprocess.run(line, env=kubectl.environment, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - began
        if done.returncode != 1 or "value " not in done.stdout:
            raise RuntimeError(f"kubectl diff: {done.returncode} {done.stderr} {done.stdout[:300]}")
        return seconds

    def round(self, turn: int) -> tuple[float, float]:
        """Ours and the peer's; who is first changes."""
        if turn % 2:
            peer = self.peer()
            time.sleep(PAUSE_SECONDS)
            ours, snapshot = self.ours()
            self._write(snapshot)
        else:
            ours, snapshot = self.ours()
            self._write(snapshot)
            time.sleep(PAUSE_SECONDS)
            peer = self.peer()
        time.sleep(PAUSE_SECONDS)
        sys.stderr.write(f"  {self.name}: ours {ours * 1000:.0f} ms, kubectl {peer * 1000:.0f} ms\n")
        return ours, peer

    def _write(self, snapshot: Snapshot) -> None:
        self._file.write_text(as_file(in_namespace(snapshot.manifests, PEER_NAMESPACE)))


def measure(scene: Scene) -> dict[int, list[tuple[float, float]]]:
    """By the number of objects, seconds of each round: ours and the peer's."""
    world = make_shop(scene)
    make_peer_space(scene)
    found: dict[int, list[tuple[float, float]]] = {}
    with product(scene.port), scene.node(0.0):
        viewer = Viewer(scene.port, world.olli)
        for objects in LIMITS:
            pair = Pair(scene, world, viewer, objects)
            pair.deploy()
            pods = PODS * (len(found) + 1)
            frame.wait_until(lambda pods=pods: scene.kubectl.quiet(PEER_NAMESPACE, pods))
            time.sleep(PAUSE_SECONDS)
            found[objects] = [pair.round(turn) for turn in range(ROUNDS + 1)][1:]
        viewer.close()
    return found


def main() -> None:
    """Medians of the rounds' ratios, and the line."""
    with scene() as made:
        found = measure(made)
    ratios = {objects: frame.quantile([ours / peer for ours, peer in times], 0.5) for objects, times in found.items()}
    middle = {
        objects: [round(frame.quantile(side, 0.5) * 1000) for side in zip(*times, strict=True)]
        for objects, times in found.items()
    }
    frame.finish(
        "pb09",
        ok=all(ratios[objects] <= LIMITS[objects] for objects in LIMITS),
        ours=middle[2][0],
        peer=middle[2][1],
        ratio=round(ratios[2], 2),
        limit=LIMITS[2],
        twenty={"ours": middle[20][0], "peer": middle[20][1], "ratio": round(ratios[20], 2), "limit": LIMITS[20]},
        rounds=[[round(side * 1000) for side in times] for times in found[2]],
        unit="ms of a review, median; rounds: ours and the peer's with 2 objects",
    )


if __name__ == "__main__":
    main()
