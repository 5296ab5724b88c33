"""A worker that dies anywhere loses nothing and doubles nothing; one that slept writes nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from deployer.adapters.jenkins import JenkinsBuildServer
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.manifests import DEPLOYMENT_ANNOTATION
from foundation.runs import kinds
from foundation.runs.claim import claim, hint_seconds
from foundation.runs.engine import run_step
from foundation.runs.finish import release_leases
from foundation.runs.identity import owner, process_name
from releases.models import Build, Deployment, LogChunk, OrderEvent
from releases.services import deployments
from tests.faults.test_outages import builds_of_trigger, is_apply, is_trigger, replica_sets
from tests.proxy import CUT, PASS, Asked
from tests.site import Site
from tests.stand_ins import ROOT

pytestmark = pytest.mark.slow


class Died(BaseException):
    """This worker was killed here: nothing after this line runs but what a dead process leaves behind."""


@contextlib.contextmanager
def dying_at(statement: int) -> Iterator[list[int]]:
    """Dies before the so-many-th statement to the database; yields how many were let through."""
    passed = [0]

    def wrapper(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if passed[0] >= statement:
            raise Died
        passed[0] += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield passed


def free(row: Any) -> None:
    """What the supervisor does for a worker that died; and the run is due. (Its deaths are not counted: the engine
    would give up after 20 in a row, which is another test's.)"""
    type(row).objects.filter(pk=row.pk, state__in=["queued", "running"]).update(next_at=Now(), claims=0)
    release_leases(process_name())


def take(row: Any) -> Any:
    """The lease of this run, as the next worker gets it."""
    free(row)
    kind = next(kind for kind in kinds.all_kinds() if kind.model is type(row))
    (lease,) = claim(kind, owner=owner(), limit=1, pk=row.pk)
    return lease


def finish_dying_everywhere(row: Any) -> tuple[Any, int]:
    """Drives the run to its end; every pass dies at its first statement, then at its second, and so on to its last."""
    deaths = statement = 0
    phase = row.phase
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        row = type(row).objects.get(pk=row.pk)
        if row.is_terminal:
            return row, deaths
        if row.phase != phase:
            # The last death came after the phase was committed: this is another pass, from its first statement on.
            phase, statement = row.phase, 0
        lease = take(row)
        try:
            with dying_at(statement):
                run_step(lease)
        except Died:
            deaths, statement = deaths + 1, statement + 1
        else:
            statement = 0
    raise AssertionError(f"{row!r} is {row.state} in phase {row.phase} after {deaths} deaths")


def assert_gapless(row: Any) -> None:
    """Events are numbered without gaps, and exactly one tells the end of this run."""
    events = OrderEvent.objects.filter(order=row.order).order_by("seq")
    assert list(events.values_list("seq", flat=True)) == list(range(1, len(events) + 1))
    name = type(row).__name__.lower()
    assert sum(event.kind == f"{name}.{row.state}" and event.data["id"] == row.pk for event in events) == 1


def test_a_build_whose_worker_dies_at_every_statement(site: Site) -> None:
    build, deaths = finish_dying_everywhere(site.start_build())
    assert build.state == "succeeded", (build.reason, build.message)
    assert deaths > 30
    assert builds_of_trigger(site, build) == 1
    assert_gapless(build)
    chunks = list(LogChunk.objects.filter(build=build).order_by("offset"))
    assert sum(len(chunk.text) for chunk in chunks) == build.log_size
    assert "".join(chunk.text for chunk in chunks).count("[Pipeline] Start of Pipeline") == 1


def test_a_deployment_whose_worker_dies_at_every_statement(site: Site) -> None:
    run = site.finish(site.start(site.order_with_image("slow 1")), lambda row: row.phase == "applying")
    run, deaths = finish_dying_everywhere(run)
    assert run.state == "succeeded", (run.reason, run.message)
    assert deaths > 30
    assert site.live("fat")["metadata"]["generation"] == 1 and replica_sets(site) == 1
    assert_gapless(run)
    place = site.place("fat")
    assert (place.in_progress, place.last_succeeded_id, place.last_applied_id) == (None, run.pk, run.pk)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_that_dies_around_the_trigger(site: Site, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    real = JenkinsBuildServer.trigger

    def dying(self: JenkinsBuildServer, *args: Any, **kwargs: Any) -> int:
        if when == "after":
            real(self, *args, **kwargs)
        raise Died

    build = site.start_build()
    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(JenkinsBuildServer, "trigger", dying)
        run_step(take(build))
    build.refresh_from_db()
    assert (build.phase, build.queue_id) == ("triggering", None)
    free(build)
    if when == "before":
        # Only when it is sure that nothing is on its way is it sent again.
        Build.objects.filter(pk=build.pk).update(posted_at=build.created_at - timedelta(seconds=60))
    build = site.finish(build)
    assert build.state == "succeeded", build.message
    assert builds_of_trigger(site, build) == 1
    assert site.stand_ins.jenkins.count("POST", "buildWithParameters") == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["Service", "Deployment"])
def test_a_worker_that_dies_around_an_apply(site: Site, monkeypatch: pytest.MonkeyPatch, kind: str, when: str) -> None:
    real = KubernetesCluster.apply

    def dying(self: KubernetesCluster, namespace: str, manifest: Any, **kwargs: Any) -> Any:
        if manifest["kind"] != kind:
            return real(self, namespace, manifest, **kwargs)
        if when == "after":
            real(self, namespace, manifest, **kwargs)
        raise Died

    run = site.finish(site.start(site.order_with_image()), lambda row: row.phase == "applying")
    with monkeypatch.context() as patch, pytest.raises(Died):
        patch.setattr(KubernetesCluster, "apply", dying)
        run_step(take(run))
    free(run)
    run = site.finish(run)
    assert run.state == "succeeded", run.message
    assert site.live("fat")["metadata"]["generation"] == 1 and replica_sets(site) == 1


def kill_in_step(site: Site, row: Any, proxy: Any, when: Callable[[Asked], bool]) -> None:
    """A real process makes one pass and is killed with SIGKILL once its request was answered, before it hears so."""
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "PRISM4K_TEST_DATA_DIR": str(django_settings.DATA_DIR),
        "PLATFORM_URL": site.stand_ins.platform_url,
        "PRISM4K_PROCESS": "doomed",
    }
    kind = next(kind for kind in kinds.all_kinds() if kind.model is type(row)).name
    free(row)
    command = [sys.executable, "-m", "tests.faults.stepper", kind, str(row.pk)]
    child = subprocess.Popen(command, cwd=ROOT, env=environment)
    proxy.rule = lambda asked: CUT if when(asked) else PASS
    proxy.before_cut = lambda: child.send_signal(signal.SIGKILL)
    try:
        assert child.wait(timeout=40) == -signal.SIGKILL
    finally:
        child.kill()
        child.wait()
    proxy.reset()
    assert release_leases("doomed") == 1


