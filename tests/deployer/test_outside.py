"""Complete and ours: what others changed on a workload while it rolls out, and whose hand it was."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from deployer.interfaces import Manifest, Observation, Verdict
from deployer.verdict import AppliedWorkload, hand_of, is_scaler, judge
from tests.deployer.test_verdict import FACTS, code_of

MARK = "1.7.0000abcd"
OURS: Manifest = {
    "metadata": {"name": "web", "labels": {"app": "web"}, "annotations": {"prism4k.io/deployment": MARK}},
    "spec": {
        "replicas": 3,
        "template": {
            "metadata": {"labels": {"app": "web"}, "annotations": {"prism4k.io/restarted-at": "now"}},
            "spec": {"containers": [{"name": "web", "image": "r/app:2", "resources": {"limits": {"cpu": "0.1"}}}]},
        },
    },
}
FULL = {"observedGeneration": 5, "updatedReplicas": 3, "replicas": 3, "availableReplicas": 3}


def live_after(change: Any = None, *, generation: int = 5) -> Manifest:
    """The server's object: numbers as it writes them, and its defaults."""
    found = copy.deepcopy(OURS)
    found["metadata"] |= {"uid": "d", "generation": generation}
    found["spec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"cpu": "100m"}}
    found["spec"] |= {"progressDeadlineSeconds": 600, "strategy": {"type": "RollingUpdate"}}
    found["status"] = FULL
    if change:
        change(found)
    return found


ANSWER = live_after()["spec"]


def judged(live: Manifest, spec: Any = ANSWER, *, is_scaled: bool = False, applied_generation: int = 4) -> Verdict:
    applied = AppliedWorkload(OURS, spec, is_scaled)
    facts = FACTS | {"applied_generation": applied_generation, "deployment_mark": MARK, "applied": applied}
    return judge(Observation((live,), (), (), "1"), **facts)


def box(live: Manifest) -> Any:
    return live["spec"]["template"]["spec"]["containers"][0]


def at(*path: str, value: Any) -> Any:
    def change(live: Manifest) -> None:
        here = live
        for part in path[:-1]:
            here = here.setdefault(part, {})
        here[path[-1]] = value

    return change


FOREIGN = {
    "set image": (lambda live: box(live).update(image="r/app:1"), '.containers[name="web"].image (r/app:2 → r/app:1)'),
    "scale": (at("spec", "replicas", value=1), ".spec.replicas (3 → 1)"),
    "edit: a variable more": (lambda live: box(live).update(env=[{"name": "A", "value": "b"}]), ".env"),
    "edit: a container more": (
        lambda live: live["spec"]["template"]["spec"]["containers"].append({"name": "agent"}), '[name="agent"]'
    ),
    "edit: the strategy": (at("spec", "strategy", value={"type": "Recreate"}), ".spec.strategy"),
    "annotate: ours": (
        at("spec", "template", "metadata", "annotations", "prism4k.io/restarted-at", value="x"),
        '.spec.template.metadata.annotations["prism4k.io/restarted-at"]',
    ),
    "label: ours": (at("metadata", "labels", value={}), '.metadata.labels["app"]'),
}  # fmt: skip


@pytest.mark.parametrize("name", FOREIGN)
def test_what_somebody_else_wrote_is_never_complete(name: str) -> None:
    change, told = FOREIGN[name]
    verdict = judged(live_after(change))
    assert code_of(verdict) == ("changed", "changed_outside")
    assert verdict.diagnosis and told in str(verdict.diagnosis.values["fields"])


@pytest.mark.parametrize("name", ["set image", "scale", "label: ours"])
def test_images_replicas_and_marks_are_compared_where_the_answer_was_not_kept(name: str) -> None:
    assert judged(live_after(FOREIGN[name][0]), None).outcome == "changed"
    assert judged(live_after(), None).outcome == "complete"


HARMLESS = {
    "annotate: theirs": at("metadata", "annotations", "team", value="night"),
    "label: theirs": at("metadata", "labels", "team", value="night"),
    "rollout restart": at(
        "spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt", value="1"
    ),
    "a label of the pods": at("spec", "template", "metadata", "labels", "team", value="night"),
    "changed and changed back": None,
    "revisionHistoryLimit, which we never set": at("spec", "revisionHistoryLimit", value=3),
    "pause": at("spec", "paused", value=True),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_nobody_s_harm_goes_on(name: str) -> None:
    verdict = judged(live_after(HARMLESS[name]))
    assert verdict.outcome == "complete"
    assert "changed outside" in verdict.message


def test_replicas_are_the_autoscaler_s_where_there_is_one() -> None:
    scaled = live_after(at("spec", "replicas", value=5))
    scaled["status"] = {"observedGeneration": 5, "updatedReplicas": 5, "replicas": 5, "availableReplicas": 5}
    assert judged(scaled).outcome == "changed"
    assert judged(scaled, is_scaled=True).outcome == "complete"
    both = live_after(at("spec", "replicas", value=5))
    box(both)["image"] = "r/app:1"
    assert judged(both, is_scaled=True).outcome == "changed"


def test_the_same_generation_is_the_same_spec() -> None:
    changed_by_the_server = live_after(lambda live: box(live).update(env=[{"name": "A"}]))
    assert judged(changed_by_the_server, applied_generation=5).outcome == "complete"


@pytest.mark.parametrize(
    ("mark", "outcome", "said"),
    [
        ("1.6.0000abcd", "undone", "deployment 6 runs again"),
        ("0.9.0000abcd", "undone", "deployment 9 runs again"),
        ("1.8.0000abcd", "superseded", "Deployment 8 took its place."),
        ("2.1.0000abcd", "superseded", "Deployment 1 took its place."),
        ("garbage", "changed", "replaced"),
        (None, "changed", "replaced"),
    ],
)
def test_a_lower_mark_is_an_undo_a_higher_one_a_later_deployment(mark: Any, outcome: str, said: str) -> None:
    verdict = judged(live_after(at("metadata", "annotations", value={"prism4k.io/deployment": mark} if mark else {})))
    assert verdict.outcome == outcome
    assert said in str(verdict.message)
    if outcome != "superseded":
        code_of(verdict)


# ---------------------------------------------------------------- whose hand
def entry(manager: str, time: str, fields: Any, **more: Any) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields, **more}


IMAGE = {"f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"web"}': {"f:image": {}}}}}}}
REPLICAS = {"f:spec": {"f:replicas": {}}}


def owned(*entries: dict[str, Any]) -> Manifest:
    return {"metadata": {"managedFields": list(entries)}}


def test_the_hand_is_the_owner_of_the_field() -> None:
    live = owned(
        entry("prism4k", "2026-11-20T13:00:00Z", IMAGE),
        entry("kubectl-set", "2026-11-20T12:00:00Z", IMAGE),
        entry("kubectl-annotate", "2026-11-20T12:30:00Z", {"f:metadata": {"f:annotations": {"f:a.b/c": {}}}}),
        entry("kube-controller-manager", "2026-11-20T12:40:00Z", {"f:status": {}}, subresource="status"),
    )
    image = '.spec.template.spec.containers[name="web"].image (a → b)'
    assert (hand_of(live, [image]).manager, hand_of(live, [image]).at) == ("kubectl-set", "2026-11-20T12:00:00Z")
    assert hand_of(live, ['.metadata.annotations["a.b/c"]']).manager == "kubectl-annotate"
    removed = ".spec.template.spec.volumes"
    assert hand_of(live, [removed]).manager == "kubectl-annotate", "whoever wrote last"
    assert hand_of(None, [image]).manager == "" == hand_of(owned(), [image]).manager


def test_an_atomic_field_is_owned_as_a_whole() -> None:
    live = owned(entry("kubectl-patch", "2026-11-20T12:00:00Z", {"f:spec": {"f:template": {"f:spec": {"f:args": {}}}}}))
    assert hand_of(live, [".spec.template.spec.args[0]"]).manager == "kubectl-patch"


def test_an_autoscaler_writes_through_scale_as_the_controllers_do() -> None:
    scaler = entry("kube-controller-manager", "2026-11-20T12:00:00Z", REPLICAS, subresource="scale")
    person = entry("kubectl", "2026-11-20T12:01:00Z", REPLICAS, subresource="scale")
    assert is_scaler(owned(scaler))
    assert not is_scaler(owned(scaler, person))
    assert not is_scaler(owned(entry("kube-controller-manager", "2026", REPLICAS)))
