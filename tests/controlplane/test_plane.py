"""The control plane itself: rollouts, pods on our node, kubectl, the way to pods, and an end that leaves nothing."""

import os
import subprocess

import pytest

from deployer.interfaces import ObjectRef
from tests.contract.cluster_stand_in import Bench, workload
from tests.controlplane.plane import PRESENT, Plane, running_plane
from tests.patience import wait_for

pytestmark = [pytest.mark.controlplane, pytest.mark.slow]

PORTS = [{"containerPort": 8080, "name": "http"}]


def rolled_out(plane: Plane, namespace: str, name: str = "web") -> str:
    return plane.kubectl("rollout", "status", f"deployment/{name}", "-n", namespace, "--timeout=60s")


def with_scenario(words: str, **given: object) -> dict[str, object]:
    made = workload(image=f"{PRESENT}app:1", **given)
    made["spec"]["template"]["metadata"]["annotations"] = {"prism4k.io/scenario": words}
    return made


def test_kubectl_and_server_are_of_one_version(plane: Plane) -> None:
    said = plane.kubectl("version")
    assert said.count("v1.36.3") == 2


def test_a_deployment_rolls_out_on_our_node_and_its_log_is_read(plane: Plane, bench: Bench) -> None:
    bench.apply(with_scenario("slow 0", replicas=2))
    assert "successfully rolled out" in rolled_out(plane, bench.namespace)
    pods = plane.kubectl("get", "pods", "-n", bench.namespace, "-o", "wide")
    assert pods.count("1/1") == 2 and pods.count("stand-in-1") == 2
    name = pods.splitlines()[1].split()[0]
    assert "INFO web starting" in plane.kubectl("logs", name, "-n", bench.namespace)
    assert "Started container web" in plane.kubectl("describe", "pod", name, "-n", bench.namespace)


def test_a_crash_shows_as_back_off_with_its_last_log(plane: Plane, bench: Bench) -> None:
    bench.apply(with_scenario("crash", replicas=1))

    def back_off() -> str:
        said = plane.kubectl("get", "pods", "-n", bench.namespace, "--no-headers")
        return said if "CrashLoopBackOff" in said else ""

    name = wait_for(back_off, "it backs off").split()[0]
    assert "DATABASE_URL" in plane.kubectl("logs", "--previous", name, "-n", bench.namespace)


def test_a_service_is_reached_through_the_server_s_proxy(plane: Plane, bench: Bench) -> None:
    bench.apply(with_scenario("slow 0", replicas=1, ports=PORTS))
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http", "name": "http"}]}
    bench.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
    rolled_out(plane, bench.namespace)
    path = f"/api/v1/namespaces/{bench.namespace}/services/web:http/proxy/healthz"

    def answer() -> str:
        said = plane.kubectl("get", "--raw", path, check=False)
        return said if "ready" in said else ""

    said = wait_for(answer, "it answers")
    assert '"path": "/healthz"' in said


def test_a_pod_that_is_deleted_ends_and_is_replaced(plane: Plane, bench: Bench) -> None:
    bench.apply(with_scenario("slow 0", replicas=1))
    rolled_out(plane, bench.namespace)
    name = plane.kubectl("get", "pods", "-n", bench.namespace, "-o", "name").strip()
    plane.kubectl("delete", name, "-n", bench.namespace, "--wait=true", "--timeout=20s")
    wait_for(
        lambda: plane.kubectl("get", "pods", "-n", bench.namespace, "--no-headers").count("1/1") == 1, "another one"
    )
    assert name not in plane.kubectl("get", "pods", "-n", bench.namespace, "-o", "name")


def test_the_server_is_killed_and_is_there_again_with_its_objects(plane: Plane, bench: Bench) -> None:
    bench.apply(with_scenario("slow 0", replicas=1))
    rolled_out(plane, bench.namespace)
    plane.kill("kube-apiserver")
    ref = ObjectRef("apps/v1", "Deployment", "web")
    wait_for(lambda: plane.kubectl("get", "--raw", "/readyz", check=False) == "ok", "it is ready", 60)
    assert bench.client.read(bench.namespace, ref) is not None


def test_nothing_outlives_a_killed_parent() -> None:
    """Also SIGKILL, which no program can answer: each part ends with the pipe that we hold."""
    with running_plane("--no-node") as plane:
        pids = [plane.pid(part) for part in ("etcd", "kube-apiserver", "kube-controller-manager")]
        parent = int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(pids[0])], text=True))
        os.kill(parent, 9)
        wait_for(lambda: not any(_lives(pid) for pid in pids), "all three end", 10)


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