def test_a_process_killed_as_jenkins_queued_its_build(site: Site) -> None:
    build = site.start_build()
    kill_in_step(site, build, site.stand_ins.jenkins, is_trigger)
    build = site.finish(build)
    assert build.state == "succeeded", build.message
    assert builds_of_trigger(site, build) == 1


def test_a_process_killed_as_the_cluster_took_its_deployment(site: Site) -> None:
    run = site.finish(site.start(site.order_with_image()), lambda row: row.phase == "applying")
    kill_in_step(site, run, site.stand_ins.cluster, lambda asked: is_apply(asked) and "/deployments/" in asked.path)
    run = site.finish(run)
    assert run.state == "succeeded", run.message
    assert site.live("fat")["metadata"]["generation"] == 1 and replica_sets(site) == 1


# ---------------------------------------------------------------- sleepers
def sleeper(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None], kind: str = "Deployment") -> list[str]:
    """A worker that falls asleep just before it sends this object, and ``meanwhile`` happens; what it got back."""
    real, answers, slept = KubernetesCluster.apply, [], []

    def slow(self: KubernetesCluster, namespace: str, manifest: Any, **kwargs: Any) -> Any:
        if manifest["kind"] == kind and not slept:
            slept.append(True)
            meanwhile()
        try:
            answer = real(self, namespace, manifest, **kwargs)
        except Exception as error:
            answers.append(type(error).__name__)
            raise
        answers.append("applied")
        return answer

    monkeypatch.setattr(KubernetesCluster, "apply", slow)
    return answers


