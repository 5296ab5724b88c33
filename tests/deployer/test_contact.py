"""What counts as contact: an answer of the other side, a refusal too, but not "I cannot now" and not silence."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from deployer.adapters import git, jenkins, kubernetes, registry
from deployer.errors import DeployerError, Unavailable
from deployer.interfaces import (
    BuildServerTarget,
    ClusterTarget,
    ObjectRef,
    OnAnswer,
    RegistryTarget,
    SourceTarget,
)

Ask = Callable[[str, OnAnswer, Path], object]


def ask_kubernetes(url: str, heard: OnAnswer, _folder: Path) -> object:
    client = kubernetes.connect(ClusterTarget(f"cluster:{url}", url, token="t"), on_answer=heard)
    return client.read("site", ObjectRef("v1", "Pod", "web"))


def ask_jenkins(url: str, heard: OnAnswer, _folder: Path) -> object:
    return jenkins.connect(BuildServerTarget("jenkins:1", url, "bot", "token"), on_answer=heard).describe()


def ask_registry(url: str, heard: OnAnswer, _folder: Path) -> object:
    target = RegistryTarget("registry:1", url.removeprefix("http://"), url)
    return registry.connect(target, on_answer=heard).image("site/app", "1")


def ask_git(url: str, heard: OnAnswer, folder: Path) -> object:
    return git.connect(SourceTarget("git:1", f"{url}/app.git", str(folder)), on_answer=heard).branches()


BODY = json.dumps(
    {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": "NotFound",
        "message": "not there",
        "errors": [{"code": "MANIFEST_UNKNOWN", "message": "not there"}],
    }
).encode()
"""An error as Kubernetes and as a registry word it."""

VENDORS = {"kubernetes": ask_kubernetes, "jenkins": ask_jenkins, "registry": ask_registry, "git": ask_git}


@pytest.fixture
def server() -> Iterator[tuple[str, list[int]]]:
    """A server that answers everything with the one status in the list."""
    status = [404]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[0])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(BODY)))
            self.end_headers()
            self.wfile.write(BODY)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    outside = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=outside.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{outside.server_address[1]}", status
    outside.shutdown()
    outside.server_close()


@pytest.mark.parametrize("ask", VENDORS.values(), ids=VENDORS)
@pytest.mark.parametrize(("answer", "is_contact"), [(404, True), (403, True), (503, False), (429, False)])
def test_an_answer_is_contact(
    server: tuple[str, list[int]], tmp_path: Path, ask: Ask, answer: int, is_contact: bool
) -> None:
    url, status = server
    status[0] = answer
    heard: list[str] = []
    try:
        ask(url, lambda: heard.append("answer"), tmp_path)
    except DeployerError as error:
        assert isinstance(error, Unavailable) is not is_contact
    else:
        assert answer == 404, "only what is absent is no error"
    assert bool(heard) is is_contact


@pytest.mark.parametrize("ask", VENDORS.values(), ids=VENDORS)
def test_silence_is_none(tmp_path: Path, ask: Ask) -> None:
    heard: list[str] = []
    with pytest.raises(Unavailable):
        ask("http://127.0.0.1:1", lambda: heard.append("answer"), tmp_path)
    assert heard == []


def test_one_caller_is_not_told_what_another_heard(server: tuple[str, list[int]], tmp_path: Path) -> None:
    url, _status = server
    first: list[str] = []
    second: list[str] = []
    ask_kubernetes(url, lambda: first.append("answer"), tmp_path)
    ask_kubernetes(url, lambda: second.append("answer"), tmp_path)
    assert first == second == ["answer"]


def test_steps_reach_outside_through_their_lease_alone() -> None:
    """A client that a step makes by itself holds no slot, names no remote and notes no contact."""
    root = Path(__file__).resolve().parents[2]
    steps = [path for app in ("releases", "components", "environments", "audit") for path in (root / app).rglob("*.py")]
    steps = [path for path in steps if "steps" in (path.stem, *path.parent.parts)]
    assert len(steps) > 15
    makers = [path for path in steps if re.search(r"\b(kubernetes|jenkins|registry|git)\.connect\(", path.read_text())]
    assert makers == []
