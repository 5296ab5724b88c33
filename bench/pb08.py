"""Click to verdict: from the POST of a deployment until a websocket client has its success.

Against ``kubectl apply --server-side && kubectl rollout status`` with the same manifests in another namespace of the
same control plane, in turn. Four pods, replaced in one wave; settle 0; PostgreSQL and Redis. Once with a node whose
pods are ready at once, once with one that takes two seconds.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from bench.services import on_services

if __name__ == "__main__":
    on_services("bench.pb08")

from bench import frame
from bench.cluster import PEER_NAMESPACE, Scene, as_file, in_namespace, product, scene

frame.set_up()

from bench.shop import PODS, make_app, make_peer_space, make_shop  # noqa: E402
from bench.viewer import Viewer  # noqa: E402
from releases.models import ReleaseOrder, Snapshot  # noqa: E402
from tests.cast import World  # noqa: E402
from tests.releases.rows import make_built  # noqa: E402

NAME = "bench-app"
ROUNDS = {0.0: 9, 2.0: 5}
LIMITS = {0.0: 1.0, 2.0: 1.05}
PAUSE_SECONDS = 0.7
"""Between two measurements: what the product does after a verdict is not the next one's."""


class Pair:
    """Two orders that take turns, here and at the peer."""

    def __init__(self, scene: Scene, world: World, viewer: Viewer, folder: Path) -> None:
        self._scene, self._world, self._viewer = scene, world, viewer
        app = make_app(world, NAME)
        self._orders = [make_built(app, world.dana) for _ in range(2)]
        self._files = [folder / f"order-{number}.json" for number in range(2)]
        for order in self._orders:
            viewer.watch(order.number)
        self._turn = 0

    def prepare(self) -> str:
        """The next order is promoted and reviewed, and nothing moves any more; its snapshot."""
        order, file = self._next()
        self._viewer.post(f"orders/{order.number}/promotions/", environment="fat")
        review = self._viewer.post(f"orders/{order.number}/reviews/", environment="fat")
        snapshot = str(self._viewer.wait_ended("review", review["id"])["data"]["snapshot"])
        manifests = Snapshot.objects.get(order=order, hash__startswith=snapshot).manifests
        file.write_text(as_file(in_namespace(manifests, PEER_NAMESPACE)))
        return snapshot

    def rest(self) -> None:
        """Until the pods of before are gone on both sides."""
        for namespace in (self._world.spaces["fat"].namespace, PEER_NAMESPACE):
            frame.wait_until(lambda namespace=namespace: self._scene.kubectl.quiet(namespace, PODS))
        time.sleep(PAUSE_SECONDS)

    def ours(self, snapshot: str) -> float:
        """Seconds from the click to the verdict."""
        order, _file = self._next()
        began = time.perf_counter()
        deployment = self._viewer.post(f"orders/{order.number}/deployments/", environment="fat", snapshot=snapshot)
        self._viewer.wait_ended("deployment", deployment["id"])
        return time.perf_counter() - began

    def peer(self) -> float:
        """Seconds of the two commands."""
        _order, file = self._next()
        kubectl = self._scene.kubectl
        began = time.perf_counter()
        for line in (
            kubectl.line("apply", "--server-side", "-f", str(file)),
            kubectl.line("rollout", "status", f"deployment/{NAME}", "-n", PEER_NAMESPACE),
        ):
            done = subprocess.run(line, env=kubectl.environment, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr)
        return time.perf_counter() - began

    def round(self) -> tuple[float, float]:
        """Ours and the peer's; who is first changes each two rounds, as the orders change each."""
        snapshot = self.prepare()
        if self._turn // 2 % 2:
            peer = self.peer()
            self._rest_of_first()
            ours = self.ours(snapshot)
        else:
            ours = self.ours(snapshot)
            self._rest_of_first()
            peer = self.peer()
        self.rest()
        self._turn += 1
        sys.stderr.write(f"  ours {ours * 1000:.0f} ms, kubectl {peer * 1000:.0f} ms\n")
        return ours, peer

    def _rest_of_first(self) -> None:
        time.sleep(PAUSE_SECONDS)

    def _next(self) -> tuple[ReleaseOrder, Path]:
        return self._orders[self._turn % 2], self._files[self._turn % 2]


def measure(scene: Scene) -> dict[float, list[tuple[float, float]]]:
    """By the node's delay, seconds of each round: ours and the peer's."""
    world = make_shop(scene)
    make_peer_space(scene)
    found: dict[float, list[tuple[float, float]]] = {}
    with product(scene.port):
        viewer = Viewer(scene.port, world.olli)
        pair = Pair(scene, world, viewer, frame.FOLDER)
        for seconds, rounds in ROUNDS.items():
            with scene.node(seconds):
                warm_up = 2 if not found else 1
                found[seconds] = [pair.round() for _ in range(rounds + warm_up)][warm_up:]
        viewer.close()
    return found


def main() -> None:
    """Medians of the rounds' ratios, and the line."""
    with scene() as made:
        found = measure(made)
        command = made.kubectl.command
    ratios = {seconds: frame.quantile([ours / peer for ours, peer in times], 0.5) for seconds, times in found.items()}
    middle = {
        seconds: [round(frame.quantile(side, 0.5) * 1000) for side in zip(*times, strict=True)]
        for seconds, times in found.items()
    }
    frame.finish(
        "pb08",
        ok=all(ratios[seconds] <= LIMITS[seconds] for seconds in ROUNDS),
        ours=middle[0.0][0],
        peer=middle[0.0][1],
        ratio=round(ratios[0.0], 2),
        limit=LIMITS[0.0],
        slow={"ours": middle[2.0][0], "peer": middle[2.0][1], "ratio": round(ratios[2.0], 3), "limit": LIMITS[2.0]},
        rounds=[[round(side * 1000) for side in times] for times in found[0.0]],
        unit="ms from click to verdict, median; slow: pods ready after 2 s; rounds: ours and the peer's",
        kubectl=" ".join(Path(part).name for part in command),
    )


if __name__ == "__main__":
    main()