def test_a_worker_that_slept_beyond_its_deadline_sends_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    run = site.finish(site.start(site.order_with_image()), lambda row: row.phase == "applying")
    settings.RUN_STEP_SECONDS = 1
    lease = take(run)
    answers = sleeper(monkeypatch, lambda: time.sleep(1.2))  # longer than a step may take
    run_step(lease)
    assert answers[-1] == "TooLate"
    assert site.live("fat") is None
    settings.RUN_STEP_SECONDS = 45
    free(run)
    run = site.finish(run)
    assert run.state == "succeeded", run.message


@pytest.mark.parametrize("kind", ["Service", "Deployment"])
@pytest.mark.parametrize("is_first", [False, True])
def test_a_worker_that_slept_through_a_newer_release_cannot_put_the_old_one_back(
    site: Site, monkeypatch: pytest.MonkeyPatch, kind: str, is_first: bool
) -> None:
    """It has read the object, or that there is none; another worker takes the run over and ends it, and a newer order
    is deployed."""
    if not is_first:
        assert site.deploy(site.order_with_image()).state == "succeeded"
    old = site.finish(site.start(site.order_with_image("slow 1")), lambda row: row.phase == "applying")
    lease = take(old)
    newer: list[Deployment] = []

    def meanwhile() -> None:
        # The lease ran out: somebody cancels the run and deploys something newer.
        release_leases(process_name())
        Deployment.objects.filter(pk=old.pk).update(fence=F("fence") + 1)
        deployments.cancel_deployment(actor=site.world.olli, deployment=old)
        site.finish(old)
        newer.append(site.deploy(site.order_with_image("slow 0")))

    answers = sleeper(monkeypatch, meanwhile, kind)
    run_step(lease)
    assert newer[0].state == "succeeded", newer[0].message
    assert answers[-1] == "Conflict", answers
    assert site.image_running() == newer[0].order.image_by_digest
    service = site.live("fat", "Service", next(row["name"] for row in newer[0].applied if row["kind"] == "Service"))
    assert service["metadata"]["annotations"][DEPLOYMENT_ANNOTATION] == str(newer[0].mark)
    old.refresh_from_db()
    assert (old.state, old.reason) == ("cancelled", "cancelled")
    place = site.place("fat")
    assert (place.last_succeeded_id, place.last_applied_id, place.in_progress) == (newer[0].pk, newer[0].pk, None)


def test_a_worker_that_lost_its_lease_writes_no_row(site: Site) -> None:
    build = site.finish(site.start_build(), lambda row: row.phase == "building")
    lease = take(build)
    Build.objects.filter(pk=build.pk).update(fence=F("fence") + 1, owner="somebody-else")
    before = OrderEvent.objects.filter(order=build.order).count()
    assert run_step(lease) is None
    assert OrderEvent.objects.filter(order=build.order).count() == before
    fresh = Build.objects.get(pk=build.pk)
    assert (fresh.log_offset, fresh.stages, fresh.owner) == (build.log_offset, build.stages, "somebody-else")


def test_the_lease_of_a_worker_that_died_at_a_hint_is_freed_at_once(site: Site) -> None:
    """A hint lets a worker take a run up to two seconds before it is due; its death must free that one as well."""
    build = site.start_build()
    build.refresh_from_db()
    (lease,) = claim(kinds.get("build"), owner=owner(), limit=1, pk=build.pk, grace=hint_seconds())
    assert release_leases(process_name()) == 1
    assert not lease.rows().exists()
