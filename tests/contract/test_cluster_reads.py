"""Observing, watching, and facts of a cluster over HTTP; the same cases hold on a real API server."""

import asyncio
import re

import pytest

from deployer.adapters.kubernetes.streams import Streams
from deployer.errors import NotFound, Rejected
from deployer.interfaces import EventFacts, LogWanted, Moved, ObjectRef, TimedLog, Verdict
from deployer.manifests import DeploymentMark
from tests.contract.cluster_stand_in import Bench, quota, soon, workload
from tests.contract.judging import judge_now
from tests.controlplane.plane import PRESENT
from tests.patience import at_most, soon_true, wait_for

pytestmark = pytest.mark.contract


def judged(bench: Bench, generation: int, deployment_id: str = "1") -> Verdict:
    return judge_now(bench, "app=web", "web", generation, deployment_id)


def wait_for_outcome(bench: Bench, generation: int, outcome: str) -> Verdict:
    seen: list[Verdict] = []

    def is_there() -> bool:
        seen[:] = [judged(bench, generation)]
        return seen[0].outcome == outcome

    wait_for(is_there, outcome)
    return seen[0]


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
    wait_for(lambda: len(bench.client.observe(bench.namespace, "app=web").pods) == 2, "both pods are there")
    seen = bench.client.observe(bench.namespace, "app=web")
    assert [d["metadata"]["name"] for d in seen.deployments] == ["web"]
    (replica_set,) = seen.replica_sets
    owners = {pod["metadata"]["ownerReferences"][0]["uid"] for pod in seen.pods}
    assert owners == {replica_set["metadata"]["uid"]}
    assert seen.resource_version
    assert all("managedFields" not in pod["metadata"] for pod in seen.pods)


def test_a_deployment_of_no_pods_is_complete_once_it_was_observed(bench: Bench) -> None:
    applied = bench.apply(workload(replicas=0))
    assert wait_for_outcome(bench, applied.manifest["metadata"]["generation"], "complete").wanted == 0


def test_a_full_quota_ends_the_rollout_with_its_numbers(bench: Bench) -> None:
    bench.apply(quota(pods="0"))
    generation = bench.apply(workload(replicas=1)).manifest["metadata"]["generation"]
    verdict = wait_for_outcome(bench, generation, "failed")
    assert verdict.diagnosis is not None
    assert verdict.diagnosis.code == "quota_exceeded"
    assert verdict.diagnosis.values["quota"] == "prism4k"
    assert verdict.diagnosis.values["limited"] == "pods 0"


def test_another_deployment_of_ours_supersedes_and_deleting_is_seen(bench: Bench) -> None:
    later = workload(replicas=0)
    ours, theirs = (str(DeploymentMark(1, number, "c" * 8)) for number in (1, 2))
    later["metadata"]["annotations"]["prism4k.io/deployment"] = theirs
    generation = bench.apply(later).manifest["metadata"]["generation"]
    wait_for(lambda: judged(bench, generation, deployment_id=theirs).outcome == "complete", "complete")
    assert judged(bench, generation, deployment_id=ours).outcome == "superseded"
    live = bench.client.observe(bench.namespace, "app=web").deployments[0]
    bench.client.remove(
        bench.namespace, ObjectRef("apps/v1", "Deployment", "web"), uid=live["metadata"]["uid"], deadline=soon()
    )
    assert judged(bench, 1).outcome == "deleted"


def test_changes_are_seen_while_they_happen_and_only_those_of_the_selector(bench: Bench) -> None:
    told: list[str] = []

    def tell(moved: Moved) -> None:
        told.append(moved.name)

    async def watch() -> None:
        async with Streams(bench.target) as streams:
            task = asyncio.create_task(streams.follow(bench.namespace, "app=web", tell))
            await soon_true(lambda: len(told) >= 3, "each of the three is listed", at_most(15))
            await asyncio.sleep(0.5)  # and is watched: nothing tells of that
            await asyncio.to_thread(bench.apply, workload("other", replicas=1))
            await asyncio.to_thread(bench.apply, workload(replicas=1))
            await soon_true(lambda: any(name.startswith("web-") for name in told), "a pod is told of", at_most(15))
            task.cancel()

    asyncio.run(watch())
    assert "web" in told
    assert not any(name.startswith("other") for name in told)


def test_events_of_a_refused_replica_set_name_the_reason(bench: Bench) -> None:
    bench.apply(quota(pods="0"))
    bench.apply(workload(replicas=1))

    def seen() -> tuple[EventFacts, ...]:
        owners = [one["metadata"]["uid"] for one in bench.client.observe(bench.namespace, "app=web").replica_sets]
        return bench.client.events(bench.namespace, owners[0]) if owners else ()

    events = wait_for(seen, "the refusal is told")
    assert events[0].reason == "FailedCreate"
    assert events[0].kind == "ReplicaSet"
    assert events[0].count >= 1
    assert list(events) == sorted(events, key=lambda event: event.at)


def test_the_log_of_an_unknown_pod_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.client.pod_log(bench.namespace, "no-such-pod")


def printed(bench: Bench, wanted: LogWanted) -> TimedLog:
    """What the one pod of ``web`` has printed, once it has."""

    def read() -> TimedLog | None:
        pods = bench.client.observe(bench.namespace, "app=web").pods
        try:
            found = bench.client.timed_log(bench.namespace, pods[0]["metadata"]["name"], wanted) if pods else None
        except (NotFound, Rejected):
            return None
        return found if found and found.lines else None

    return wait_for(read, "the pod prints")


def test_each_line_of_a_log_has_the_nodes_own_time(bench: Bench) -> None:
    bench.apply(workload(replicas=1, image=f"{PRESENT}app:1"))
    whole = printed(bench, LogWanted())
    assert len(whole.times) == len(whole.lines) >= 2 and not whole.is_cut
    assert list(whole.times) == sorted(whole.times)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", at) for at in whole.times)
    assert whole.lines[0].startswith("INFO web starting") and "Z" not in whole.lines[0][:5]
    last = printed(bench, LogWanted(tail_lines=1))
    assert len(last.lines) == 1 and last.is_cut
    container = printed(bench, LogWanted(container="web", since=whole.times[0]))
    assert container.lines[0] == whole.lines[0], "none of the second is left out"
    assert printed(bench, LogWanted(tail_lines=2, limit_bytes=150)).lines, "fewer lines rather than older ones"
    pod = bench.client.observe(bench.namespace, "app=web").pods[0]["metadata"]["name"]
    assert bench.client.timed_log(bench.namespace, pod, LogWanted(since="2099-01-01T00:00:00Z")).lines == ()
    with pytest.raises(NotFound):
        bench.client.timed_log(bench.namespace, pod, LogWanted(previous=True))
