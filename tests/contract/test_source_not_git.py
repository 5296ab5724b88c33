"""What stands in the place of a Git server and answers: never a fact, least of all an empty repository."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deployer.adapters.git import connect
from deployer.errors import DeployerError, NoFact, NotFound, Rejected, Unavailable
from deployer.interfaces import SourceTarget
from tests.components.stand_ins import git, serving

pytestmark = pytest.mark.contract
COMMIT = "0123456789" * 4
LOGIN = b"<!DOCTYPE html><html><body><form action=/users/sign_in>Sign in</form></body></html>"
ADVERTISEMENT = "application/x-git-upload-pack-advertisement"
RESULT = "application/x-git-upload-pack-result"
SERVICE = b"001e# service=git-upload-pack\n0000"
CAPABILITIES = SERVICE + b"000eversion 2\n0013ls-refs=unborn\n0017object-format=sha1\n0000"


@dataclass
class Front:
    """An HTTP server that answers everything with one page, POST with another."""

    base: str
    status: int = 200
    kind: str = "text/html"
    body: bytes = LOGIN
    posted: tuple[str, bytes] = (RESULT, b"")
    headers: dict[str, str] = field(default_factory=dict)

    def target(self, folder: Path) -> SourceTarget:
        return SourceTarget("git:1", f"{self.base}/app.git", str(folder / "mirror"))


@pytest.fixture
def front() -> Iterator[Front]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(one.status, one.kind, one.body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(200, *one.posted)

        def answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in one.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    one = Front(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield one
    server.shutdown()
    server.server_close()


PAGES = {
    "a page in one line": ("text/html", LOGIN),
    "a page in lines": ("text/html", LOGIN.replace(b">", b">\n")),
    "nothing": ("text/plain", b""),
    "JSON": ("application/json", b'{"message":"401"}'),
    "files only": ("text/plain", f"{COMMIT}\trefs/heads/master\n".encode()),
    "a page that says to be git": (ADVERTISEMENT, LOGIN),
    "another service": (ADVERTISEMENT, b"001f# service=git-receive-pack\n0000"),
}


@pytest.mark.parametrize(("kind", "body"), PAGES.values(), ids=PAGES)
def test_a_page_is_no_empty_repository(front: Front, tmp_path: Path, kind: str, body: bytes) -> None:
    front.kind, front.body = kind, body
    heard: list[str] = []
    source = connect(front.target(tmp_path), on_answer=lambda: heard.append("answer"))
    for question in (source.branches, source.heads, lambda: source.resolve("master")):
        with pytest.raises(NoFact, match="not as a Git server"):
            question()
    assert heard == [], "what is no Git server is no contact with one"


@pytest.mark.parametrize("posted", [("text/html", LOGIN), (RESULT, b""), (RESULT, LOGIN), (RESULT, b"0000"[:2])])
def test_a_sign_in_that_ends_between_two_requests(front: Front, tmp_path: Path, posted: tuple[str, bytes]) -> None:
    front.kind, front.body, front.posted = ADVERTISEMENT, CAPABILITIES, posted
    with pytest.raises(Unavailable):
        connect(front.target(tmp_path)).branches()


def test_an_empty_repository_is_one(front: Front, tmp_path: Path) -> None:
    front.kind, front.body, front.posted = ADVERTISEMENT, CAPABILITIES, (RESULT, b"0000")
    assert connect(front.target(tmp_path)).branches() == ()


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (301, NoFact, "redirects to another address, perhaps to a sign-in page"),
        (302, NoFact, "redirects"),
        (307, NoFact, "redirects"),
        (429, Unavailable, "error 429"),
        (500, Unavailable, "error 500"),
        (502, Unavailable, "error 502"),
        (503, Unavailable, "error 503"),
        (404, NotFound, "no such repository"),
    ],
)
def test_statuses_in_our_words(
    front: Front, tmp_path: Path, status: int, error: type[DeployerError], words: str
) -> None:
    front.status = status
    if status < 400:
        front.headers["Location"] = f"{front.base}/users/sign_in"
    with pytest.raises(DeployerError, match=words) as caught:
        connect(front.target(tmp_path)).branches()
    assert type(caught.value) is error


def repository(root: Path, *options: str) -> tuple[Path, str]:
    """A bare repository with one commit on master."""
    bare = root / "served" / "app.git"
    bare.mkdir(parents=True)
    git(bare, "init", "-q", "--bare", *options)
    made = git(bare, "commit-tree", git(bare, "hash-object", "-w", "-t", "tree", "/dev/null"), "-m", "one")
    git(bare, "update-ref", "refs/heads/master", made)
    return bare, made


def test_a_page_takes_nothing_out_of_the_mirror(front: Front, tmp_path: Path) -> None:
    bare, first = repository(tmp_path)
    with serving("sandbox.git", "--root", str(tmp_path / "served")) as host:
        connect(SourceTarget("git:1", f"http://{host}/app.git", str(tmp_path / "mirror"))).commits_between(first, first)
    source = connect(front.target(tmp_path))
    with pytest.raises(NoFact):
        source.commits_between("1" * 40, first)
    assert source.commits_between(first, first) == ()


def test_a_repository_of_another_hash_is_not_empty(tmp_path: Path) -> None:
    repository(tmp_path, "--object-format=sha256")
    with serving("sandbox.git", "--root", str(tmp_path / "served")) as host:
        source = connect(SourceTarget("git:1", f"http://{host}/app.git", str(tmp_path / "mirror")))
        with pytest.raises(Rejected, match="SHA-256"):
            source.branches()
