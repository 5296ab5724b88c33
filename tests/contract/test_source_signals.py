"""How git ended is judged with signals: what stopped git says nothing of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from deployer.adapters.git import GitSource, connect
from deployer.adapters.git.child import Finished, translate
from deployer.errors import NotFound, Rejected, Unavailable
from deployer.interfaces import SourceTarget
from tests.components.stand_ins import git, serving

pytestmark = pytest.mark.contract
COMMANDS = ("cat-file", "merge-base", "log", "fetch", "ls-remote")


@dataclass
class Pushed:
    """A repository whose branch ``a`` was pushed by force: ``old`` is on no branch any more."""

    source: GitSource
    bare: Path
    old: str
    base: str
    new: str
    programs: Path

    def commit(self, branch: str, *parents: str, subject: str = "change") -> str:
        tree = git(self.bare, "hash-object", "-w", "-t", "tree", "/dev/null")
        made = git(self.bare, "commit-tree", tree, "-m", subject, *(word for one in parents for word in ("-p", one)))
        git(self.bare, "update-ref", f"refs/heads/{branch}", made)
        return made

    def lose(self, command: str, signal: str, when: str = "") -> None:
        """From now on this git command dies of the signal, where its words have ``when``."""
        fake = self.programs / "git"
        real = shutil.which("git", path=os.defpath)
        fake.write_text(f'#!/bin/sh\ncase "$*" in *{command}*{when}*) kill -{signal} $$ ;; esac\nexec {real} "$@"\n')
        fake.chmod(0o700)


@pytest.fixture
def pushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pushed]:
    bare = tmp_path / "served" / "app.git"
    bare.mkdir(parents=True)
    git(bare, "init", "-q", "--bare")
    (tmp_path / "programs").mkdir()
    with serving("sandbox.git", "--root", str(bare.parent)) as host:
        source = connect(SourceTarget("git:1", f"http://{host}/app.git", str(tmp_path / "mirror")))
        one = Pushed(source, bare, "", "", "", tmp_path / "programs")
        one.base = one.commit("a")
        one.old = one.commit("a", one.base, subject="old")
        one.new = one.commit("a", one.base, subject="pushed by force")
        monkeypatch.setenv("PATH", f"{one.programs}:{os.environ['PATH']}")
        yield one


@pytest.mark.parametrize(
    ("code", "signal"), [(0, 0), (1, 0), (128, 0), (129, 0), (-13, 13), (141, 13), (137, 9), (-9, 9), (255, 0)]
)
def test_exit_codes_and_signals(code: int, signal: int) -> None:
    assert Finished(code, b"", "").signal == signal


@pytest.mark.parametrize("command", ["cat-file", "merge-base"])
def test_a_broken_pipe_over_a_commit_that_is_gone(pushed: Pushed, command: str) -> None:
    """Which of two ends of git's own pipe comes first is the scheduler's choice; this git always loses."""
    pushed.lose(command, "PIPE", pushed.old)
    assert not pushed.source.contains("a", pushed.old)
    assert pushed.source.contains("a", pushed.new)
    with pytest.raises(NotFound, match="on no branch"):
        pushed.source.commits_between(pushed.base, pushed.old)


@pytest.mark.parametrize("signal", ["KILL", "TERM", "SEGV"])
@pytest.mark.parametrize("command", COMMANDS)
def test_what_stops_git_tells_nothing_of_a_commit(pushed: Pushed, command: str, signal: str) -> None:
    pushed.lose(command, signal)
    question = pushed.source.commits_between if command == "log" else pushed.source.contains
    words = (pushed.base, pushed.new) if command == "log" else ("a", pushed.base)
    with pytest.raises(Unavailable, match="stopped by signal"):
        question(*words)
    pushed.lose("nothing", signal)
    assert question(*words)


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("error: index-pack died of signal 25\nfatal: fetch-pack failed", "larger than the platform allows"),
        ("error: index-pack died of signal 9", "stopped by signal 9"),
        ("remote: error: pack-objects died of signal 9\nfatal: early EOF", "cannot be reached, or broke off"),
    ],
)
def test_a_part_of_git_that_a_signal_ended(complaint: str, words: str) -> None:
    assert words in str(translate(Finished(128, b"", complaint), "git.example"))


def test_a_file_limit_is_told_as_one(pushed: Pushed) -> None:
    pushed.lose("fetch", "XFSZ")
    with pytest.raises(Rejected, match="larger than the platform allows"):
        pushed.source.contains("a", pushed.base)


@pytest.mark.parametrize("lost", ["base", "new"])
def test_an_object_that_the_disk_lost_is_no_absence(pushed: Pushed, tmp_path: Path, lost: str) -> None:
    """The copy is damaged in its middle; the remote has the commit on the branch as ever."""
    first = getattr(pushed, lost)
    tip = pushed.commit("a", pushed.new, subject="later")
    assert pushed.source.contains("a", pushed.base)
    mirror = tmp_path / "mirror" / "mirror.git"
    for pack in mirror.glob("objects/pack/*.pack"):
        with pack.open("rb") as packed:
            pack.rename(pack.with_suffix(".old"))
            unpack(mirror, packed)
    path = mirror / "objects" / first[:2] / first[2:]
    path.unlink()
    assert pushed.source.contains("a", first)
    assert [fact.commit for fact in pushed.source.commits_between(pushed.base, tip)] == [tip, pushed.new]


def unpack(mirror: Path, packed: BinaryIO) -> None:
    for rest in (*mirror.glob("objects/pack/*.idx"), *mirror.glob("objects/pack/*.promisor")):
        rest.unlink()
    subprocess.run(["git", "unpack-objects", "-q"], cwd=mirror, stdin=packed, check=True)


def test_a_branch_that_is_pushed_between_two_questions(pushed: Pushed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tip at the first question is gone when the commits are fetched: it is asked again."""
    resolve, tips = GitSource.resolve, [pushed.old, pushed.old, pushed.new]

    def stale(self: GitSource, branch: str) -> object:
        found = resolve(self, branch)
        return type(found)(branch, tips.pop(0))

    monkeypatch.setattr(GitSource, "resolve", stale)
    assert pushed.source.contains("a", pushed.base)
    tips[:] = [pushed.old] * 3
    with pytest.raises(Unavailable, match="changes faster"):
        pushed.source.contains("a", pushed.base)
