"""Real parts for tests about builds: a repository, the stand-in processes, a platform that answers claims."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from deployer.adapters.jenkins import JenkinsBuildServer, connect
from deployer.interfaces import BuildDetail, BuildRequest, BuildServerTarget
from tests.patience import wait_for

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "jenkins_job" / "config.xml"
JOB = "PRISM_JENKINS_JOB"
USER, TOKEN = "bot", "token-of-the-test"
STAGES = ["Prepare Git Code", "Build", "Get Dockerfile & Bootstart.sh", "DockerBuild", "DockerPush"]


# ---------------------------------------------------------------- processes
@dataclass
class Served:
    """A stand-in process: its address, and what it says."""

    process: subprocess.Popen[bytes]
    url: str
    output: list[str]

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Signal it and wait."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(timeout=15)


def start(*arguments: str) -> Served:
    """``python -m …`` until it says where it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            output.append(line.decode("utf-8", "replace"))

    threading.Thread(target=read, daemon=True).start()

    def address() -> str:
        match = re.search(r"http://127\.0\.0\.1:\d+", "".join(output))
        assert process.poll() is None or match, "".join(output)
        return match.group(0) if match else ""

    url = wait_for(address)
    port = int(url.rsplit(":", 1)[1])

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    wait_for(listens)
    return Served(process, url, output)


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[Served]:
    """A stand-in for as long as the block lasts."""
    served = start(*arguments)
    try:
        yield served
    finally:
        served.end()


def jenkins_arguments(state: Path, *more: str) -> list[str]:
    """Command line of the stand-in Jenkins with the shipped job."""
    fixed = ["--state", str(state), "--user", USER, "--token", TOKEN, "--job-config", str(CONFIG)]
    return ["sandbox.jenkins", *fixed, "--claim-pause", "0.1", *more]


# ---------------------------------------------------------------- repository
def git(folder: Path, *arguments: str) -> str:
    """Run git as the test's own author."""
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@dataclass(frozen=True)
class Repository:
    """A bare repository ``demo.git`` below ``root``: branch main (two commits) and branch other."""

    root: Path
    first: str
    tip: str
    other: str


def make_repository(folder: Path) -> Repository:
    """Make it on the spot."""
    work = folder / "work"
    (work / "app").mkdir(parents=True)
    git(work, "init", "--quiet", "--initial-branch", "main")
    (work / "app" / "words.txt").write_text("first\n")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "First")
    first = git(work, "rev-parse", "HEAD")
    (work / "app" / "words.txt").write_text("second\n")
    git(work, "commit", "--quiet", "-am", "Second")
    tip = git(work, "rev-parse", "HEAD")
    git(work, "checkout", "--quiet", "-b", "other")
    (work / "app" / "words.txt").write_text("other\n")
    git(work, "commit", "--quiet", "-am", "Other")
    other = git(work, "rev-parse", "HEAD")
    git(work, "checkout", "--quiet", "main")
    root = folder / "repositories"
    root.mkdir()
    git(folder, "clone", "--quiet", "--bare", str(work), str(root / "demo.git"))
    return Repository(root, first, tip, other)


