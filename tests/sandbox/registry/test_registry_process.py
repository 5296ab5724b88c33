"""The registry as a program: seeds, sign-in, restarts, SIGKILL, and the real skopeo against it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from sandbox.registry.seed import shanghai_time
from tests.sandbox.registry.process import ROOT, RunningRegistry, start_registry

SEEDS = {
    "3rd_part/alpine-like": "alpine-3.8_glibc-2.28",
    "base/middleware/python": "3.11",
    "base/middleware/tomcat": "8.0.14-oraclejdk1.8.0_73",
}


def digests(registry: RunningRegistry, **credentials: object) -> dict[str, str]:
    with httpx.Client(base_url=registry.url, trust_env=False, **credentials) as http:
        found = {name: http.head(f"/v2/{name}/manifests/{tag}") for name, tag in SEEDS.items()}
    return {name: answer.headers["docker-content-digest"] for name, answer in found.items()}


def config_of(registry: RunningRegistry, name: str) -> dict:
    with httpx.Client(base_url=registry.url, trust_env=False) as http:
        manifest = http.get(f"/v2/{name}/manifests/{SEEDS[name]}").json()
        return http.get(f"/v2/{name}/blobs/{manifest['config']['digest']}").json()


def test_seeds_are_the_same_bytes_everywhere(registry: RunningRegistry, tmp_path: Path) -> None:
    other = start_registry(tmp_path / "other")
    try:
        assert digests(other) == digests(registry)
        assert [line for line in other.lines if line.startswith("seeded ")] == [
            f"seeded {name}:{tag}" for name, tag in SEEDS.items()
        ]
    finally:
        other.stop()


def test_middleware_stands_on_the_public_layer(registry: RunningRegistry) -> None:
    public, tomcat = config_of(registry, "3rd_part/alpine-like"), config_of(registry, "base/middleware/tomcat")
    assert tomcat["rootfs"]["diff_ids"][:-1] == public["rootfs"]["diff_ids"]
    assert "TIME_ZONE=Asia/Shanghai" in tomcat["config"]["Env"]
    assert {"APP_HOME=/app", "CATALINA_HOME=/opt/tomcat"} <= set(tomcat["config"]["Env"])
    assert (tomcat["config"]["User"], tomcat["config"]["WorkingDir"]) == ("9999", "/app")


def test_time_zone_of_the_public_layer_is_shanghais(tmp_path: Path) -> None:
    place = tmp_path / "Shanghai"
    place.write_bytes(shanghai_time())
    with place.open("rb") as source:
        zone = ZoneInfo.from_file(source)
    moment = datetime(2026, 7, 1, 12, tzinfo=zone)
    assert (moment.utcoffset().total_seconds(), moment.tzname()) == (8 * 3600, "CST")


def test_state_survives_sigkill_and_half_an_upload(tmp_path: Path) -> None:
    first = start_registry(tmp_path)
    before = digests(first)
    place = httpx.post(f"{first.url}/v2/site/app/blobs/uploads/", trust_env=False).headers["location"]
    httpx.patch(first.url + place, content=b"abc", trust_env=False)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    first.process.stdout.close()
    second = start_registry(tmp_path, port=int(first.address.rpartition(":")[2]))
    try:
        assert second.address == first.address
        assert digests(second) == before
        assert not [line for line in second.lines if line.startswith("seeded")]
        assert httpx.get(second.url + place, trust_env=False).headers["range"] == "0-2"
    finally:
        second.stop()


def test_sign_in_is_asked_for_everywhere(tmp_path: Path) -> None:
    running = start_registry(tmp_path, "--username", "prism", "--password", "secret")
    try:
        for path in ("/v2/", "/v2/_catalog", "/v2/base/middleware/python/manifests/3.11"):
            refused = httpx.get(running.url + path, auth=("prism", "wrong"), trust_env=False)
            assert (refused.status_code, refused.json()["errors"][0]["code"]) == (401, "UNAUTHORIZED")
            assert refused.headers["www-authenticate"].startswith("Basic ")
        assert set(digests(running, auth=("prism", "secret"))) == set(SEEDS)
    finally:
        running.stop()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--username", "prism"], "belong together"),
        (["--host", "0.0.0.0"], "give --username"),
    ],
)
def test_bad_arguments_are_told_at_once(tmp_path: Path, arguments: list[str], words: str) -> None:
    command = [sys.executable, "-m", "sandbox.registry", "--state", str(tmp_path), *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 2
    assert words in ended.stderr


def test_taken_port_and_taken_folder_are_told(registry: RunningRegistry, tmp_path: Path) -> None:
    port = registry.address.rpartition(":")[2]
    command = [sys.executable, "-m", "sandbox.registry", "--port", port, "--state", str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert (ended.returncode, f"port {port}" in ended.stderr) == (2, True)
    holder = start_registry(tmp_path / "held")
    try:
        command = [sys.executable, "-m", "sandbox.registry", "--state", str(tmp_path / "held")]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
        assert (ended.returncode, "another registry" in ended.stderr) == (2, True)
    finally:
        holder.stop()


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
def test_skopeo_copies_out_and_in(registry: RunningRegistry, tmp_path: Path) -> None:
    source = f"docker://{registry.address}/base/middleware/python:3.11"
    folder, target = f"oci:{tmp_path / 'layout'}:x", f"docker://{registry.address}/copied/python:1"
    for command in (
        ["copy", "--src-tls-verify=false", source, folder],
        ["copy", "--dest-tls-verify=false", folder, target],
    ):
        subprocess.run(["skopeo", *command], check=True, capture_output=True, timeout=60)
    seen = subprocess.run(
        ["skopeo", "inspect", "--tls-verify=false", target], check=True, capture_output=True, timeout=60
    )
    assert json.loads(seen.stdout)["Digest"] == digests(registry)["base/middleware/python"]
    layer = json.loads(seen.stdout)["Layers"][0].removeprefix("sha256:")
    with tarfile.open(tmp_path / "layout" / "blobs" / "sha256" / layer) as archive:
        assert "etc/localtime" in archive.getnames()


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("buildah") is None or os.geteuid() != 0, reason="buildah is not installed, or not root"
)
def test_buildah_builds_on_a_seed_and_pushes(registry: RunningRegistry, tmp_path: Path) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "app.pyz").write_text("program")
    dockerfile = f"FROM {registry.address}/base/middleware/python:3.11\nCOPY app.pyz /app/\n"
    (tmp_path / "context" / "Dockerfile").write_text(dockerfile)
    name = f"{registry.address}/site/buildah:1"
    program = ["buildah", "--storage-driver=vfs", "--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]
    for command in (
        ["bud", "--tls-verify=false", "-t", name, str(tmp_path / "context")],
        ["push", "--tls-verify=false", name],
    ):
        done = subprocess.run([*program, *command], capture_output=True, timeout=90)
        assert done.returncode == 0, done.stderr
    answer = httpx.get(f"{registry.url}/v2/site/buildah/manifests/1", trust_env=False)
    assert len(answer.json()["layers"]) == 3
