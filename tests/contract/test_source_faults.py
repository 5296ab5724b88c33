"""The Git adapter and a hostile or broken outside: addresses, credentials, dead servers, limits."""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from deployer.adapters.git import connect, is_branch_name
from deployer.adapters.git.child import run_git
from deployer.adapters.git.session import check_url, offline_environment, online_environment
from deployer.errors import DeployerError, Forbidden, NoFact, NotFound, Rejected, Unavailable
from deployer.interfaces import SourceTarget
from sandbox.git.app import create_app, find_backend
from tests.patience import at_most, wait_for

pytestmark = pytest.mark.contract
PASSWORD = "s3cret-'$(id)"


class Outside:
    """One HTTP server: ``/private`` wants Basic, ``/moved`` redirects, ``/status/<n>`` answers n, ``/slow`` waits."""

    def __init__(self, root: Path) -> None:
        self.hits: list[tuple[str, str]] = []
        git = create_app(root, find_backend())
        routes = [
            Route("/status/{status:int}/{rest:path}", self.status),
            Route("/moved/{rest:path}", self.moved),
            Mount("/private", app=self.private(git)),
            Mount("/", app=git),
        ]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="critical", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.listener]})

    async def status(self, request: Request) -> Response:
        return PlainTextResponse("<html>\nwelcome\n</html>\n", request.path_params["status"])

    async def moved(self, request: Request) -> Response:
        return RedirectResponse(f"/{request.path_params['rest']}?{request.url.query}", 301)

    def private(self, git: Starlette):
        expected = "Basic " + base64.b64encode(f"robot:{PASSWORD}".encode()).decode()

        async def guarded(scope, receive, send) -> None:
            given = dict(scope["headers"]).get(b"authorization", b"").decode()
            self.hits.append((scope["path"], given))
            if given == expected:
                await git(scope, receive, send)
            else:
                refusal = Response("sign in", 401, {"WWW-Authenticate": 'Basic realm="git"'})
                await refusal(scope, receive, send)

        return guarded


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    root = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "init", "-q", "--bare", str(root / "app.git")], check=True)
    tree = subprocess.run(["git", "mktree"], cwd=root / "app.git", input=b"", capture_output=True, check=True)
    person = {f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    made = subprocess.run(
        ["git", "commit-tree", tree.stdout.decode().strip(), "-m", "one"],
        cwd=root / "app.git", env={**os.environ, **person}, capture_output=True, check=True,
    )  # fmt: skip
    subprocess.run(
        ["git", "update-ref", "refs/heads/master", made.stdout.decode().strip()], cwd=root / "app.git", check=True
    )
    running = Outside(root)
    running.thread.start()
    yield running
    running.server.should_exit = True
    running.thread.join(timeout=10)


def target(url: str, tmp_path: Path, username: str = "", password: str = "") -> SourceTarget:
    return SourceTarget("git:1", url, str(tmp_path / "mirror"), username=username, password=password)


@pytest.mark.security("requests-to-inner-hosts")
@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/owned",
        "file:///etc",
        "/etc/passwd",
        "git@host:group/app.git",
        "git://host/app.git",
        "ftp://host/app.git",
        "-uhttp://host/app.git",
        "--upload-pack=touch /tmp/x",
        "https://user:hunter2@host/app.git",
        "https://hunter2@host/app.git",
        "https://host",
        "https:///app.git",
        "https://-host/app.git",
        "https://host/app.git?x=hunter2",
        "https://host/app.git#x",
        "https://host/a b.git",
        "https://host/app.git\n",
        "https://host/../app.git",
        "https://host:99999/app.git",
        "https://host/$(id).git",
        "https://host/" + "a" * 2000,
        "",
    ],
)
def test_addresses_we_do_not_speak_to(url: str, tmp_path: Path) -> None:
    with pytest.raises(Rejected) as caught:
        connect(target(url, tmp_path))
    assert "hunter2" not in str(caught.value)


def test_right_password_opens_and_is_never_shown(outside: Outside, tmp_path: Path) -> None:
    source = connect(target(f"{outside.base}/private/app.git", tmp_path, "robot", PASSWORD))
    (tip,) = source.branches()
    assert source.commits_between(tip.commit, tip.commit) == ()
    everything = b"".join(path.read_bytes() for path in (tmp_path / "mirror").rglob("*") if path.is_file())
    assert PASSWORD.encode() not in everything
    assert PASSWORD not in repr(target("https://h/a", tmp_path, "robot", PASSWORD))


@pytest.mark.security("secrets-that-leak")
def test_password_is_in_no_command_line_and_leaves_no_file(tmp_path: Path) -> None:
    url = check_url("https://127.0.0.1/app.git")
    with online_environment(target(url.text, tmp_path, "robot", PASSWORD), url) as environment:
        helper = Path(environment["GIT_ASKPASS"])
        assert PASSWORD not in helper.read_text()
        for question, answer in (("Username for 'https://host': ", "robot"), ("Password for 'x': ", PASSWORD)):
            said = subprocess.run([helper, question], env=environment, capture_output=True, text=True, check=True)
            assert said.stdout == answer + "\n"
        assert helper.parent.stat().st_mode & 0o077 == 0
    assert not helper.parent.exists()


