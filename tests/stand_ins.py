"""The four stand-in processes, a repository for them, images made without a build, and a web process for claims."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler

from prism4k.wsgi import application
from releases.services.orders import new_number
from sandbox.packer import pack, push
from sandbox.ports import reserve
from tests.proxy import Proxy

ROOT = Path(__file__).resolve().parents[1]
JOB_CONFIG = ROOT / "jenkins_job" / "config.xml"
JENKINS_USER = "bot"
REPOSITORY = "app"

MAKEFILE = """\
package:
\tmkdir -p dist
\tpython3 -m compileall -q src
\tpython3 -m zipapp src --output dist/app.pyz --main app:main
"""
APPLICATION = 'def main():\n    print("%s")\n'

BRANCHES: dict[str, dict[str, str]] = {
    "good": {},
    "better": {"src/app.py": APPLICATION % "better"},
    "fail-compile": {"src/app.py": "def main(:\n"},
    "missing-package": {"Makefile": "package:\n\tmkdir -p dist && echo nothing > dist/other.txt\n"},
    "hang": {"Makefile": "package:\n\tsleep 300\n"},
    "crash": {"src/scenario": "crash\n"},
}
"""Branch to the files that differ from ``good``."""


def git(folder: Path, *arguments: str) -> str:
    """Run git as the test's own author, without any configuration of this machine."""
    command = ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True, env=environment
    ).stdout.strip()


def make_repository(folder: Path) -> dict[str, str]:
    """``app.git`` under ``folder/git`` with BRANCHES; the tip of each by its name."""
    work, root = folder / "work", folder / "git"
    (work / "src").mkdir(parents=True)
    root.mkdir(exist_ok=True)
    git(work, "init", "--quiet", "--initial-branch", "good")
    (work / "Makefile").write_text(MAKEFILE)
    (work / "src" / "app.py").write_text(APPLICATION % "good")
    git(work, "add", ".")
    git(work, "commit", "--quiet", "-m", "One application, packed by its own make")
    tips = {}
    for branch, files in BRANCHES.items():
        if files:
            git(work, "checkout", "--quiet", "-B", branch, "good")
            for name, text in files.items():
                (work / name).write_text(text)
            git(work, "add", ".")
            git(work, "commit", "--quiet", "-m", f"The branch {branch}")
        tips[branch] = git(work, "rev-parse", "HEAD")
    git(folder, "clone", "--quiet", "--bare", str(work), str(root / f"{REPOSITORY}.git"))
    return tips


def launch(*arguments: str, **variables: str) -> subprocess.Popen[str]:
    """``python -m …`` with its words in ``stdout``."""
    return subprocess.Popen(
        [sys.executable, "-u", "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def address_of(process: subprocess.Popen[str], says: str) -> str:
    """The address in the first line that has ``says``."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if says in line and "http://" in line:
            # Nobody reads on: a full pipe would stop the process.
            threading.Thread(target=lambda: [None for _line in process.stdout or ()], daemon=True).start()
            return next(word for word in line.split() if word.startswith("http://")).rstrip("/,")
    raise AssertionError(f"{process.args} ended with {process.wait()}: {''.join(seen)}")


@dataclass
class StandIns:
    """Addresses and tokens; Jenkins, registry API and cluster are reached through proxies that can fail."""

    folder: Path
    tips: dict[str, str]
    git_url: str
    registry: str
    jenkins_token: str
    control_url: str
    cluster_token: str
    platform_url: str
    jenkins: Proxy
    images: Proxy
    cluster: Proxy
    _packed: dict[str, str] = field(default_factory=dict)
    _numbers: set[str] = field(default_factory=set)

    @property
    def git_host(self) -> str:
        """``127.0.0.1:port``."""
        return self.git_url.removeprefix("http://").split("/")[0]

    def reset(self) -> None:
        """All connections work again."""
        for proxy in (self.jenkins, self.images, self.cluster):
            proxy.reset()
        self.knob("rules", "DELETE")
        self.knob("quiet-down", on=False)
        self.knob("nodes", labels=None)

    def knob(self, path: str, method: str = "POST", **body: object) -> dict[str, Any]:
        """What the control port of Jenkins answers."""
        sign = {"Authorization": f"Bearer {self.jenkins_token}"}
        answer = httpx.request(method, f"{self.control_url}/{path}", json=body, headers=sign, trust_env=False)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def unused_number(self) -> str:
        """A number for an order that no test before had: each database forgets them, the registry keeps its tags."""
        while (number := new_number()) in self._numbers:
            pass
        self._numbers.add(number)
        return number

    def image(self, repository: str, scenario: str = "") -> str:
        """Digest of an image with this scenario, pushed once."""
        key = f"{repository}:{scenario}"
        if key not in self._packed:
            context = self.folder / "images" / secrets.token_hex(4)
            context.mkdir(parents=True)
            (context / "scenario").write_text(scenario)
            (context / "app.pyz").write_text(scenario or "plain")
            files = "COPY app.pyz scenario /app/\n" if scenario else "COPY app.pyz /app/\n"
            image = pack(
                context=context, dockerfile=f"FROM scratch\n{files}", labels={}, scratch=context / "scratch", log=_quiet
            )
            tag = f"{self.registry}/{repository}:made-{len(self._packed)}"
            self._packed[key] = push(image, tag, log=_quiet)
        return self._packed[key]


def _quiet(_line: str) -> None:
    """Nobody reads it."""


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Claims are no news."""


@contextlib.contextmanager
def serving_product() -> Iterator[str]:
    """The product's own WSGI application on a thread: what Jenkins calls with its claims. Its address."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), _QuietHandler)
    server.daemon_threads = True
    server.set_app(application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def all_stand_ins(folder: Path) -> Iterator[StandIns]:
    """Git, registry, Jenkins and cluster as processes, the product's hooks as a thread."""
    jenkins_token, cluster_token = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    with contextlib.ExitStack() as stack:

        def begin(*arguments: str, **variables: str) -> subprocess.Popen[str]:
            process = launch(*arguments, **variables)
            stack.callback(_end, process)
            return process

        (folder / "git").mkdir()
        control_port = reserve()
        registry_process = begin("sandbox.registry", "--state", str(folder / "registry"))
        git_process = begin("sandbox.git", "--root", str(folder / "git"))
        jenkins_process = begin(
            "sandbox.jenkins", "--state", str(folder / "jenkins"), "--user", JENKINS_USER, "--executors", "3",
            "--job-config", str(JOB_CONFIG), "--claim-pause", "0.2", "--control-port", str(control_port),
            JENKINS_TOKEN=jenkins_token,
        )  # fmt: skip
        registry = address_of(registry_process, "registry on")
        address = registry.removeprefix("http://")
        cluster_process = begin(
            "sandbox.kubernetes", "--state", str(folder / "cluster"), f"--token={cluster_token}",
            "--registry", f"{address}={registry}", "--speed", "4",
        )  # fmt: skip
        tips = make_repository(folder)
        platform_url = stack.enter_context(serving_product())
        git_url = address_of(git_process, "http://")
        jenkins = address_of(jenkins_process, " at ")
        cluster = address_of(cluster_process, " ready at ")
        yield StandIns(
            folder=folder,
            tips=tips,
            git_url=f"{git_url}/{REPOSITORY}.git",
            registry=address,
            jenkins_token=jenkins_token,
            control_url=f"http://127.0.0.1:{control_port}",
            cluster_token=cluster_token,
            platform_url=platform_url,
            jenkins=Proxy(jenkins),
            images=Proxy(registry),
            cluster=Proxy(cluster),
        )


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
