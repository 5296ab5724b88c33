"""Observing, watching, and facts of a cluster over HTTP; the same cases hold on a real API server."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from deployer.errors import NotFound
from deployer.interfaces import ClusterTarget, ObjectRef, Verdict
from deployer.verdict import judge
from tests.contract.cluster_stand_in import Bench, any_cluster, bench_on, quota, soon, workload
from tests.patience import at_most

pytestmark = pytest.mark.contract


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterTarget]:
    with any_cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def bench(target: ClusterTarget) -> Iterator[Bench]:
    with bench_on(target) as made:
        yield made


def judged(bench: Bench, generation: int, deployment_id: str = "1") -> Verdict:
    now = datetime.now(UTC)
    return judge(
        bench.client.observe(bench.namespace, "app=web"),
        name="web",
        applied_generation=generation,
        deployment_id=deployment_id,
        now=now,
        started_at=now,
        last_progress_at=now,
        deadline_seconds=60,
    )


def wait_for(bench: Bench, generation: int, *outcomes: str) -> Verdict:
    deadline = time.monotonic() + 30
    while (verdict := judged(bench, generation)).outcome not in outcomes:
        assert time.monotonic() < deadline, verdict
        time.sleep(0.1)
    return verdict


def test_describe_tells_version_account_and_that_nothing_is_encrypted(bench: Bench) -> None:
    facts = bench.client.describe()
    assert facts.version.startswith("v1.")
    assert facts.user
    if bench.target.url.startswith("http://"):
        assert facts.notes == ("The connection is not encrypted.",)


def test_the_administrator_has_every_right_that_is_asked_for(bench: Bench) -> None:
    rights = bench.client.permissions(bench.namespace)
    assert {("patch", "deployments"), ("create", "pods"), ("get", "pods/log")} <= {(r.verb, r.resource) for r in rights}
    assert all(right.is_allowed for right in rights)


def test_observe_finds_what_the_selector_names_with_its_owners(bench: Bench) -> None:
    bench.apply(workload(replicas=2))
    bench.apply(workload("other", replicas=1))
    deadline = time.monotonic() + 20
    while len((seen := bench.client.observe(bench.namespace, "app=web")).pods) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [d["metadata"]["name"] for d in seen.deployments] == ["web"]
    (replica_set,) = seen.replica_sets
    owners = {pod["metadata"]["ownerReferences"][0]["uid"] for pod in seen.pods}
    assert owners == {replica_set["metadata"]["uid"]}
    assert seen.resource_version
    assert all("managedFields" not in pod["metadata"] for pod in seen.pods)


def test_a_deployment_of_no_pods_is_complete_once_it_was_observed(bench: Bench) -> None:
    applied = bench.apply(workload(replicas=0))
    assert wait_for(bench, applied.manifest["metadata"]["generation"], "complete").wanted == 0


def test_a_full_quota_ends_the_rollout_with_its_numbers(bench: Bench) -> None:
    bench.apply(quota(pods="0"))
    generation = bench.apply(workload(replicas=1)).manifest["metadata"]["generation"]
    verdict = wait_for(bench, generation, "failed")
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.code == "quota_exceeded"
    assert verdict.diagnosis.values["quota"] == "prism4k"
    assert verdict.diagnosis.values["limited"] == "pods 0"


def test_another_deployment_of_ours_supersedes_and_deleting_is_seen(bench: Bench) -> None:
    applied = bench.apply(workload(replicas=0)).manifest
    wait_for(bench, applied["metadata"]["generation"], "complete")
    assert judged(bench, 1, deployment_id="0").outcome == "superseded"
    live = bench.client.observe(bench.namespace, "app=web").deployments[0]
    bench.client.remove(
        bench.namespace, ObjectRef("apps/v1", "Deployment", "web"), uid=live["metadata"]["uid"], deadline=soon()
    )
    assert judged(bench, 1).outcome == "deleted"


def test_changes_are_seen_while_they_happen_and_only_those_of_the_selector(bench: Bench) -> None:
    seen: list[str] = []
    opened = threading.Event()

    def watch() -> None:
        opened.set()
        seen.extend(bench.client.changes(bench.namespace, "app=web", seconds=6))

    thread = threading.Thread(target=watch)
    thread.start()
    opened.wait()
    time.sleep(1)
    bench.apply(workload("other", replicas=1))
    bench.apply(workload(replicas=1))
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert "web" in seen
    assert any(name.startswith("web-") for name in seen)
    assert not any(name.startswith("other") for name in seen)


def test_a_watch_ends_with_its_time_and_leaves_no_thread(bench: Bench) -> None:
    before = threading.active_count()
    started = time.monotonic()
    assert list(bench.client.changes(bench.namespace, "app=web", seconds=1)) == []
    assert time.monotonic() - started < at_most(5)
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_closing_a_watch_early_ends_its_threads(bench: Bench) -> None:
    before = threading.active_count()
    stream = bench.client.changes(bench.namespace, "app=web", seconds=60)
    thread = threading.Thread(target=lambda: (time.sleep(0.5), bench.apply(workload(replicas=0))))
    thread.start()
    assert next(iter(stream)).startswith("web")
    stream.close()  # type: ignore[attr-defined]
    thread.join()
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= before


def test_events_of_a_refused_replica_set_name_the_reason(bench: Bench) -> None:
    bench.apply(quota(pods="0"))
    bench.apply(workload(replicas=1))
    deadline = time.monotonic() + 20
    events = ()
    while not events and time.monotonic() < deadline:
        for replica_set in bench.client.observe(bench.namespace, "app=web").replica_sets:
            events = bench.client.events(bench.namespace, replica_set["metadata"]["uid"])
        time.sleep(0.1)
    assert events[0].reason == "FailedCreate"
    assert events[0].kind == "ReplicaSet"
    assert events[0].count >= 1
    assert list(events) == sorted(events, key=lambda event: event.at)


def test_the_log_of_an_unknown_pod_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.client.pod_log(bench.namespace, "no-such-pod")
