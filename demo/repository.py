"""A small real application in a real Git repository for every demo component, made on the spot.

``git fast-import`` takes the whole history at once. A repository that exists is kept: people may have committed to it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from demo.application import SERVER, files
from demo.world import SUBSYSTEMS, App, repository_name

DAY = 86_400
LIMITS, QUOTES = "src/desk/limits.py", "src/desk/quotes.py"
AUTHORS = {"chenlei": ("陈磊", "chenlei@example.com"), "lintao": ("林涛", "lintao@example.com")}


@dataclass(frozen=True)
class Commit:
    """``changes`` maps paths to their new text. ``after`` names an earlier commit, by its key."""

    key: str
    branch: str
    author: str
    days_ago: float
    subject: str
    changes: dict[str, str] = field(default_factory=dict)
    after: str = ""


TAGS = {"v1.0": "round", "v1.1": "version"}
"""Annotated Git tags on master, by the key of their commit."""


def history(app: App) -> tuple[Commit, ...]:
    """master with four commits, two features, and three branches on which something goes wrong."""
    whole = files(app)
    return (*_master(app, whole), *_features(whole), *_failing(whole))


def _master(app: App, whole: dict[str, str]) -> Iterator[Commit]:
    server = whole[SERVER]
    first = {path: text for path, text in whole.items() if path not in (LIMITS, "tests/test_limits.py")}
    first[SERVER] = server.replace("from desk.limits import check\n", "").replace("        check(amount)\n", "")
    limited = {path: whole[path] for path in (SERVER, LIMITS, "tests/test_limits.py")}
    notes = "- quotes are rounded half up\n"
    yield Commit("start", "master", "chenlei", 30, f"{app.name_zh}：首个版本 (first version)", first)
    yield Commit("limits", "master", "lintao", 21, "Refuse amounts beyond the daily limit", limited, "start")
    yield Commit(
        "round", "master", "chenlei", 9, "四舍五入到分 (round half up, to the cent)", {"CHANGES.md": notes}, "limits"
    )
    told = {"CHANGES.md": f"{notes}- /version\n"}
    yield Commit("version", "master", "chenlei", 2, "Tell the version at /version", told, "round")


def _features(whole: dict[str, str]) -> Iterator[Commit]:
    raised = {LIMITS: whole[LIMITS].replace("1_000_000", "5_000_000")}
    yield Commit(
        "cap", "feature/limit-check", "lintao", 1.2, "Raise the daily limit for institutions", raised, "version"
    )
    classes = {QUOTES: whole[QUOTES].replace('"0.0015"', '"0.0012"')}
    said = "申购费率按客户等级 (fees by class of customer)"
    yield Commit("fees", "feature/fee-classes", "chenlei", 0.8, said, classes, "version")


def _failing(whole: dict[str, str]) -> Iterator[Commit]:
    broken = {QUOTES: whole[QUOTES].replace("def quote(", "def quote(:")}
    yield Commit("broken", "fail-compile", "lintao", 0.7, "Half a thought (does not compile)", broken, "version")
    hanging = whole["Makefile"].replace(
        "\tpython3 -m compileall -q src", "\t@echo waiting for a licence server; sleep 86400"
    )
    yield Commit(
        "hang", "hang", "lintao", 0.6, "Wait for the licence server (never ends)", {"Makefile": hanging}, "version"
    )
    crashing = {"src/scenario": "crash\n", SERVER: whole[SERVER].replace("def main() -> None:\n", CRASH)}
    said = "Read a file that production does not have (crashes at start)"
    yield Commit("crash", "crash-on-start", "chenlei", 0.5, said, crashing, "version")


CRASH = 'def main() -> None:\n    open("/etc/desk/licence.key").close()\n'


def make_repositories(root: Path) -> list[str]:
    """Make the bare repositories that are missing below ``root``; returns their names."""
    made = []
    for subsystem in SUBSYSTEMS:
        for app in subsystem.apps:
            name = repository_name(subsystem.slug, app)
            if not (root / name / "HEAD").is_file():
                make_repository(root / name, app)
                made.append(name)
    return made


def make_repository(path: Path, app: App) -> None:
    """One bare repository; it appears under its name only when it is whole."""
    partial = path.with_name(path.name + ".new")
    shutil.rmtree(partial, ignore_errors=True)
    partial.parent.mkdir(parents=True, exist_ok=True)
    git(["init", "--quiet", "--bare", "--initial-branch=master", str(partial)])
    git(["--git-dir", str(partial), "fast-import", "--quiet", "--force"], stdin=stream(history(app), time.time()))
    partial.replace(path)


def stream(commits: tuple[Commit, ...], now: float) -> bytes:
    """The history with its tags, in the language of ``git fast-import``."""
    marks = {commit.key: number for number, commit in enumerate(commits, start=1)}
    by_key = {commit.key: commit for commit in commits}
    parts: list[bytes] = []
    for commit in commits:
        parts += [
            f"commit refs/heads/{commit.branch}\nmark :{marks[commit.key]}\n".encode(),
            f"committer {_who(commit, now)}\n".encode(),
            _data(commit.subject + "\n"),
        ]
        if commit.after:
            parts.append(f"from :{marks[commit.after]}\n".encode())
        for path, text in commit.changes.items():
            parts += [f"M 100644 inline {path}\n".encode(), _data(text)]
        parts.append(b"\n")
    for name, key in TAGS.items():
        parts += [f"tag {name}\nfrom :{marks[key]}\ntagger {_who(by_key[key], now)}\n".encode(), _data(f"{name}\n")]
    return b"".join(parts)


def _who(commit: Commit, now: float) -> str:
    """Its author at its moment."""
    name, address = AUTHORS[commit.author]
    return f"{name} <{address}> {int(now - commit.days_ago * DAY)} +0800"


def _data(text: str) -> bytes:
    raw = text.encode()
    return b"data %d\n%s\n" % (len(raw), raw)


def git(arguments: list[str], *, stdin: bytes = b"") -> str:
    """Run git without the machine's own configuration; its output. Raises CalledProcessError."""
    environment = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(["git", *arguments], input=stdin, capture_output=True, check=True, env=environment)
    return done.stdout.decode()


def commits_of(repository: Path, branch: str) -> list[tuple[str, str]]:
    """``(commit, author's address)`` of a branch, newest first."""
    lines = git(["--git-dir", str(repository), "log", "--format=%H %ae", branch, "--"]).splitlines()
    return [(commit, address) for commit, _, address in (line.partition(" ") for line in lines)]
