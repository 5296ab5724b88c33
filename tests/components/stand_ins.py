"""Stand-ins as processes on loopback, and a small repository."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.patience import wait_for

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(module: str, *arguments: str, **environment: str) -> Iterator[str]:
    """``host:port`` of ``python -m module`` on a free port, which it prints at start."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", module, "--port", "0", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield _address(process)
    finally:
        process.terminate()
        process.communicate(timeout=10)


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """``host:port`` of what answers every GET with the same page."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"127\.0\.0\.1:(\d{2,5})", line):
            _wait_for(int(found[1]))
            return f"127.0.0.1:{found[1]}"
    raise AssertionError("".join(said))


def _wait_for(port: int) -> None:
    """The address is printed when the port is taken, a moment before it is listened on."""

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(listens, f"somebody listens on {port}", 10)


def git(folder: Path, *words: str) -> str:
    """One git command with an identity of its own."""
    identity = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in WHO.items()}
    done = subprocess.run(
        ["git", *words], cwd=folder, env={**os.environ, **identity}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


WHO = {"NAME": "Dana", "EMAIL": "dana@sis.example"}


def make_repository(root: Path) -> tuple[Path, list[str]]:
    """``root/proxy-gw.git`` with three commits on master and a branch at the second; its commits, oldest first."""
    work = root / "work"
    work.mkdir(parents=True)
    git(work, "init", "-q", "-b", "master")
    commits = []
    for number in range(3):
        (work / "file").write_text(str(number))
        git(work, "add", "file")
        git(work, "commit", "-q", "-m", f"change {number}")
        commits.append(git(work, "rev-parse", "HEAD"))
    git(work, "branch", "feature/ABC-1", commits[1])
    (root / "served").mkdir()
    git(root, "clone", "-q", "--bare", "work", "served/proxy-gw.git")
    return work, commits
