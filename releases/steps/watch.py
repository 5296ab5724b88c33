"""The watches of this process: all its namespaces on one asyncio loop, outside of threads and slots.

A watch only makes runs due. Its row is leased like every run's, but for as long as the process lives: who dies leaves
it to the others within seconds, and losing it costs the time until the next poll.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError, close_old_connections
from django.db.models import Q
from django.db.models.functions import Now

from deployer.adapters.kubernetes.streams import Streams
from deployer.errors import Unavailable
from deployer.interfaces import ClusterTarget, Moved
from deployer.manifests import instance_label
from environments.models import Cluster, Space
from environments.targets import cluster_target
from foundation.clock import now_plus
from foundation.encryption import SecretUnreadable
from foundation.problems import Refused
from foundation.runs.choices import ACTIVE
from foundation.runs.claim import claim
from foundation.runs.identity import owner
from foundation.runs.kinds import Kind
from foundation.runs.lease import Again, Lease, LeaseLost, Parked, lease_seconds
from foundation.runs.wake import wake
from foundation.runs.writeback import write_back
from releases.models import Deployment, NamespaceWatch, Placement, SpaceObservation
from releases.placing import wake_observations
from releases.steps.namespaces import NAMESPACE_PHASE
from releases.steps.pending_moves import PendingMoves

log = logging.getLogger(__name__)

SELECTOR = "app.kubernetes.io/managed-by=prism4k"
ROUND_SECONDS = 0.25
RENEW_SECONDS = 3.0
UNUSABLE_SECONDS = 30.0
MOST_A_ROUND = 50
SENDING = frozenset({"start", "applying", NAMESPACE_PHASE})
"""Phases that read no rollout: what moves then is often our own sending, and must not take the run from its worker.

