"""The registry adapter against the real stand-in registry: what lies under a tag, what is absent, who is refused."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deployer.adapters.registry import OciRegistry, connect
from deployer.errors import Forbidden, NoFact, Rejected, Unavailable
from deployer.interfaces import RegistryTarget
from sandbox.packer import HttpPuller, PackedImage, pack, push
from tests.patience import at_most
from tests.proxy import Proxy
from tests.sandbox.registry.process import RunningRegistry, guarded_registry, start_registry

pytestmark = pytest.mark.contract
TAG = "K8S20180918055120CK"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    with guarded_registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


def client(running: RunningRegistry, username: str = "prism", password: str = "secret") -> OciRegistry:
    target = RegistryTarget("registry:1", running.address, running.url, username=username, password=password)
    return connect(target)


@pytest.fixture(scope="module")
def pushed(running: RunningRegistry, tmp_path_factory: pytest.TempPathFactory) -> PackedImage:
    folder = tmp_path_factory.mktemp("image")
    (folder / "app.pyz").write_text("program")
    image = pack(
        context=folder,
        dockerfile=f"FROM {running.address}/base/middleware/python:3.11\nCOPY app.pyz /app/",
        labels={"prism4k.trigger": "t-1"},
        scratch=folder / "scratch",
        log=lambda line: None,
        pull=HttpPuller("prism", "secret"),
    )
    push(image, f"{running.address}/site/app:{TAG}", log=lambda line: None, username="prism", password="secret")
    return image


def test_image_by_tag_and_by_digest(running: RunningRegistry, pushed: PackedImage) -> None:
    facts = client(running).image("site/app", TAG)
    assert facts is not None
    assert facts.digest == pushed.digest
    assert facts.labels["prism4k.trigger"] == "t-1"
    assert facts.layers == tuple(layer.digest for layer in pushed.layers)
    assert facts.size == sum(layer.size for layer in pushed.layers) + len(pushed.config)
    assert facts.created == pushed.document["created"]
    assert client(running).image("site/app", facts.digest) == facts


@pytest.mark.parametrize(
    ("repository", "reference"), [("site/app", "absent"), ("no/such", TAG), ("site/app", "sha256:" + "0" * 64)]
)
def test_absent_is_none(running: RunningRegistry, pushed: PackedImage, repository: str, reference: str) -> None:
    assert client(running).image(repository, reference) is None


def test_index_gives_the_amd64_labels_and_its_own_digest(running: RunningRegistry, pushed: PackedImage) -> None:
    kind = "application/vnd.oci.image.index.v1+json"
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": pushed.digest, "size": 1}
    index = {"schemaVersion": 2, "mediaType": kind}
    index["manifests"] = [{**entry, "platform": {"os": "linux", "architecture": "amd64"}}]
    content = json.dumps(index).encode()
    place = f"{running.url}/v2/site/app/manifests/both"
    headers = {"Content-Type": kind}
    stored = httpx.put(place, content=content, headers=headers, auth=("prism", "secret"), trust_env=False)
    assert stored.status_code == 201
    facts = client(running).image("site/app", "both")
    assert facts is not None
    assert facts.digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert facts.labels["prism4k.trigger"] == "t-1"


@pytest.mark.parametrize(("username", "password"), [("prism", "hunter2"), ("", "")])
def test_wrong_account_is_forbidden(running: RunningRegistry, username: str, password: str) -> None:
    for ask in (lambda one: one.describe(), lambda one: one.image("site/app", TAG)):
        with pytest.raises(Forbidden) as caught:
            ask(client(running, username, password))
        assert "hunter2" not in str(caught.value)


def test_describe_tells_version_and_account(running: RunningRegistry) -> None:
    facts = client(running).describe()
    assert (facts.version, facts.user) == ("registry/2.0", "prism")
    assert 0 <= facts.latency_ms < 5000


@pytest.mark.parametrize(
    ("repository", "reference"),
    [
        ("../site", "x"),
        ("Site/App", "x"),
        ("site/app", "a/b"),
        ("site/app", "-x"),
        ("site/app\n", "x"),
        ("a" * 300, "x"),
    ],
)
def test_bad_names_are_refused_before_anything_is_sent(repository: str, reference: str) -> None:
    dead = connect(RegistryTarget("registry:1", "127.0.0.1:1", "http://127.0.0.1:1"))
    with pytest.raises(Rejected):
        dead.image(repository, reference)


def test_refused_connection_is_unavailable() -> None:
    dead = connect(RegistryTarget("registry:1", "127.0.0.1:1", "http://127.0.0.1:1"))
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 cannot be reached"):
        dead.image("site/app", "x")


def test_silent_server_is_unavailable_within_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.adapters.registry.transport.READ_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        silent = connect(RegistryTarget("registry:1", address, f"http://{address}"))
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="took longer"):
            silent.describe()
        assert time.monotonic() - begun < at_most(3)


@pytest.mark.parametrize("page", ["<html>Sign in</html>", "", "\n\n<!doctype html>"])
def test_a_page_in_the_place_of_the_registry_is_no_fact(running: RunningRegistry, page: str) -> None:
    """A proxy that asks for a sign-in answers 200."""
    proxy = Proxy(running.url)
    proxy.rule = lambda _asked: f"HTTP/1.1 200 OK\r\nContent-Length: {len(page)}\r\nConnection: close\r\n\r\n{page}"
    away = connect(RegistryTarget("registry:1", running.address, proxy.url, username="prism", password="secret"))
    try:
        with pytest.raises(NoFact, match="not as a registry does"):
            away.image("site/app", TAG)
        with pytest.raises(NoFact, match="not as a registry does"):
            away.tags("site/app")
    finally:
        proxy.go_down()


@pytest.mark.parametrize("url", ["ftp://h/", "h:5000", "http://user:pw@h/", "http://h:x/", ""])
def test_addresses_that_are_none_are_refused(url: str) -> None:
    with pytest.raises(Rejected) as caught:
        connect(RegistryTarget("registry:1", "h", url))
    assert "pw" not in str(caught.value)


def test_killed_registry_comes_back_to_the_same_client(tmp_path: Path) -> None:
    first = start_registry(tmp_path)
    one = connect(RegistryTarget("registry:1", first.address, first.url))
    before = one.image("base/middleware/python", "3.11")
    first.process.kill()
    first.process.wait()
    first.process.stdout.close()
    with pytest.raises(Unavailable):
        one.image("base/middleware/python", "3.11")
    second = start_registry(tmp_path, port=int(first.address.rpartition(":")[2]))
    try:
        assert one.image("base/middleware/python", "3.11") == before
    finally:
        second.stop()


def test_ca_that_is_no_certificate_is_told() -> None:
    with pytest.raises(Rejected, match="not in PEM form"):
        connect(RegistryTarget("registry:1", "harbor.test", "https://harbor.test", ca_pem="nonsense"))


def test_tags_of_a_repository(running: RunningRegistry, pushed: PackedImage, monkeypatch: pytest.MonkeyPatch) -> None:
    for tag in ("a", "b"):
        push(pushed, f"{running.address}/site/tags:{tag}", log=lambda line: None, username="prism", password="secret")
    assert client(running).tags("site/tags") == ("a", "b")
    assert client(running).tags("site/none") == ()
    monkeypatch.setattr("deployer.adapters.registry.client._TAGS_PER_PAGE", 1)
    assert client(running).tags("site/tags") == ("a", "b"), "page by page"
