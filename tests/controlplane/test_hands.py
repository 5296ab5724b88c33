"""kubectl against a rollout of ours on the real control plane: the verdict names what it did, and whose hand it was."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from deployer.interfaces import Manifest, ObjectRef, Verdict
from deployer.verdict import AppliedWorkload, Hand, hand_of, is_scaler, judge
from tests.contract.cluster_stand_in import Bench, autoscaler, workload
from tests.controlplane.plane import PRESENT, Plane
from tests.patience import wait_for

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]


def ours(number: int, words: str = "slow 0", **given: Any) -> Manifest:
    """As deployment ``number`` would apply it."""
    made = workload(image=f"{PRESENT}app:{number}", **given)
    made["metadata"]["annotations"] = {"prism4k.io/deployment": f"1.{number}.0000abcd"}
    made["spec"]["template"]["metadata"]["annotations"] = {"prism4k.io/scenario": words}
    return made


class Rollout:
    """One deployment of ours, applied and judged."""

    def __init__(self, bench: Bench, manifest: Manifest) -> None:
        self.bench, self.manifest = bench, manifest
        self.answer = bench.apply(copy.deepcopy(manifest)).manifest
        self.mark = manifest["metadata"]["annotations"]["prism4k.io/deployment"]

    def verdict(self) -> Verdict:
        now = datetime.now(UTC)
        return judge(
            self.bench.client.observe(self.bench.namespace, "app=web"),
            name="web",
            applied_generation=self.answer["metadata"]["generation"],
            deployment_mark=self.mark,
            now=now,
            started_at=now,
            last_progress_at=now,
            deadline_seconds=900,
            applied=AppliedWorkload(self.manifest, self.answer["spec"]),
        )

    def until(self, outcome: str) -> Verdict:
        found: Verdict = wait_for(
            lambda: (v := self.verdict()).outcome == outcome and v, f"the verdict is {outcome}", seconds=40
        )
        return found

    def hand(self, verdict: Verdict) -> Hand:
        assert verdict.diagnosis is not None
        live = self.bench.client.read(self.bench.namespace, ObjectRef("apps/v1", "Deployment", "web"))
        return hand_of(live, verdict.diagnosis.evidence)


Kubectl = Callable[..., str]


@pytest.fixture
def kubectl(plane: Plane, bench: Bench) -> Kubectl:
    return lambda *words: plane.kubectl(*words, "-n", bench.namespace)


@pytest.fixture
def under_way(bench: Bench) -> Rollout:
    """The first is complete, the second rolls."""
    Rollout(bench, ours(1)).until("complete")
    second = Rollout(bench, ours(2, "slow 300"))
    second.until("progressing")
    return second


@pytest.mark.parametrize(
    ("words", "manager", "field"),
    [
        (("set", "image", "deployment/web", f"web={PRESENT}app:1"), "kubectl-set", "image ("),
        (("set", "env", "deployment/web", "A=b"), "kubectl-set", ".env"),
        (("scale", "deployment/web", "--replicas=1"), "kubectl", ".spec.replicas (2 → 1)"),
        (("patch", "deployment/web", "-p", '{"spec":{"minReadySeconds":3}}'), "kubectl-patch", ".spec.minReadySeconds"),
        (("annotate", "--overwrite", "deployment/web", "prism4k.io/deployment=x"), "kubectl-annotate", "prism4k.io"),
    ],
)
def test_an_edit_is_told_with_hand_and_field(
    under_way: Rollout, kubectl: Kubectl, words: tuple[str, ...], manager: str, field: str
) -> None:
    kubectl(*words)
    verdict = under_way.until("changed")
    assert verdict.diagnosis and field in str(verdict.diagnosis.values["fields"])
    hand = under_way.hand(verdict)
    # The server writes no time into the entry that kubectl scale makes.
    assert (hand.manager, hand.at[:2]) == (manager, "" if words[0] == "scale" else "20")


def test_an_undo_lowers_the_mark(under_way: Rollout, kubectl: Kubectl) -> None:
    kubectl("rollout", "undo", "deployment/web")
    verdict = under_way.until("undone")
    assert under_way.hand(verdict).manager.startswith("kubectl")
    assert verdict.diagnosis and verdict.diagnosis.values["number"] == "1"


def test_what_is_nobody_s_harm_goes_on(bench: Bench, kubectl: Kubectl) -> None:
    rollout = Rollout(bench, ours(1, "slow 3"))
    kubectl("annotate", "deployment/web", "team=night")
    kubectl("label", "deployment/web", "team=night")
    kubectl("rollout", "restart", "deployment/web")
    assert rollout.until("complete").updated == 2


def test_a_paused_deployment_has_no_new_pod(bench: Bench, kubectl: Kubectl) -> None:
    Rollout(bench, ours(1)).until("complete")
    kubectl("rollout", "pause", "deployment/web")
    second = Rollout(bench, ours(2))
    verdict = second.until("paused")
    assert (verdict.ready, verdict.updated, [pod.is_new for pod in verdict.pods]) == (0, 0, [False, False])
    kubectl("rollout", "resume", "deployment/web")
    assert second.until("complete").ready == 2


def test_an_autoscaler_is_told_from_a_person(bench: Bench, kubectl: Kubectl) -> None:
    rollout = Rollout(bench, ours(1))
    rollout.until("complete")
    bench.apply(autoscaler(3, 4))
    rollout.until("changed")
    ref = ObjectRef("apps/v1", "Deployment", "web")
    assert is_scaler(bench.client.read(bench.namespace, ref) or {})
    kubectl("scale", "deployment/web", "--replicas=1")
    assert not is_scaler(bench.client.read(bench.namespace, ref) or {})