Nothing is missed: the first pass of the phase after them reads what is there.
"""


def wake_watch(space: Space) -> None:
    """Something is going to move there: who lets go of the namespace in this moment has not seen that it is wanted.

    One that is held is left alone: its row is locked by who renews its lease, and the caller has an order's lock. If it
    is let go of just now, the rollout is polled until the next wake.
    """
    here = NamespaceWatch.objects.filter(cluster_id=space.cluster_id, namespace=space.namespace)
    for pk in here.exclude(lease_until__gt=Now()).values_list("pk", flat=True):
        wake(NamespaceWatch, pk, prompt=False)


def hold(kind: Kind, made_due: Callable[[], None], stopping: threading.Event) -> None:
    """Holds watches until ``stopping``; calls ``made_due`` after it made runs due. Runs on a thread of its own."""
    asyncio.run(WatchHolder(kind, made_due, stopping).run())


@dataclass
class _Held:
    """One namespace that this process watches."""

    lease: Lease
    target: ClusterTarget
    cluster_id: int
    namespace: str
    task: asyncio.Task[None] | None = None


@dataclass
class _Connection:
    """The streams of one cluster, for as long as its address and credentials stay."""

    target: ClusterTarget
    streams: Streams
    users: set[int] = field(default_factory=set)


class WatchHolder:
    """All watches of one process."""

    def __init__(self, kind: Kind, made_due: Callable[[], None], stopping: threading.Event) -> None:
        self._kind, self._made_due, self._stopping = kind, made_due, stopping
        self._held: dict[int, _Held] = {}
        self._connections: dict[str, _Connection] = {}
        self._moved = PendingMoves()
        self._has_moved = asyncio.Event()
        # One thread for rows: what a watch writes waits for nothing but what other watches write.
        self._rows = ThreadPoolExecutor(1, thread_name_prefix="watch-rows")

    async def run(self) -> None:
        """Claim, renew, tell, until the process ends."""
        teller = asyncio.create_task(self._tell())
        renew_at = 0.0
        loop = asyncio.get_running_loop()
        try:
            while not self._stopping.is_set():
                try:
                    await self._take()
                    if loop.time() >= renew_at:
                        await self._renew()
                        renew_at = loop.time() + RENEW_SECONDS
                except DatabaseError:
                    log.warning("Watches could not be claimed or renewed.", exc_info=True)
                await asyncio.sleep(ROUND_SECONDS)
        finally:
            teller.cancel()
            await self._let_go_of_all()

    async def _on_rows(self, function: Callable[..., Any], *args: Any) -> Any:
        def call() -> Any:
            close_old_connections()
            return function(*args)

        return await asyncio.get_running_loop().run_in_executor(self._rows, call)

    async def _take(self) -> None:
        for held in await self._on_rows(_claim, self._kind):
            self._held[held.lease.pk] = held
            held.task = asyncio.create_task(self._follow(held))

    async def _renew(self) -> None:
        """Keep the leases; let go of rows that another process has, that nobody needs, or that lead elsewhere now."""
        ended = {pk for pk, held in self._held.items() if held.task is None or held.task.done()}
        gone = await self._on_rows(_renew, list(self._held.values()), ended)
        for pk in gone:
            held = self._held.pop(pk)
            if held.task is not None:
                held.task.cancel()

    async def _follow(self, held: _Held) -> None:
        pk = held.lease.pk
        connection = await self._connect(held.target)
        connection.users.add(pk)
        try:
            await connection.streams.follow(held.namespace, SELECTOR, lambda moved: self._note(pk, moved))
        finally:
            connection.users.discard(pk)
            if not connection.users and self._connections.get(held.target.key) is not connection:
                await connection.streams.__aexit__()

    async def _connect(self, target: ClusterTarget) -> _Connection:
        """The cluster's connections; new ones once its address or credentials changed."""
        known = self._connections.get(target.key)
        if known is None or known.target != target or target.has_moved_from(known.target):
            known = self._connections[target.key] = _Connection(target, Streams(target))
            await known.streams.__aenter__()
        return known

    def _note(self, pk: int, moved: Moved) -> None:
        self._moved.note(pk, moved, time.monotonic())
        self._has_moved.set()

    async def _tell(self) -> None:
        """What moves while rows are written is told with the next writing: a burst is one."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_moved.wait(), self._moved.seconds(time.monotonic()))
            self._has_moved.clear()
            places: dict[tuple[int, str], dict[str, bool]] = {}
            for (pk, instance), has_ended in self._moved.take(time.monotonic()).items():
                if held := self._held.get(pk):
                    places.setdefault((held.cluster_id, held.namespace), {})[instance] = has_ended
            if not places:
                continue
            try:
                await self._on_rows(wake_places, places)
            except DatabaseError:
                log.warning("What a watch saw could not be told; polling goes on.", exc_info=True)
            else:
                self._made_due()

    async def _let_go_of_all(self) -> None:
        tasks = [held.task for held in self._held.values() if held.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Another process takes them now, not when the leases end.
        await self._on_rows(_give_back_all, [held.lease for held in self._held.values()])
        for connection in self._connections.values():
            await connection.streams.__aexit__()
        self._rows.shutdown()


def _claim(kind: Kind) -> list[_Held]:
    """Rows that are due and wanted, leased; the others are parked or left for later."""
    found: list[_Held] = []
    leases = claim(kind, owner=owner(), limit=MOST_A_ROUND)
    wanted = _wanted_places() if leases else set()
    for lease in leases:
        try:
            row = NamespaceWatch.objects.select_related("cluster").get(pk=lease.pk)
            if (row.cluster_id, row.namespace) not in wanted:
                write_back(lease, Parked())
                continue
            found.append(_Held(lease, cluster_target(row.cluster), row.cluster_id, row.namespace))
        except (Refused, SecretUnreadable, Unavailable):
            # The run that applies or observes there says why.
            write_back(lease, Again(UNUSABLE_SECONDS))
        except LeaseLost:
            continue
    return found


def _wanted_places() -> set[tuple[int, str]]:
    """The namespaces, (cluster, namespace), where something of ours runs or is about to."""
    places = Placement.objects.filter(Q(last_applied__isnull=False) | Q(in_progress__isnull=False))
    return set(places.values_list("space__cluster_id", "space__namespace").distinct())


def _renew(held: list[_Held], ended: set[int]) -> list[int]:
    """Lengthens the leases of all in one statement; the ids that are to be let go of. ``ended``: whose task is over."""
    ids = [one.lease.pk for one in held]
    rows = NamespaceWatch.objects.filter(pk__in=ids, owner=owner(), state__in=sorted(ACTIVE))
    rows.update(lease_until=now_plus(lease_seconds()))
    ours = dict(rows.values_list("pk", "cluster_id"))
    targets = {cluster.pk: _target_of(cluster) for cluster in Cluster.objects.filter(pk__in=set(ours.values()))}
    wanted = _wanted_places()
    gone = []
    for one in held:
        pk = one.lease.pk
        target = targets.get(one.cluster_id)
        if pk not in ours:
            gone.append(pk)
        elif pk in ended:
            gone.append(pk)
            _give_back(one.lease, Again(UNUSABLE_SECONDS))
        elif target is not None and (target != one.target or target.has_moved_from(one.target)):
            gone.append(pk)
            _give_back(one.lease, Again(0))
        elif (one.cluster_id, one.namespace) not in wanted:
            gone.append(pk)
            _give_back(one.lease, Parked())
    return gone


def _target_of(cluster: Cluster) -> ClusterTarget | None:
    """None for one that cannot be used just now: its streams go on or fail by themselves."""
    try:
        return cluster_target(cluster)
    except (Refused, SecretUnreadable, Unavailable):
        return None


def _give_back(lease: Lease, outcome: Again | Parked) -> None:
    try:
        write_back(lease, outcome)
    except LeaseLost:
        return


def _give_back_all(leases: list[Lease]) -> None:
    for lease in leases:
        _give_back(lease, Again(0))


def wake_places(places: Mapping[tuple[int, str], Mapping[str, bool]]) -> None:
    """Makes runs due now: by namespace, (cluster, namespace), the instances that moved; an empty one means all there.

    An instance that has come to its end (True) goes before those that only move: people wait for its verdict. Whose
    deployment is under way is followed by that; the space is looked at for the others.
    """
    for (cluster_id, namespace), instances in places.items():
        there = {"space__cluster_id": cluster_id, "space__namespace": namespace}
        followed = _deployments_there(there)
        for pk, phase, instance in followed:
            if phase not in SENDING and ("" in instances or instance in instances):
                wake(Deployment, pk, prompt=False, is_first=instances.get(instance, False))
        if "" not in instances and instances.keys() <= {instance for _pk, _phase, instance in followed}:
            continue
        wake_observations(SpaceObservation.objects.filter(**there), under_way=len(followed))


def _deployments_there(there: dict[str, object]) -> list[tuple[int, str, str]]:
    """The deployments under way: id, phase, instance label."""
    names = ("space__project__slug", "component__slug", "space__environment__slug")
    rows = Deployment.objects.filter(**there, state__in=sorted(ACTIVE)).values_list("pk", "phase", *names)
    return [(pk, phase, instance_label(*slugs)) for pk, phase, *slugs in rows]


def is_watched(space: Space) -> bool:
    """Whether some process holds the watch on the space's namespace: then news come by themselves."""
    held = NamespaceWatch.objects.filter(cluster_id=space.cluster_id, namespace=space.namespace)
    return held.filter(lease_until__gt=Now()).exists()
