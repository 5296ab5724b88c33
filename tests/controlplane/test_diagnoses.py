"""Every row of the diagnosis table, from objects as a real control plane has them.

``RECORD=1`` writes what was seen to ``tests/deployer/recorded.json``, from which ``tests/deployer/test_recorded.py``
judges without a control plane.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployer.interfaces import EventFacts, Manifest, Observation, Verdict
from deployer.verdict import MESSAGES, judge
from tests.contract.cluster_stand_in import Bench
from tests.controlplane import diagnoses
from tests.controlplane.diagnoses import BY_KUBELET, BY_SERVER, ELSEWHERE, Refused, Said
from tests.controlplane.plane import Plane
from tests.controlplane.test_hands import ours
from tests.patience import wait_for

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]
RECORDING = Path(__file__).parents[1] / "deployer" / "recorded.json"
STARTED = "slow 6000"


def test_every_row_has_its_scenario() -> None:
    rows = {code for code in MESSAGES if not code.startswith("entry_")}
    made = {*BY_KUBELET, *BY_SERVER, "controller_silent", "deadline"}
    assert not made & ELSEWHERE.keys()
    assert made | ELSEWHERE.keys() == rows


@pytest.fixture(scope="module")
def recorded() -> Iterator[dict[str, Any]]:
    """What was seen, by code."""
    found: dict[str, Any] = {}
    yield found
    if os.environ.get("RECORD"):
        text = json.dumps(dict(sorted(found.items())), separators=(",", ":"), sort_keys=True)
        RECORDING.write_text(text.replace('},"', '},\n"') + "\n")


class Scene:
    """One Deployment of ours with one pod, and what the product sees of it."""

    def __init__(self, plane: Plane, bench: Bench, recorded: dict[str, Any]) -> None:
        self.plane, self.bench, self.recorded = plane, bench, recorded
        self.ahead = 0
        self.generation = 0

    def kubectl(self, *words: str, given: object = None) -> str:
        text = json.dumps(given) if given is not None else ""
        return self.plane.kubectl(*words, "-n", self.bench.namespace, given=text)

    def make(self, objects: object) -> None:
        """Objects that are there before the Deployment."""
        for one in objects:  # type: ignore[attr-defined]
            self.kubectl("create", "-f", "-", given=one)

    def apply(self, pod: Mapping[str, Any], box: Mapping[str, Any], *, is_init: bool = False, **spec: Any) -> None:
        made = ours(1, STARTED, replicas=1, **box)
        made["spec"] |= spec
        inner = made["spec"]["template"]["spec"]
        inner |= pod
        if is_init:
            inner["initContainers"] = [{"name": "init", "image": inner["containers"][0]["image"]}]
        self.generation = int(self.bench.apply(made).manifest["metadata"]["generation"])

    def seen(self) -> tuple[Observation, tuple[EventFacts, ...]]:
        seen = self.bench.client.observe(self.bench.namespace, "app=web")
        events = self.bench.client.events(self.bench.namespace, seen.pods[0]["metadata"]["uid"]) if seen.pods else ()
        return seen, events

    def verdict(self) -> Verdict:
        seen, events = self.seen()
        now = datetime.now(UTC) + timedelta(seconds=self.ahead)
        self.last = {
            "generation": self.generation,
            "now": now.isoformat(),
            "idle": self.ahead,
            "deployments": seen.deployments,
            "replica_sets": seen.replica_sets,
            "pods": seen.pods,
            "events": [vars(one) for one in events],
        }
        return judged(self.last)

    def expect(self, code: str) -> None:
        def is_there() -> bool:
            found = self.verdict()
            return found.diagnosis is not None and found.diagnosis.code == code

        wait_for(is_there, f"{code} is told", 40)
        self.recorded[code] = self.last

    def pod(self) -> Manifest:
        """The one pod, once the node has its container running, or where it has no node."""

        def there() -> Manifest | None:
            pods = self.seen()[0].pods
            return pods[0] if pods and self._is_still(pods[0]) else None

        found = wait_for(there, "the pod is there", 40)
        assert found is not None
        return found

    @staticmethod
    def _is_still(pod: Manifest) -> bool:
        """Nothing more will be said of it by the node that stands in, for a long time."""
        if pod["spec"].get("schedulingGates"):
            return True
        return any("running" in (one.get("state") or {}) for one in pod["status"].get("containerStatuses") or ())

    def say(self, said: Said) -> None:
        pod = self.pod()
        name = pod["metadata"]["name"]
        body = json.dumps({"status": _status_of(pod, said)})
        self.kubectl("patch", "pod", name, "--subresource=status", "--type=merge", "-p", body)
        for number, (reason, message) in enumerate(said.events):
            self.kubectl("create", "-f", "-", given=_event(pod, number, reason, message))


def _status_of(pod: Manifest, said: Said) -> dict[str, Any]:
    image = pod["spec"]["containers"][0]["image"]
    plain = {"image": image, "imageID": "", "ready": False, "restartCount": 0, "lastState": {}, "started": None}
    own = plain | {"name": "init" if said.is_init else "web"} | dict(said.status or diagnoses.runs(ready=True))
    status: dict[str, Any] = {"startTime": diagnoses.LONG_AGO, **said.of_pod}
    if said.pod.get("schedulingGates"):
        return dict(said.of_pod)
    if said.is_init:
        behind = plain | {"name": "web"} | diagnoses.waits("PodInitializing")
        return status | {"initContainerStatuses": [own], "containerStatuses": [behind]}
    return status | {"containerStatuses": [own]}


def _event(pod: Manifest, number: int, reason: str, message: str) -> dict[str, Any]:
    name, about = pod["metadata"]["name"], {"kind": "Pod", "apiVersion": "v1", "fieldPath": "spec.containers{web}"}
    about |= {part: pod["metadata"][part] for part in ("name", "namespace", "uid")}
    at = f"2026-01-01T00:00:0{number}Z"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{number}"},
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "type": "Warning",
        "source": {"component": "kubelet"},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }


def judged(seen: Mapping[str, Any]) -> Verdict:
    """The verdict on what was seen."""
    now = datetime.fromisoformat(seen["now"])
    observation = Observation(tuple(seen["deployments"]), tuple(seen["replica_sets"]), tuple(seen["pods"]), "1")
    return judge(
        observation,
        name="web",
        applied_generation=seen["generation"],
        deployment_mark="1.1.0000abcd",
        now=now,
        started_at=now,
        last_progress_at=now - timedelta(seconds=seen["idle"]),
        deadline_seconds=900,
        events=tuple(EventFacts(**one) for one in seen["events"]),
    )


@pytest.fixture
def scene(plane: Plane, bench: Bench, recorded: dict[str, Any]) -> Scene:
    return Scene(plane, bench, recorded)


@pytest.mark.parametrize("code", sorted(BY_KUBELET))
def test_what_a_kubelet_says_is_told(scene: Scene, code: str) -> None:
    said = BY_KUBELET[code]
    scene.apply(said.pod, said.box, is_init=said.is_init)
    scene.say(said)
    scene.expect(code)


@pytest.mark.parametrize("code", sorted(BY_SERVER))
def test_what_the_server_refuses_is_told(scene: Scene, code: str) -> None:
    given: Refused = BY_SERVER[code]
    namespace = scene.bench.namespace
    scene.make(given.before)
    if code == "pod_refused":
        scene.make(diagnoses.denied_in(namespace))
        # A policy is in force a moment after it was made.
        trial = ("run", "trial", "--image=present/app:1", "--dry-run=server", "-n", namespace)
        wait_for(lambda: "cost centre" in scene.plane.kubectl(*trial, check=False), "the policy is in force")
    if code == "webhook_silent":
        scene.make(diagnoses.silent_webhook_in(namespace))
    for name, text in given.labels.items():
        scene.plane.kubectl("label", "namespace", namespace, f"{name}={text}")
    scene.apply(given.pod, {name: {} for name in given.is_gone})
    scene.expect(code)


def test_a_controller_that_does_not_react_is_told(scene: Scene) -> None:
    scene.apply({}, {})
    scene.pod()
    with scene.plane.stopped("kube-controller-manager"):
        scene.apply({}, {"args": ["anew"]})
        scene.ahead = 31
        scene.expect("controller_silent")


def test_a_deadline_of_the_controller_s_own_is_told(scene: Scene) -> None:
    scene.apply({}, {}, progressDeadlineSeconds=1)
    scene.expect("deadline")
