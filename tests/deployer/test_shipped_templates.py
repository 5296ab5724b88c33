"""The shipped templates: render, pass the check, and hold what they promise."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployer.interfaces import Manifest, RenderRequest
from deployer.manifests import Identity, Policy, check, find_workload, prepare
from deployer.rendering import render, render_text

FOLDER = Path(__file__).parents[2] / "yaml_templates"
IMAGE = "127.0.0.1:5000/omm/gw@sha256:" + "a" * 64


def values(**more: Any) -> dict[str, Any]:
    return {
        "order": {"number": "K8S20261120101500AB", "commit": "c" * 40, "branch": "main"},
        "component": {
            "name": "理财网关组件",
            "slug": "gw",
            "service": "gateway",
            "project": "omm",
            "package": "gw.pyz",
        },
        "environment": {"slug": "fat", "namespace": "omm-fat", "is_production": False, "pull_secrets": []},
        "image": IMAGE,
        "replicas": 2,
        "resources": {"cpu_request": "2", "cpu_limit": "4", "memory_request": "2Gi", "memory_limit": "4Gi"},
        "config": {"name": "gw-config", "env": {"A": "yes", "B": "x\ny: z"}, "files": {"app.conf": "a = 1\n"}},
        "ports": [{"name": "http", "port": 8080}, {"name": "admin", "port": 9090}],
    } | more


def manifests(family: str, **more: Any) -> tuple[Manifest, ...]:
    names = [f"prism-{family}-deployment.yaml", f"prism-{family}-service.yaml"]
    return render(RenderRequest({name: (FOLDER / name).read_text() for name in names}, values(**more))).manifests


POLICY = Policy(namespace="omm-fat", component="gw", image=IMAGE, service="gateway", secrets=frozenset({"db"}))
FAMILIES = ["jdk8", "python"]


@pytest.mark.parametrize("family", FAMILIES)
def test_they_pass_the_check_with_and_without_configuration(family: str) -> None:
    assert check(manifests(family), POLICY) == ()
    bare = {"name": "gw-config", "env": {}, "files": {}}
    assert check(manifests(family, config=bare), POLICY) == ()
    assert [m["kind"] for m in manifests(family, config=bare)] == ["Deployment", "Service"]


@pytest.mark.parametrize("family", FAMILIES)
def test_they_hold_what_operations_expect(family: str) -> None:
    spec = find_workload(manifests(family))["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["template"]["metadata"]["annotations"]["prometheus.io/port"] == "8080"
    pod = spec["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == 9999
    box = pod["containers"][0]
    assert {"readinessProbe", "livenessProbe"} <= set(box)
    assert box["resources"] == {"requests": {"cpu": "2", "memory": "2Gi"}, "limits": {"cpu": "4", "memory": "4Gi"}}
    assert box["image"] == IMAGE


@pytest.mark.parametrize("family", FAMILIES)
def test_configuration_reaches_the_pod_as_it_was_typed(family: str) -> None:
    identity = Identity("K8S20261120101500AB", "c" * 40, "omm", "gw", "fat", "omm-fat")
    env_map, file_map, _service, workload = prepare(manifests(family), identity)
    assert env_map["data"] == {"A": "yes", "B": "x\ny: z"}
    assert file_map["data"] == {"app.conf": "a = 1\n"}
    pod = workload["spec"]["template"]["spec"]
    assert pod["containers"][0]["envFrom"] == [{"configMapRef": {"name": env_map["metadata"]["name"]}}]
    assert pod["volumes"][0]["configMap"]["name"] == file_map["metadata"]["name"]
    assert pod["volumes"][0]["configMap"]["items"] == [{"key": "app.conf", "path": "app.conf"}]


@pytest.mark.parametrize("family", ["jdk8", "python"])
def test_images_are_pulled_with_what_the_space_was_granted(family: str) -> None:
    place = values()["environment"] | {"pull_secrets": ["prism4k-pull-main"]}
    (workload,) = (one for one in manifests(family, environment=place) if one["kind"] == "Deployment")
    assert workload["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": "prism4k-pull-main"}]
    (bare,) = (one for one in manifests(family) if one["kind"] == "Deployment")
    assert "imagePullSecrets" not in bare["spec"]["template"]["spec"]


def test_references_to_secrets_are_the_policy_s_to_allow() -> None:
    config = {
        "name": "gw-config",
        "env": {},
        "files": {},
        "secrets": {"DB_PASSWORD": {"secret": "db", "key": "password"}},
    }
    made = manifests("python", config=config)
    assert check(made, POLICY) == ()
    assert check(made, Policy("omm-fat", "gw", IMAGE, service="gateway"))


@pytest.mark.parametrize(
    ("dockerfile", "start"),
    [("dockerfile-jdk8-ant", "bootstart-jdk8.sh"), ("dockerfile-python", "bootstart-python.sh")],
)
def test_dockerfile_and_start_script_need_no_run(dockerfile: str, start: str, tmp_path: Path) -> None:
    sources = {name: (FOLDER / name).read_text() for name in (dockerfile, start)}
    given = {"base_image": "127.0.0.1:5000/base/middleware:1", "package": "gw.pyz", "component": values()["component"]}
    texts = render_text(RenderRequest(sources, given))
    lines = [line.split()[0] for line in texts[dockerfile].text.splitlines() if line and not line.startswith("#")]
    assert lines == ["FROM", "WORKDIR", "COPY", "COPY", "USER", "CMD"]
    assert "FROM 127.0.0.1:5000/base/middleware:1" in texts[dockerfile].text
    assert "package=gw.pyz" in texts[start].text


SHELLS = [[shell] for shell in ("dash", "bash") if shutil.which(shell)]
if shutil.which("busybox"):
    SHELLS.append(["busybox", "sh"])


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
@pytest.mark.parametrize(("start", "package"), [("bootstart-jdk8.sh", "gw.jar"), ("bootstart-python.sh", "gw.pyz")])
def test_variables_of_any_name_reach_the_program(shell: list[str], start: str, package: str, tmp_path: Path) -> None:
    given = {"package": package, "component": values()["component"]}
    text = render_text(RenderRequest({start: (FOLDER / start).read_text()}, given))[start].text
    script = tmp_path / "start.sh"
    script.write_text(text.replace("cd /app", f"cd {tmp_path}"))
    # Not the virtual environment's: its path may have a space, which a first line cannot have.
    interpreter = os.path.realpath(sys.executable)
    for name in ("java", "python3"):
        program = tmp_path / name
        program.write_text(
            f"#!{interpreter}\nimport json, os, sys\n"
            "json.dump([dict(os.environ), sys.argv[1:], os.getpid()], open('seen.json', 'w'))\n"
        )
        program.chmod(0o755)
    wanted = {
        "spring.profiles.active": "uat, 'prd' \"x\" $HOME `id` \\n",
        "my-name": "two\nlines = 2\n",
        "a.empty": "",
        "PLAIN": "as ever\n",
    }
    process = subprocess.Popen(
        [*shell, str(script)], env={**wanted, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, stderr=subprocess.PIPE
    )
    _out, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, b"")
    seen, arguments, pid = json.loads((tmp_path / "seen.json").read_text())
    assert {name: seen.get(name) for name in wanted} == wanted
    assert arguments[-1] == package
    # It took the shell's place, so that the signal to end reaches it.
    assert pid == process.pid
