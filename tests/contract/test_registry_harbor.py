"""The registry adapter against a scripted server: bearer tokens as Harbor asks for them, redirects, faults, lies."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from deployer.adapters.registry import OciRegistry, connect
from deployer.adapters.registry.urls import Origin, may_sign_in_at
from deployer.errors import DeployerError, Forbidden, Rejected, Unavailable
from deployer.interfaces import RegistryTarget

pytestmark = pytest.mark.contract
CONFIG = json.dumps({"config": {"Labels": {"a": "b"}}, "created": "2026-01-01T00:00:00Z"}).encode()
CONFIG_DIGEST = f"sha256:{hashlib.sha256(CONFIG).hexdigest()}"
MANIFEST = json.dumps({"config": {"digest": CONFIG_DIGEST, "size": len(CONFIG)}, "layers": []}).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
MANIFEST_PATH, BLOB_PATH = "/v2/site/app/manifests/v1", f"/v2/site/app/blobs/{CONFIG_DIGEST}"

Reply = tuple[int, dict[str, str], bytes]


@dataclass
class Scripted:
    """A server whose answers a test chooses; ``seen`` holds (path with query, Authorization)."""

    replies: dict[str, Callable[[str, str], Reply]] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, path: str, authorization: str) -> Reply:
        self.seen.append((path, authorization))
        reply = self.replies.get(urlsplit(path).path)
        return reply(path, authorization) if reply else (404, {}, b"nothing here")

    def set(self, path: str, status: int, body: bytes = b"", **headers: str) -> None:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self.replies[path] = lambda *_: (status, given, body)


def serve() -> tuple[Scripted, ThreadingHTTPServer]:
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            # The client hangs up on bodies that are too large: that is what is tested.
            with contextlib.suppress(ConnectionError):
                super().handle()

        def do_GET(self) -> None:
            status, headers, body = script.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return script, server


@pytest.fixture
def script() -> Iterator[Scripted]:
    script, server = serve()
    script.set(MANIFEST_PATH, 200, MANIFEST)
    script.set(BLOB_PATH, 200, CONFIG)
    yield script
    server.shutdown()
    server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Scripted]:
    script, server = serve()
    yield script
    server.shutdown()
    server.server_close()


def client(script: Scripted, username: str = "robot", password: str = "secret") -> OciRegistry:
    return connect(RegistryTarget("registry:1", "harbor.test", script.url, username=username, password=password))


def guard_with_tokens(script: Scripted, realm: str, seconds: int = 300) -> None:
    """As Harbor: 401 with a Bearer challenge until the token of the right scope comes along."""
    bodies = {MANIFEST_PATH: MANIFEST, BLOB_PATH: CONFIG, "/v2/": b"{}"}
    challenge = {"WWW-Authenticate": f'Bearer realm="{realm}",service="harbor-registry"'}

    def guarded(path: str, authorization: str) -> Reply:
        if authorization == "Bearer good":
            return 200, {"Docker-Distribution-Api-Version": "registry/2.0"}, bodies[path]
        return 401, challenge, b""

    def token(path: str, authorization: str) -> Reply:
        if authorization != "Basic " + base64.b64encode(b"robot:secret").decode():
            return 401, {}, b""
        assert parse_qs(urlsplit(path).query)["service"] == ["harbor-registry"]
        return 200, {}, json.dumps({"token": "good", "expires_in": seconds}).encode()

    script.replies |= {path: guarded for path in bodies}
    script.replies["/service/token"] = token


def test_token_is_fetched_once_and_used_again(script: Scripted) -> None:
    guard_with_tokens(script, f"{script.url}/service/token")
    registry = client(script)
    for _ in range(2):
        facts = registry.image("site/app", "v1")
        assert facts is not None
        assert (facts.digest, facts.labels) == (DIGEST, {"a": "b"})
    asked = [path for path, _ in script.seen if path.startswith("/service/token")]
    assert len(asked) == 1
    assert parse_qs(urlsplit(asked[0]).query)["scope"] == ["repository:site/app:pull"]


def test_token_that_ended_is_renewed(script: Scripted) -> None:
    guard_with_tokens(script, f"{script.url}/service/token", seconds=1)
    assert client(script).image("site/app", "v1") is not None
    assert len([path for path, _ in script.seen if path.startswith("/service/token")]) == 2


def test_describe_signs_in_with_a_token_too(script: Scripted) -> None:
    guard_with_tokens(script, f"{script.url}/service/token")
    assert client(script).describe().user == "robot"


def test_refused_at_the_token_service_is_forbidden(script: Scripted) -> None:
    guard_with_tokens(script, f"{script.url}/service/token")
    with pytest.raises(Forbidden) as caught:
        client(script, password="hunter2").image("site/app", "v1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.security("requests-to-inner-hosts")
def test_password_never_goes_to_a_foreign_token_service(script: Scripted, elsewhere: Scripted) -> None:
    guard_with_tokens(script, f"{elsewhere.url}/service/token")
    with pytest.raises(Forbidden, match="outside its domain"):
        client(script).image("site/app", "v1")
    assert elsewhere.seen == []


@pytest.mark.parametrize(
    ("registry", "realm", "may"),
    [
        ("https://registry-1.docker.io", "https://auth.docker.io/token", True),
        ("https://registry-1.docker.io", "http://auth.docker.io/token", False),
        ("https://harbor.a.com.cn", "https://token.a.com.cn", True),
        ("https://harbor.a.com.cn", "https://evil.b.com.cn", False),
        ("https://10.0.0.1", "https://10.0.0.2", False),
        ("http://10.0.0.1:80", "http://10.0.0.1:80/service/token", True),
        ("http://10.0.0.1:80", "http://10.0.0.1:81/service/token", False),
        ("https://harbor", "https://other", False),
    ],
)
def test_where_the_password_may_go(registry: str, realm: str, may: bool) -> None:
    assert may_sign_in_at(Origin.of(registry), Origin.of(realm)) is may


def test_basic_is_sent_again_without_asking(script: Scripted) -> None:
    expected = "Basic " + base64.b64encode(b"robot:secret").decode()
    for path, body in ((MANIFEST_PATH, MANIFEST), (BLOB_PATH, CONFIG)):
        script.replies[path] = lambda _, authorization, body=body: (
            (200, {}, body) if authorization == expected else (401, {"WWW-Authenticate": 'Basic realm="x"'}, b"")
        )
    assert client(script).image("site/app", "v1") is not None
    assert [authorization for _, authorization in script.seen] == ["", expected, expected]


def test_blob_redirect_within_the_registry_keeps_the_sign_in(script: Scripted) -> None:
    guard_with_tokens(script, f"{script.url}/service/token")
    script.replies["/storage/x"] = script.replies[BLOB_PATH]
    script.set(BLOB_PATH, 307, Location="/storage/x")
    script.replies["/storage/x"] = lambda _, authorization: (200 if authorization == "Bearer good" else 403, {}, CONFIG)
    assert client(script).image("site/app", "v1") is not None


def test_blob_redirect_to_another_host_carries_no_credentials(script: Scripted, elsewhere: Scripted) -> None:
    # Same host name, another port: another place, so neither token nor password goes along.
    guard_with_tokens(script, f"{script.url}/service/token")
    script.set(BLOB_PATH, 307, Location=f"{elsewhere.url}/bucket/x?signature=1")
    elsewhere.set("/bucket/x", 200, CONFIG)
    assert client(script).image("site/app", "v1") is not None
    assert elsewhere.seen == [("/bucket/x?signature=1", "")]


@pytest.mark.security("requests-to-inner-hosts")
@pytest.mark.parametrize("host", ["localhost", "169.254.169.254", "[::1]", "0.0.0.0"])
def test_blob_redirect_to_inner_addresses_is_refused(script: Scripted, elsewhere: Scripted, host: str) -> None:
    script.set(BLOB_PATH, 302, Location=f"http://{host}:{elsewhere.port}/latest/meta-data")
    with pytest.raises(Rejected, match="internal address"):
        client(script).image("site/app", "v1")
    assert elsewhere.seen == []


@pytest.mark.security("requests-to-inner-hosts")
def test_manifest_redirect_is_not_followed(script: Scripted, elsewhere: Scripted) -> None:
    script.set(MANIFEST_PATH, 302, Location=f"{elsewhere.url}/x")
    with pytest.raises(Rejected, match="redirects to another address"):
        client(script).image("site/app", "v1")
    assert elsewhere.seen == []


def test_redirects_end(script: Scripted) -> None:
    script.set(BLOB_PATH, 302, Location=BLOB_PATH)
    with pytest.raises(Rejected):
        client(script).image("site/app", "v1")
    assert len(script.seen) < 8


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (429, {"Retry_After": "7"}, Unavailable),
        (500, {}, Unavailable),
        (503, {}, Unavailable),
        (403, {}, Forbidden),
        (401, {"WWW_Authenticate": "Negotiate"}, Forbidden),
        (401, {}, Forbidden),
        (418, {}, Rejected),
    ],
)
def test_statuses_become_our_words(
    script: Scripted, status: int, headers: dict[str, str], error: type[DeployerError]
) -> None:
    script.set(MANIFEST_PATH, status, b"secret stack trace", **headers)
    with pytest.raises(error) as caught:
        client(script).image("site/app", "v1")
    assert "secret" not in str(caught.value)
    if status == 429:
        assert caught.value.retry_after_seconds == 7.0


def test_a_proxys_404_does_not_mean_absent(script: Scripted) -> None:
    script.set(MANIFEST_PATH, 404, b"<html>no such site</html>")
    with pytest.raises(Unavailable, match="not as a registry"):
        client(script).image("site/app", "v1")
    script.set(MANIFEST_PATH, 404, b'{"errors":[{"code":"NOT_FOUND","message":"artifact not found"}]}')
    assert client(script).image("site/app", "v1") is None


@pytest.mark.parametrize(
    ("manifest", "headers", "error"),
    [
        (MANIFEST, {"Docker_Content_Digest": "sha256:" + "0" * 64}, Unavailable),
        (b"not json", {}, Rejected),
        (b"[]", {}, Rejected),
        (b"{}", {}, Rejected),
        (b'{"config": {"digest": "../../x", "size": 1}, "layers": []}', {}, Rejected),
        (b'{"config": [], "layers": {}}', {}, Rejected),
        (b'{"manifests": [{"platform": {"os": "windows"}}]}', {}, Rejected),
        (b'{"manifests": 7}', {}, Rejected),
        (b" " * 5_000_000, {}, Rejected),
    ],
)
def test_manifests_that_lie_are_refused(
    script: Scripted, manifest: bytes, headers: dict[str, str], error: type[DeployerError]
) -> None:
    script.set(MANIFEST_PATH, 200, manifest, **headers)
    with pytest.raises(error):
        client(script).image("site/app", "v1")


def test_config_that_is_not_its_digest_is_refused(script: Scripted) -> None:
    script.set(BLOB_PATH, 200, b'{"config": {"Labels": {"trigger": "forged"}}}')
    with pytest.raises(Unavailable, match="damaged"):
        client(script).image("site/app", "v1")


def test_something_else_than_a_registry_is_told(script: Scripted) -> None:
    script.set("/v2/", 200, b"<html>welcome</html>")
    with pytest.raises(Rejected, match="not an image registry"):
        client(script).describe()
