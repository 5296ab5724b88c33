"""One process holds its namespaces: news of a cluster make runs due at once, and who dies leaves them to others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from deployer.adapters.kubernetes.session import object_path
from deployer.manifests import instance_label
from foundation.clock import PARKED, db_now
from foundation.runs import kinds, watching
from foundation.runs.lease import Lease, Outcome
from releases.models import Deployment, NamespaceWatch, Placement, SpaceObservation
from releases.steps import observe_space, watch
from releases.steps.deployment.follow import READ_SECONDS, WATCHED_SECONDS, _pause_seconds
from tests.patience import at_most, wait_for
from tests.site import Site

pytestmark = pytest.mark.slow


class Holding:
    """A hub on its thread, as a watcher process has one."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.told: list[float] = []
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        watch.hold(kinds.get("watch"), lambda: self.told.append(time.monotonic()), self.stopping)
        connection.close()


@contextmanager
def holding() -> Iterator[Holding]:
    made = Holding()
    made.thread.start()
    try:
        yield made
    finally:
        made.stopping.set()
        made.thread.join(10)
        assert not made.thread.is_alive()


@pytest.fixture
def running(site: Site) -> Any:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    site.settle("fat")
    watch.wake_watch(site.space("fat"))
    return site


def is_leased() -> bool:
    return NamespaceWatch.objects.filter(lease_until__gt=Now()).exists()


def test_what_moves_is_told_within_fifty_milliseconds_and_makes_runs_due(running: Site) -> None:
    took = []
    with holding() as made:
        wait_for(lambda: is_leased() and made.told, "the namespace is watched")
        for _round in range(5):
            time.sleep(1.0)  # what the last change set in motion is over
            SpaceObservation.objects.update(next_at=PARKED)
            made.told.clear()
            began = time.monotonic()
            annotate(running, str(began))
            wait_for(lambda: made.told, "it is told", 5)
            took.append(made.told[0] - began)
            assert SpaceObservation.objects.get().next_at < PARKED
    assert sorted(took)[2] < at_most(0.05), took


def test_the_lease_is_kept_and_given_back_at_the_end(running: Site, settings: Any) -> None:
    settings.RUN_LEASE_SECONDS = 4
    with holding():
        wait_for(is_leased, "the namespace is watched")
        fence = NamespaceWatch.objects.get().fence
        time.sleep(6)  # longer than a lease
        assert is_leased() and NamespaceWatch.objects.get().fence == fence
    assert not is_leased(), "the next process takes it at once"
    with holding():
        wait_for(is_leased, "another one has it")
        assert NamespaceWatch.objects.get().fence == fence + 1


def test_a_namespace_where_nothing_runs_is_let_go_of(running: Site) -> None:
    with holding():
        wait_for(is_leased, "the namespace is watched")
        Placement.objects.update(last_applied=None)
        wait_for(lambda: NamespaceWatch.objects.get().next_at == PARKED, "it is parked")


def test_no_pause_of_a_watcher_lies_between_news_and_the_step(running: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pauses are made so long that only the news can have led to a pass."""
    passes: list[int] = []
    real = observe_space.step

    def step(lease: Lease) -> Outcome:
        passes.append(lease.pk)
        return real(lease)

    monkeypatch.setattr(watching, "LONGEST_SLEEP_SECONDS", 3600.0)
    monkeypatch.setattr(watching, "SHORTEST_SLEEP_SECONDS", 3600.0)
    monkeypatch.setattr(observe_space, "step", step)
    SpaceObservation.objects.update(next_at=PARKED)
    watcher = watching.Watcher(threads=2)
    thread = threading.Thread(target=watcher.run)
    thread.start()
    try:
        wait_for(lambda: is_leased() and passes, "the namespace is watched", 30)
        for round_number in range(5):
            time.sleep(1.0)  # what the last change set in motion is over
            SpaceObservation.objects.update(next_at=PARKED)
            passes.clear()
            annotate(running, str(round_number))
            wait_for(lambda: passes, "a step sees to it", 30)
    finally:
        watcher.stop()
        thread.join(10)


def annotate(site: Site, note: str) -> None:
    """A change of the live workload by somebody else."""
    path = object_path("apps/v1", "Deployment", site.space("fat").namespace, "sis-omm-proxy-gw")
    body = {"metadata": {"annotations": {"note": note}}}
    merge: dict[str, Any] = {"deadline": time.monotonic() + 10, "content_type": "application/merge-patch+json"}
    site.cluster._session.write("PATCH", path, [("fieldManager", "kubectl-annotate")], body, **merge)


def test_news_of_one_component_wake_its_deployment_and_not_the_space(running: Site) -> None:
    run = running.finish(running.start(running.order_with_image("slow 1")), lambda row: row.phase == "rolling")
    space = running.space("fat")
    here = (space.cluster_id, space.namespace)
    ours = instance_label(space.project.slug, run.component.slug, space.environment.slug)

    def woken(instances: set[str]) -> tuple[bool, bool]:
        Deployment.objects.filter(pk=run.pk).update(next_at=PARKED)
        SpaceObservation.objects.update(next_at=PARKED)
        watch.wake_places({here: dict.fromkeys(instances, False)})
        is_due = Deployment.objects.get(pk=run.pk).next_at < PARKED
        return is_due, SpaceObservation.objects.get().next_at < PARKED

    assert woken({ours}) == (True, False), "its own deployment follows it"
    assert woken({"another"}) == (False, True)
    assert woken({ours, "another"}) == (True, True)
    assert woken({""}) == (True, True), "after a list anything may have moved"
    for phase in ("start", "applying", "namespace"):
        Deployment.objects.filter(pk=run.pk).update(phase=phase)
        assert woken({ours}) == (False, False), "its worker is sending just now"
        assert woken({""}) == (False, True)


def test_a_rollout_that_is_watched_is_not_read_each_second(running: Site) -> None:
    space = running.space("fat")
    NamespaceWatch.objects.update(lease_until=db_now() - timedelta(seconds=1))
    assert _pause_seconds(space) == READ_SECONDS, "nobody watches"
    NamespaceWatch.objects.update(lease_until=db_now() + timedelta(seconds=10))
    assert _pause_seconds(space) == WATCHED_SECONDS