def test_ssh_key_lives_in_a_private_file_only_while_git_runs(tmp_path: Path) -> None:
    url = check_url("ssh://127.0.0.1:2222/app.git")
    wanted = SourceTarget("git:1", url.text, str(tmp_path), username="git", ssh_key="KEY")
    with online_environment(wanted, url) as environment:
        words = environment["GIT_SSH_COMMAND"].split()
        key = Path(words[words.index("-i") + 1])
        assert (key.read_text(), key.stat().st_mode & 0o777) == ("KEY\n", 0o600)
        assert "BatchMode=yes" in words
        assert environment["GIT_ALLOW_PROTOCOL"] == "ssh"
    assert not key.exists()


@pytest.mark.parametrize(("username", "password"), [("robot", "hunter2"), ("", "")])
def test_wrong_or_missing_password_is_forbidden(outside: Outside, tmp_path: Path, username: str, password: str) -> None:
    begun = time.monotonic()
    with pytest.raises(Forbidden) as caught:
        connect(target(f"{outside.base}/private/app.git", tmp_path, username, password)).branches()
    assert "hunter2" not in str(caught.value)
    assert time.monotonic() - begun < at_most(10)


def test_credentials_with_line_breaks_are_refused(outside: Outside, tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="line breaks"):
        connect(target(f"{outside.base}/app.git", tmp_path, "robot", "a\nhost=evil")).branches()


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/none.git", NotFound),
        ("/status/404/app.git", NotFound),
        ("/status/403/app.git", Forbidden),
        ("/status/401/app.git", Forbidden),
        ("/status/500/app.git", Unavailable),
        ("/status/503/app.git", Unavailable),
        ("/status/200/app.git", NoFact),
        ("/status/404/certificate-redirect.git", NotFound),
    ],
)
def test_answers_become_our_words(outside: Outside, tmp_path: Path, path: str, error: type[DeployerError]) -> None:
    with pytest.raises(DeployerError) as caught:
        connect(target(outside.base + path, tmp_path)).branches()
    assert type(caught.value) is error, str(caught.value)


@pytest.mark.security("requests-to-inner-hosts")
def test_redirect_is_not_followed(outside: Outside, tmp_path: Path) -> None:
    outside.hits.clear()
    with pytest.raises(NoFact, match="another address"):
        connect(target(f"{outside.base}/moved/private/app.git", tmp_path, "robot", PASSWORD)).branches()
    assert outside.hits == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/app.git", "http://no-such-host.invalid/app.git"])
def test_dead_host_is_unavailable(url: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        connect(target(url, tmp_path)).resolve("master")


def test_silent_server_costs_its_time_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deployer.adapters.git.client.READ_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/silent-{os.getpid()}.git"
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="did not finish within 1 s"):
            connect(target(url, tmp_path)).branches()
        assert time.monotonic() - begun < at_most(4)
        # Killed with its whole group; the system may take a moment to take a grandchild away.
        wait_for(lambda: not processes_with(f"silent-{os.getpid()}"), seconds=at_most(2))


def processes_with(word: str) -> list[str]:
    """Command lines that hold the word, from /proc: a minimal Debian has no ``ps``. Zombies have none left."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        # A process may end between the listing and the reading.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if word in line:
                found.append(line)
    return found


def test_git_ends_even_when_its_caller_was_killed() -> None:
    word = f"GIT_orphan_{os.getpid()}"
    script = (
        "from deployer.adapters.git import child, session\n"
        "child.GRACE_SECONDS = 0\n"
        f"command = ['-c', 'alias.hang=!sleep 300; : {word}', 'hang']\n"
        "child.run_git(command, environment=session.offline_environment(), seconds=2)\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).resolve().parents[2])
    wait_for(lambda: any("sleep 300" in line and "-c" in line for line in processes_with(word)))
    caller.kill()
    caller.wait()
    wait_for(lambda: not processes_with(word))


def test_output_is_capped(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    alias = "alias.flood=!yes"
    with pytest.raises(Rejected, match="more than"):
        run_git(["-c", alias, "flood"], environment=offline_environment(), seconds=20, output_bytes=1024 * 1024)


def test_git_sees_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRISM4K_SECRET", "visible")
    shown = run_git(["-c", "alias.showenv=!env", "showenv"], environment=offline_environment(), seconds=10)
    assert (shown.code, b"visible" in shown.output, b"GIT_TERMINAL_PROMPT=0" in shown.output) == (0, False, True)


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("feature/ABC-12_x", True),
        ("release-2.0+rc@1#x=y,z", True),
        ("a" * 200, True),
        ("a" * 201, False),
        ("", False),
        *((bad, False) for bad in ("-x", "--upload-pack=x", "a..b", "$(id)", "*", "${SECRET}", "a~1", "x\n")),
        *(
            (bad, False)
            for bad in ("x.lock", "/a", "a/", "a//b", "a/.b", "@", "a@{1}", "x.lock/y", "a b", "功能", "a.", ".a")
        ),
    ],
)
def test_branch_grammar(name: str, is_one: bool, tmp_path: Path) -> None:
    assert is_branch_name(name) is is_one
    if not is_one:
        with pytest.raises(Rejected):
            connect(target("http://127.0.0.1:1/app.git", tmp_path)).resolve(name)
