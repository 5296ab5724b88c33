"""Images travel: packed on a base from the real stand-in registry, pushed, and read by skopeo and buildah's rules."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.packer import HttpPuller, PackedImage, PackError, pack, push
from tests.sandbox.registry.process import RunningRegistry, guarded_registry

TAG = "K8S20180918055120CK"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with guarded_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def make(registry: RunningRegistry, folder: Path, marker: str, password: str = "secret") -> PackedImage:
    context = folder / "context"
    context.mkdir(exist_ok=True)
    (context / "app.pyz").write_text(marker)
    text = f'FROM {registry.address}/base/middleware/python:3.11\nCOPY app.pyz ./\nCMD ["python3", "app.pyz"]\n'
    return pack(
        context=context,
        dockerfile=text,
        labels={"trigger": marker},
        scratch=folder / "scratch",
        log=lambda line: None,
        pull=HttpPuller("prism", password),
    )


def send(image: PackedImage, destination: str, password: str = "secret", lines: list[str] | None = None) -> str:
    return push(
        image, destination, log=(lines if lines is not None else []).append, username="prism", password=password
    )


def test_image_on_a_pulled_base_is_what_the_registry_shows(registry: RunningRegistry, tmp_path: Path) -> None:
    image = make(registry, tmp_path, "one")
    assert (len(image.layers), image.document["config"]["User"]) == (3, "9999")
    digest = send(image, f"{registry.address}/site/app:{TAG}")
    answer = httpx.get(f"{registry.url}/v2/site/app/manifests/{TAG}", auth=("prism", "secret"), trust_env=False)
    assert (answer.headers["docker-content-digest"], answer.content) == (digest, image.manifest)


def test_pushing_again_sends_no_blob_twice(registry: RunningRegistry, tmp_path: Path) -> None:
    image, lines = make(registry, tmp_path, "twice"), []
    first = send(image, f"{registry.address}/site/twice:{TAG}")
    assert send(image, f"{registry.address}/site/twice:{TAG}", lines=lines) == first
    assert len([line for line in lines if line.endswith("already exists")]) == len(image.layers) + 1


def test_an_orders_tag_is_never_overwritten(registry: RunningRegistry, tmp_path: Path) -> None:
    send(make(registry, tmp_path, "first"), f"{registry.address}/site/once:{TAG}")
    with pytest.raises(PackError, match="configured as immutable"):
        send(make(registry, tmp_path, "second"), f"{registry.address}/site/once:{TAG}")


def test_wrong_password_is_told_and_not_repeated(registry: RunningRegistry, tmp_path: Path) -> None:
    image = make(registry, tmp_path, "secret")
    with pytest.raises(PackError, match="401 UNAUTHORIZED") as caught:
        send(image, f"{registry.address}/site/app:x", password="hunter2")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(PackError, match=r"^line 1: .*401"):
        make(registry, tmp_path / "context", "again", password="hunter2")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("{registry}/base/middleware/none:1", "cannot be pulled: 404"),
        ("127.0.0.1:1/site/app:1", "127.0.0.1:1 does not answer"),
        ("python:3.11", "is no image name"),
        ("library/python:3.11", "names no registry"),
        ("127.0.0.1:1/Site/App:1", "is no image name"),
    ],
)
def test_base_that_cannot_be_pulled_is_one_message(
    registry: RunningRegistry, tmp_path: Path, name: str, words: str
) -> None:
    text = f"FROM {name.format(registry=registry.address)}"
    puller = HttpPuller("prism", "secret")
    with pytest.raises(PackError, match=r"^line 1: ") as caught:
        pack(context=tmp_path, dockerfile=text, labels={}, scratch=tmp_path / "s", log=lambda line: None, pull=puller)
    assert words in str(caught.value)


def test_dead_registry_is_told(tmp_path: Path) -> None:
    image = pack(context=tmp_path, dockerfile="FROM scratch", labels={}, scratch=tmp_path / "s", log=lambda line: None)
    with pytest.raises(PackError, match="does not answer"):
        send(image, "127.0.0.1:1/site/app:x")


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
def test_skopeo_reads_and_copies_what_was_packed(registry: RunningRegistry, tmp_path: Path) -> None:
    digest = send(make(registry, tmp_path, "skopeo"), f"{registry.address}/site/skopeo:{TAG}")
    name = f"docker://{registry.address}/site/skopeo:{TAG}"
    options = ["--tls-verify=false", "--creds", "prism:secret"]
    seen = subprocess.run(["skopeo", "inspect", *options, name], check=True, capture_output=True, timeout=60)
    facts = json.loads(seen.stdout)
    assert (facts["Digest"], facts["Labels"]["trigger"]) == (digest, "skopeo")
    # Copying to a folder makes skopeo read and check every layer against its digest and the config.
    copied = subprocess.run(
        ["skopeo", "copy", "--src-tls-verify=false", "--src-creds", "prism:secret", name, f"oci:{tmp_path / 'out'}:x"],
        capture_output=True,
        timeout=60,
    )
    assert copied.returncode == 0, copied.stderr
