"""200 rollouts at a time, 800 pods, followed by one watcher: how far its verdicts are behind, and what memory it takes.

A bare watch in the same run notes when a rollout is complete; ours is when the success is seen in the rows. Each pod
takes a few seconds, so that nearly all are rolling out together. The web process gets 200 clicks from eight clients,
one worker applies them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.services import on_services

if __name__ == "__main__":
    on_services("bench.pb10")

from bench import frame
from bench.cluster import Scene, product, scene

frame.set_up()

from django.db import connections, transaction  # noqa: E402

from accounts.models import Project  # noqa: E402
from bench.shop import CEILINGS, make_app, make_shop  # noqa: E402
from bench.viewer import Viewer  # noqa: E402
from components.models import Component  # noqa: E402
from deployer.manifests import ref_of  # noqa: E402
from environments.models import Membership, Space  # noqa: E402
from foundation.runs import kinds  # noqa: E402
from foundation.runs.claim import claim  # noqa: E402
from foundation.runs.identity import owner  # noqa: E402
from releases.locks import lock_for_promotion  # noqa: E402
from releases.models import Deployment, ReleaseOrder, Review, Snapshot  # noqa: E402
from releases.services.promotions import create_promotion  # noqa: E402
from releases.services.reviews import request_review  # noqa: E402
from releases.steps.replicas import live_fingerprint  # noqa: E402
from releases.steps.review.wanted import freeze  # noqa: E402
from tests.cast import World  # noqa: E402
from tests.releases.rows import make_built, make_review  # noqa: E402

SPACES, EACH = 10, 20
POD_SECONDS = 8.0
CLICKERS = 8
LONGEST_SECONDS = 240.0
POLL_SECONDS = 0.05
MOST_SECONDS, MOST_MB = 1.0, 300
DEFAULT = "{type: RollingUpdate}"


def make_rows(scene: Scene, world: World) -> list[tuple[ReleaseOrder, Space, str]]:
    """Orders that may be deployed now, with their space and snapshot."""
    first = made_of(world)
    found = []
    for number in range(SPACES):
        space = world.spaces["fat"] if not number else make_space(world, number)
        scene.kubectl.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space.namespace}}])
        world.project = space.project
        found += [make_ready(world, space, f"bench-{number}-{index}", first) for index in range(EACH)]
    return found


def make_space(world: World, number: int) -> Space:
    """Of a project of its own, on the same cluster."""
    like = world.spaces["fat"]
    project = Project.objects.create(
        organisation=world.organisation, slug=f"bench-{number}", name=f"Bench {number}", name_en=f"Bench {number}"
    )
    for person, role in ((world.olli, "operations"), (world.olli, "project_admin"), (world.dana, "developer")):
        Membership.objects.create(user=person, role=role, project=project, reason="bench")
    policy = {"asks_review": True, "operations_only": False, "settle_seconds": 0, **CEILINGS}
    return Space.objects.create(
        project=project, environment=like.environment, cluster=like.cluster, namespace=f"bench-{number}", **policy
    )


def made_of(world: World) -> Snapshot:
    """What a real review freezes: the manifests of all others are these under another name."""
    order = made_order(world, world.spaces["fat"], make_app(world, "bench-first", strategy=DEFAULT))
    with transaction.atomic():
        review = request_review(order, world.spaces["fat"], actor=world.olli)
    (lease,) = claim(kinds.get("review"), owner=owner(), limit=1, pk=review.pk, grace=60.0)
    return freeze(lease, Review.objects.get(pk=review.pk))


def made_order(world: World, space: Space, component: Component) -> ReleaseOrder:
    """Built and promoted."""
    order = make_built(component, world.dana)
    with transaction.atomic():
        lock_for_promotion(order, space)
        create_promotion(order, space, actor=world.olli)
    return order


def make_ready(world: World, space: Space, name: str, first: Snapshot) -> tuple[ReleaseOrder, Space, str]:
    """One more component, reviewed as if nothing of it was there, which is so."""
    order = made_order(world, space, make_app(world, name, strategy=DEFAULT))
    text = json.dumps(first.manifests).replace("bench-first", name)
    text = text.replace("sis-omm-fat", space.namespace).replace("sis-omm", space.project.slug)
    manifests = json.loads(text.replace(first.digest, order.image_digest))
    review = make_review(order, space)
    assert review.snapshot is not None
    Snapshot.objects.filter(pk=review.snapshot_id).update(manifests=manifests)
    absent = {ref_of(manifest): None for manifest in manifests}
    Review.objects.filter(pk=review.pk).update(live_fingerprint=live_fingerprint(manifests, absent))
    return order, space, review.snapshot.hash


class Verdicts(threading.Thread):
    """When each deployment was seen to have ended, by namespace and name; ``mb`` is what the watcher took at most."""

    def __init__(self, watcher: int) -> None:
        super().__init__(daemon=True)
        self.ended: dict[tuple[str, str], tuple[str, float]] = {}
        self.mb = 0.0
        self._watcher = watcher
        self.stopping = threading.Event()

    def run(self) -> None:
        rows = Deployment.objects.exclude(state__in=["queued", "running"])
        columns = ("pk", "space__namespace", "component__slug", "state")
        known: set[int] = set()
        while not self.stopping.wait(POLL_SECONDS):
            now = time.time()
            for pk, namespace, name, state in rows.exclude(pk__in=known).values_list(*columns):
                known.add(pk)
                self.ended[namespace, name] = state, now
            self.mb = max(self.mb, resident_mb(self._watcher))
        connections.close_all()


def resident_mb(pid: int) -> float:
    """VmRSS of a process; raises RuntimeError when it has ended: another one follows then, and this figure is void."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        status = ""
    for line in status.splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"The watcher ended. {(frame.FOLDER / 'up.log').read_text()[-2000:]}")


