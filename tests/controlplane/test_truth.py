"""What the page says serves is what the cluster runs, also after somebody changed it with kubectl."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests.controlplane.stage import SLOW_BRANCH, Stage
from tests.patience import at_most, wait_for
from tests.whole.people import Carried

pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def serving(stage: Stage) -> Carried:
    """An order that came through."""
    order = stage.order()
    order.to_fat()
    return order


@pytest.fixture
def good(stage: Stage, serving: Carried) -> Carried:
    """It serves again, by its own snapshot, and somebody has looked at it since."""
    if stage.image() != serving.overview()["image_digest"] or not stage.is_sure():
        if (live := stage.live()) is not None and live["spec"].get("paused"):
            stage.kubectl("rollout", "resume", f"deployment/{stage.name}")
        stage.kubectl("delete", "deployment", stage.name, "--ignore-not-found", "--cascade=foreground")
        wait_for(lambda: not stage.told()["in_progress"], "nothing is under way", 60)
        if serving.at("fat")["promotion"] is None:
            serving.promote("fat")
        serving.start_deployment("fat")
        assert stage.wait_ended(serving)["state"] == "succeeded"
    wait_for(stage.is_sure, "the page is sure of it", 30)
    return serving


def start_slow(stage: Stage) -> Carried:
    """A rollout that takes its time, with its first new pod there."""
    order = stage.order(SLOW_BRANCH)
    order.promote("fat")
    order.start_deployment("fat")
    digest = order.overview()["image_digest"]
    wait_for(lambda: stage.image() == digest, "it is applied")
    return order


def container_of(stage: Stage) -> str:
    live = stage.live()
    assert live is not None
    return str(live["spec"]["template"]["spec"]["containers"][0]["name"])


def test_kubectl_shows_who_deployed_what(stage: Stage, good: Carried) -> None:
    live = stage.live()
    assert live is not None
    annotations = live["metadata"]["annotations"]
    assert good.number in annotations["kubernetes.io/change-cause"]
    assert good.number in stage.kubectl("rollout", "history", f"deployment/{stage.name}")
    managers = {entry["manager"] for entry in json.loads(
        stage.kubectl("get", "deployment", stage.name, "-o", "json", "--show-managed-fields")
    )["metadata"]["managedFields"]}  # fmt: skip
    assert managers == {"prism4k", "kube-controller-manager"}


def test_what_was_there_before_our_deployment_is_not_ours(stage: Stage, good: Carried) -> None:
    stage.kubectl("set", "env", f"deployment/{stage.name}", "ODD=1")
    order = stage.order()
    order.promote("fat")
    order.start_deployment("fat")
    assert stage.wait_ended(order)["state"] == "succeeded"

    def told() -> list[str]:
        return [row["manager"] for row in stage.told()["drift"] if row["path"].endswith('.env[name="ODD"]')]

    wait_for(lambda: told() == ["kubectl-set"], f"the page tells whose it is, {stage.told()}", at_most(5))
    stage.kubectl("set", "env", f"deployment/{stage.name}", "ODD-")


def test_an_image_put_back_in_the_middle_is_no_success(stage: Stage, good: Carried) -> None:
    live = stage.live()
    assert live is not None
    old = live["spec"]["template"]["spec"]["containers"][0]["image"]
    order = start_slow(stage)
    stage.kubectl("set", "image", f"deployment/{stage.name}", f"{container_of(stage)}={old}")
    ended = stage.wait_ended(order)
    assert ended["state"] == "failed" and "kubectl" in ended["message"], ended
    assert stage.told()["order"] == good.number


def test_a_number_of_pods_set_in_the_middle_is_no_success(stage: Stage, good: Carried) -> None:
    order = start_slow(stage)
    stage.kubectl("scale", f"deployment/{stage.name}", "--replicas=3")
    ended = stage.wait_ended(order)
    assert ended["state"] == "failed" and "kubectl" in ended["message"], ended


def test_an_undo_in_the_middle_is_a_failure_and_not_a_later_deployment(stage: Stage, good: Carried) -> None:
    order = start_slow(stage)
    stage.kubectl("rollout", "undo", f"deployment/{stage.name}")
    ended = stage.wait_ended(order)
    assert ended["state"] == "failed", ended
    assert stage.told()["order"] == good.number


def test_a_second_field_manager_in_the_middle_is_no_success(stage: Stage, good: Carried) -> None:
    """Another tool applies, by the server, a field of ours with force: as Argo CD or a script of somebody would."""
    order = start_slow(stage)
    theirs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": stage.name},
        "spec": {"replicas": 3},
    }
    file = stage.product.data / "theirs.json"
    file.write_text(json.dumps(theirs))
    force = ("--server-side", "--force-conflicts", "--field-manager=other-tool")
    stage.kubectl("apply", *force, "--validate=false", "-f", str(file))
    ended = stage.wait_ended(order)
    assert ended["state"] == "failed" and "other-tool" in ended["message"], ended
    wait_for(lambda: stage.told()["order"] == good.number or not stage.is_sure(), "the page claims nothing", at_most(5))


def test_an_annotation_of_somebody_else_disturbs_nothing(stage: Stage, good: Carried) -> None:
    order = start_slow(stage)
    stage.kubectl("annotate", f"deployment/{stage.name}", "team.example.com/note=looked-at")
    assert stage.wait_ended(order)["state"] == "succeeded"


def test_a_deployment_deleted_in_the_middle_is_a_failure(stage: Stage, good: Carried) -> None:
    order = start_slow(stage)
    stage.kubectl("delete", f"deployment/{stage.name}")
    ended = stage.wait_ended(order)
    assert ended["state"] == "failed", ended


@pytest.mark.parametrize(
    "act",
    [
        ("scale", "--replicas=3"),
        ("set", "env", "ODD=1"),
        ("rollout", "pause"),
        ("delete",),
    ],
    ids=["scale", "set-env", "pause", "delete"],
)
def test_what_was_changed_afterwards_is_seen_within_five_seconds(
    stage: Stage, good: Carried, act: tuple[str, ...]
) -> None:
    where = f"deployment/{stage.name}"
    words = {"set": [act[0], "env", where, "ODD=1"], "rollout": ["rollout", "pause", where]}.get(
        act[0], [act[0], where, *act[1:]]
    )
    stage.kubectl(*words)
    wait_for(lambda: not stage.is_sure(), "the page has its doubts", at_most(5))


def test_a_killed_server_is_survived_in_the_middle(stage: Stage, good: Carried) -> None:
    order = start_slow(stage)
    pids = json.loads((stage.product.data / "sandbox" / "controlplane" / "pids.json").read_text())
    os.kill(pids["kube-apiserver"], signal.SIGKILL)
    assert stage.wait_ended(order)["state"] == "succeeded"
    assert stage.image() == order.overview()["image_digest"]


def test_a_stopped_controller_is_waited_for(stage: Stage, good: Carried) -> None:
    pids = json.loads((stage.product.data / "sandbox" / "controlplane" / "pids.json").read_text())
    os.kill(pids["kube-controller-manager"], signal.SIGSTOP)
    try:
        order = start_slow(stage)
        wait_for(lambda: order.at("fat")["deployment"]["progress"], "it is looked at")
        assert order.at("fat")["deployment"]["state"] == "running"
        assert not stage.is_sure()
    finally:
        os.kill(pids["kube-controller-manager"], signal.SIGCONT)
    assert stage.wait_ended(order)["state"] == "succeeded"