# ---------------------------------------------------------------- platform
class Platform:
    """Answers claims with ``status_of(body)`` and remembers every call as (hook, body)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.status_of: Callable[[dict[str, Any]], int] = lambda _: 200
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                hook = self.path.removeprefix("/hooks/jenkins/")
                platform.calls.append((hook, body))
                self.send_response(platform.status_of(body) if hook == "claim" else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def of(self, trigger_id: str) -> list[tuple[str, dict[str, Any]]]:
        """Calls about one trigger."""
        return [call for call in self.calls if call[1].get("trigger_id") == trigger_id]


# ---------------------------------------------------------------- the whole
@dataclass
class BuildSite:
    """A build server under test with all it needs, and short words for what tests do with it."""

    target: BuildServerTarget
    repository: Repository
    git_url: str
    registry: str
    platform: Platform
    job: str = JOB
    served: Served | None = None
    _counter: list[int] = field(default_factory=lambda: [0])

    @property
    def client(self) -> JenkinsBuildServer:
        """The adapter."""
        return connect(self.target)

    def parameters(self, **changed: str) -> dict[str, str]:
        """A complete set that builds; each call has a trigger id and a tag of its own."""
        self._counter[0] += 1
        number = f"K8S{int(time.time())}{os.getpid()}{self._counter[0]:03d}AA"
        values = {
            "SITE": "site-one",
            "APP": "web",
            "BRANCH_TO_BUILD": "main",
            "GIT_URL": self.git_url,
            "DIR_BUILD_FILE": "/app/",
            "BUILD_CMD": "mkdir -p dist\ncp words.txt dist/words.pkg\n",
            "BUILD_TARGET": "dist/",
            "PACKAGE_NAME": "words.pkg",
            "DOCKERFILE_TEMPLATE": "FROM scratch\nCOPY words.pkg bootstart.sh /opt/\n",
            "BOOTSTART_TEMPLATE": "#!/bin/sh\necho $APP costs $$5 每日\n",
            "HARBOR_ADDRESS": self.registry,
            "DEPLOY_VERSION": number,
            "TRIGGER_ID": str(uuid.uuid4()),
            "ORDER_NO": number,
            "BUILD_NODE": "python",
            "IMAGE_NODE": "",
            "GIT_COMMIT": self.repository.tip,
            "PLATFORM_URL": self.platform.url,
            "CLAIM_SECONDS": "30",
        }
        return values | changed

    def trigger(self, **changed: str) -> tuple[int, dict[str, str]]:
        """Queue a build: queue id and parameters."""
        values = self.parameters(**changed)
        request = BuildRequest(self.job, values["TRIGGER_ID"], values)
        return self.client.trigger(request, deadline=soon()), values

    def start(self, **changed: str) -> tuple[int, dict[str, str]]:
        """Queue a build and wait for its number."""
        queue_id, values = self.trigger(**changed)
        number = wait_for(lambda: self.client.queue_item(queue_id, values["TRIGGER_ID"]).number)
        assert number is not None
        return number, values

    def finished(self, number: int, *, seconds: float = 30.0) -> BuildDetail:
        """Wait for the end of a build."""

        def read() -> BuildDetail | None:
            detail = self.client.build(self.job, number)
            return None if detail.is_building else detail

        detail = wait_for(read, seconds=seconds)
        assert detail is not None
        return detail

    def build(self, **changed: str) -> tuple[BuildDetail, dict[str, str]]:
        """Queue a build and wait for its end."""
        number, values = self.start(**changed)
        return self.finished(number), values

    def log(self, number: int) -> str:
        """The whole log, page by page, to its end."""
        text, offset = "", 0

        def is_read() -> bool:
            nonlocal text, offset
            page = self.client.read_log(self.job, number, offset)
            text, offset = text + page.text, page.next_offset
            return page.is_complete

        wait_for(is_read, "the log ends")
        return text

    def states(self, number: int) -> dict[str, str]:
        """Stage states by name, in order."""
        return {stage.name: stage.state for stage in self.client.stages(self.job, number)}


def soon(seconds: float = 30.0) -> float:
    """A deadline that is not near."""
    return time.monotonic() + seconds


@contextlib.contextmanager
def build_site(folder: Path, *options: str) -> Iterator[BuildSite]:
    """Everything started; for a real Jenkins see ``real_site``."""
    repository = make_repository(folder)
    platform = Platform()
    try:
        with (
            running("sandbox.git", "--root", str(repository.root)) as git_server,
            running("sandbox.registry", "--state", str(folder / "registry")) as registry,
            running(*jenkins_arguments(folder / "jenkins", *options)) as jenkins,
        ):
            yield BuildSite(
                target=BuildServerTarget("jenkins:test", jenkins.url, USER, TOKEN),
                repository=repository,
                git_url=f"{git_server.url}/demo.git",
                registry=registry.url.removeprefix("http://"),
                platform=platform,
                served=jenkins,
            )
    finally:
        platform.close()


@contextlib.contextmanager
def real_site(folder: Path) -> Iterator[BuildSite]:
    """A live controller: ``CONTRACT_JENKINS_{URL,USER,TOKEN,JOB}`` with ``jenkins_job/config.xml`` installed.

    Its node must reach this machine (git, registry and claims are served here), so it runs on this machine.
    """
    repository = make_repository(folder)
    platform = Platform()
    address = os.environ["CONTRACT_JENKINS_URL"]
    user, token = os.environ["CONTRACT_JENKINS_USER"], os.environ["CONTRACT_JENKINS_TOKEN"]
    try:
        with (
            running("sandbox.git", "--root", str(repository.root)) as git_server,
            running("sandbox.registry", "--state", str(folder / "registry")) as registry,
        ):
            yield BuildSite(
                target=BuildServerTarget("jenkins:test", address, user, token),
                repository=repository,
                git_url=f"{git_server.url}/demo.git",
                registry=registry.url.removeprefix("http://"),
                platform=platform,
                job=os.environ.get("CONTRACT_JENKINS_JOB", JOB),
            )
    finally:
        platform.close()


def contract_site(folder: Path) -> contextlib.AbstractContextManager[BuildSite]:
    """The real one where ``CONTRACT_JENKINS_URL`` names it, else the stand-in."""
    if os.environ.get("CONTRACT_JENKINS_URL"):
        return real_site(folder)
    return build_site(folder, "--executors", "4")


# ---------------------------------------------------------------- a server that misbehaves
class RawServer:
    """Plain TCP: for each request it gets, ``behave(connection, request)``; counts requests and connections."""

    def __init__(self, behave: Callable[[socket.socket, bytes], None]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while request := _read_request(connection):
                self.requests.append(request)
                self._behave(connection, request)

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    match = re.search(rb"content-length:\s*(\d+)", head, re.IGNORECASE)
    wanted = int(match.group(1)) if match else 0
    while len(body) < wanted:
        chunk = connection.recv(65536)
        if not chunk:
            # The client is gone: asking on would take a core from every later test of this process.
            return b""
        body += chunk
    return head + b"\r\n\r\n" + body


def respond(status: str, body: bytes = b"", **headers: str) -> Callable[[socket.socket, bytes], None]:
    """Always the same answer; header names with _ for -."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    data = "\r\n".join([*lines, "", ""]).encode() + body
    return lambda connection, _: connection.sendall(data)