def click(viewers: list[Viewer], ready: list[tuple[ReleaseOrder, Space, str]]) -> None:
    """All deployments, as quickly as the clients can."""

    def one(index: int) -> None:
        for order, _space, snapshot in ready[index::CLICKERS]:
            path = f"orders/{order.number}/deployments/"
            viewers[index].post(path, environment="fat", snapshot=snapshot)

    with ThreadPoolExecutor(CLICKERS) as pool:
        list(pool.map(one, range(CLICKERS)))


def measure(scene: Scene) -> dict[str, Any]:
    """Lags in seconds, memory and times."""
    world = make_shop(scene)
    ready = make_rows(scene, world)
    environment = {**os.environ, "KUBERNETES_TOKEN": scene.token}
    command = ("-m", "bench.bare_watch", scene.url, str(scene.ca_file))
    with (
        product(scene.port) as pids,
        scene.node(POD_SECONDS),
        frame.running(*command, stdout=subprocess.PIPE, env=environment) as watch,
    ):
        assert watch.stdout is not None
        watch.stdout.readline()
        verdicts = Verdicts(pids["watcher-1"])
        verdicts.start()
        viewers = [Viewer(scene.port, world.olli) for _ in range(CLICKERS)]
        began = time.time()
        click(viewers, ready)
        clicked = time.time() - began
        sys.stderr.write(f"  {len(ready)} clicks in {clicked:.0f} s\n")
        complete = read_complete(watch, {(space.namespace, order.component.slug) for order, space, _ in ready})
        until = time.time() + 60
        while len(verdicts.ended) < len(ready) and time.time() < until:
            time.sleep(POLL_SECONDS)
        verdicts.stopping.set()
        verdicts.join()
        for viewer in viewers:
            viewer.close()
    states = [state for state, _ in verdicts.ended.values()]
    if states != ["succeeded"] * len(ready):
        raise RuntimeError(f"{len(states)} of {len(ready)} ended, {states.count('succeeded')} with success")
    lags = [verdicts.ended[key][1] - at for key, at in complete.items()]
    return {"lags": lags, "mb": verdicts.mb, "clicked": clicked, "all": max(complete.values()) - began}


def read_complete(watch: subprocess.Popen[str], wanted: set[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """When the bare watch saw each complete; raises TimeoutError."""
    found: dict[tuple[str, str], float] = {}
    timer = threading.Timer(LONGEST_SECONDS, watch.terminate)
    timer.start()
    assert watch.stdout is not None
    for line in watch.stdout:
        namespace, name, at = line.split()
        if (namespace, name) in wanted:
            found.setdefault((namespace, name), float(at))
        if len(found) == len(wanted):
            break
    timer.cancel()
    if len(found) < len(wanted):
        raise TimeoutError(f"{len(found)} of {len(wanted)} rollouts were complete after {LONGEST_SECONDS:g} s")
    return found


def main() -> None:
    """The line."""
    with scene() as made:
        seen = measure(made)
    lags = sorted(seen["lags"])
    p95 = frame.quantile(lags, 0.95)
    frame.finish(
        "pb10",
        ok=p95 <= MOST_SECONDS and seen["mb"] <= MOST_MB,
        ours=round(p95, 2),
        peer=0,
        ratio=None,
        limit=MOST_SECONDS,
        median=round(frame.quantile(lags, 0.5), 2),
        slowest=round(lags[-1], 2),
        mb=round(seen["mb"]),
        mb_limit=MOST_MB,
        rollouts=len(lags),
        clicked_seconds=round(seen["clicked"], 1),
        all_seconds=round(seen["all"], 1),
        rounds=1,
        unit="s from the bare watch's sight of completion to the verdict, 95 %",
    )


if __name__ == "__main__":
    main()
