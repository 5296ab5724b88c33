"""The Git adapter against a real git over HTTP: branches, history, a mirror that several share."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deployer.adapters.git import GitSource, connect
from deployer.errors import NotFound, Rejected, Unavailable
from deployer.interfaces import SourceTarget

pytestmark = pytest.mark.contract
NUMBERS = itertools.count(1)
ROOT = Path(__file__).resolve().parents[2]


def git(folder: Path, *arguments: str, feed: str = "") -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in PERSON.items()},
    }
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, input=feed, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


PERSON = {"NAME": "王 Wei", "EMAIL": "w@example.org", "DATE": "2026-03-01T10:00:00+08:00"}


@dataclass
class Repository:
    """A bare repository ``name`` that the server shows, with a little working copy to push from."""

    root: Path
    base: str
    name: str

    @property
    def bare(self) -> Path:
        return self.root / f"{self.name}.git"

    @property
    def url(self) -> str:
        return f"{self.base}/{self.name}.git"

    def commit(self, branch: str, parent: str = "", subject: str = "change") -> str:
        """Add a commit to a branch (an empty tree is enough) and give its id."""
        tree = git(self.bare, "mktree")
        arguments = ["commit-tree", tree, "-m", subject, *(["-p", parent] if parent else [])]
        made = git(self.bare, *arguments)
        git(self.bare, "update-ref", f"refs/heads/{branch}", made)
        return made

    def delete(self, branch: str) -> None:
        git(self.bare, "update-ref", "-d", f"refs/heads/{branch}")


@dataclass
class Server:
    root: Path
    base: str

    def repository(self, name: str) -> Repository:
        git(self.root, "init", "--quiet", "--bare", "-b", "master", f"{name}.git")
        return Repository(self.root, self.base, name)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("git")
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.git", "--root", str(root)], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    line = process.stderr.readline()
    yield Server(root, next(word for word in line.split() if word.startswith("http://")).rstrip("/,"))
    process.terminate()
    process.wait(timeout=10)
    process.stderr.close()


@pytest.fixture
def repository(server: Server) -> Repository:
    return server.repository(f"r{next(NUMBERS)}")


@pytest.fixture
def source(repository: Repository, tmp_path: Path) -> GitSource:
    return connect(SourceTarget("git:1", repository.url, str(tmp_path / "mirror")))


def test_branches_are_listed_with_tips_by_name(repository: Repository, source: GitSource) -> None:
    assert source.branches() == ()
    first = repository.commit("release/2.0")
    second = repository.commit("feature/ABC-12_x")
    git(repository.bare, "tag", "v1", first)
    assert [(tip.name, tip.commit) for tip in source.branches()] == [
        ("feature/ABC-12_x", second),
        ("release/2.0", first),
    ]


def test_tips_tell_who_wrote_them_and_when_once_the_mirror_has_them(repository: Repository, source: GitSource) -> None:
    first = repository.commit("master")
    second = repository.commit("master", first)
    (tip,) = source.heads()
    assert (tip.author, tip.commit_at) == ("", None), "nothing is fetched for a list"
    assert source.contains("master", first)
    (tip,) = source.heads()
    assert tip.author == "王 Wei" and tip.commit_at is not None
    assert tip.commit_at.isoformat() == "2026-03-01T10:00:00+08:00"
    repository.commit("master", second)
    (tip,) = source.heads()
    assert (tip.author, tip.commit_at) == ("", None), "never what was known of another commit"


def test_names_that_we_do_not_build_are_left_out(repository: Repository, source: GitSource) -> None:
    good = repository.commit("good")
    for name in ("功能", "a$(id)b", "it's"):
        git(repository.bare, "update-ref", f"refs/heads/{name}", good)
    assert [tip.name for tip in source.branches()] == ["good"]
    assert {tip.name for tip in source.heads()} == {"good", "功能", "a$(id)b", "it's"}, "seen, and said to be unfit"


def test_two_thousand_branches_are_one_read(repository: Repository, source: GitSource) -> None:
    tip = repository.commit("master")
    lines = "".join(f"create refs/heads/feature/{number:04} {tip}\n" for number in range(2000))
    git(repository.bare, "update-ref", "--stdin", feed=lines)
    found = source.branches()
    assert len(found) == 2001
    assert (found[0].name, found[-1].name) == ("feature/0000", "master")
    assert source.resolve("feature/1999").commit == tip


def test_resolve_takes_the_whole_name_only(repository: Repository, source: GitSource) -> None:
    repository.commit("team/master")
    repository.commit("refs/heads/master")
    with pytest.raises(NotFound, match="has no branch master"):
        source.resolve("master")
    assert source.resolve("team/master").name == "team/master"


def test_contains_follows_the_branch(repository: Repository, source: GitSource) -> None:
    first = repository.commit("master")
    second = repository.commit("master", first)
    other = repository.commit("side", first, "another")
    assert source.contains("master", first)
    assert source.contains("master", second)
    assert source.contains("side", other)
    assert not source.contains("master", other)
    assert not source.contains("master", "0" * 40)
    assert not source.contains("master", git(repository.bare, "rev-parse", f"{first}^{{tree}}"))
    third = repository.commit("master", second)
    assert source.contains("master", third)
    with pytest.raises(NotFound):
        source.contains("gone", first)


def test_commits_between_newest_first_with_their_words(repository: Repository, source: GitSource) -> None:
    commits = [repository.commit("master", subject="0")]
    for number in range(1, 6):
        commits.append(repository.commit("master", commits[-1], f"第{number}次 | tab\there"))
    found = source.commits_between(commits[2], commits[5])
    assert [fact.commit for fact in found] == [commits[5], commits[4], commits[3]]
    assert (found[0].author, found[0].at) == ("王 Wei", "2026-03-01T10:00:00+08:00")
    assert found[0].subject == "第5次 | tab\there"
    assert len(source.commits_between(commits[0], commits[5], limit=2)) == 2
    assert source.commits_between(commits[5], commits[5]) == ()
    assert source.commits_between(commits[5], commits[2]) == ()
    with pytest.raises(NotFound, match="no branch"):
        source.commits_between("1" * 40, commits[5])


def test_forced_pushes_and_renamed_folders_do_not_break_the_mirror(repository: Repository, source: GitSource) -> None:
    old = repository.commit("a")
    assert source.contains("a", old)
    repository.delete("a")
    new = repository.commit("a/b", subject="now a folder")
    assert source.contains("a/b", new)
    assert not source.contains("a/b", old)


def test_a_git_that_breaks_off_over_a_missing_commit_means_that_it_is_missing(
    repository: Repository, source: GitSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git dies of SIGPIPE when the fetch that it starts for a missing object ends before it has been told the name.

    Which of the two comes first is the scheduler's choice; this git always loses.
    """
    programs = tmp_path / "programs"
    programs.mkdir()
    loser = programs / "git"
    loser.write_text(f'#!/bin/sh\ncase "$*" in *merge-base*) kill -PIPE $$ ;; esac\nexec {shutil.which("git")} "$@"\n')
    loser.chmod(0o700)
    old = repository.commit("a")
    new = repository.commit("a", subject="pushed by force")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    assert not source.contains("a", old)
    assert source.contains("a", new)


def test_a_damaged_mirror_is_made_anew(repository: Repository, source: GitSource, tmp_path: Path) -> None:
    first = repository.commit("master")
    second = repository.commit("master", first)
    assert source.contains("master", first)
    mirror = tmp_path / "mirror" / "mirror.git"
    for pack in (*mirror.glob("objects/pack/*.pack"), *mirror.glob("objects/??/*")):
        pack.chmod(0o600)
        pack.write_bytes(b"rubbish")
    third = repository.commit("master", second)
    assert source.contains("master", first)
    assert [fact.commit for fact in source.commits_between(first, third)] == [third, second]


def test_leftover_locks_of_a_killed_git_are_cleared(repository: Repository, source: GitSource, tmp_path: Path) -> None:
    first = repository.commit("master")
    assert source.contains("master", first)
    source.commits_between(first, first)
    mirror = tmp_path / "mirror" / "mirror.git"
    second = repository.commit("master", first)
    for name in ("packed-refs.lock", "config.lock", "refs/heads/master.lock"):
        (mirror / name).parent.mkdir(parents=True, exist_ok=True)
        (mirror / name).touch()
    assert source.contains("master", first)
    assert [fact.commit for fact in source.commits_between(first, second)] == [second]


def test_mirror_holds_no_file_contents(repository: Repository, source: GitSource, tmp_path: Path) -> None:
    blob = git(repository.bare, "hash-object", "-w", "--stdin", feed="secret content")
    tree = git(repository.bare, "mktree", feed=f"100644 blob {blob}\tfile\n")
    first = git(repository.bare, "commit-tree", tree, "-m", "with a file")
    git(repository.bare, "update-ref", "refs/heads/master", first)
    second = repository.commit("master", first)
    assert source.contains("master", first)
    mirror = tmp_path / "mirror" / "mirror.git"
    objects = git(mirror, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    assert second in objects
    assert blob not in objects


def test_many_at_once_share_one_mirror(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit("master")
    repository.commit("master", first)
    answers: list[bool] = []

    def ask() -> None:
        one = connect(SourceTarget("git:1", repository.url, str(tmp_path / "shared")))
        answers.append(one.contains("master", first))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 6


def test_a_copy_that_somebody_else_made_anew_is_not_thrown_away(repository: Repository, source: GitSource) -> None:
    """Two find it damaged, or not there yet: the second waits for the lock, and the first is reading by then."""
    repository.commit("master")
    source._mirror.refresh()
    mirror = source._mirror
    there = mirror._copy()
    for seen in ("", "of another day"):
        mirror.refresh(damaged=seen)
        assert mirror._copy() == there
    mirror.refresh(damaged=there)
    assert mirror._copy() not in ("", there)


def test_what_is_not_there_is_no_fact_of_a_copy_that_was_never_filled(
    repository: Repository, source: GitSource
) -> None:
    repository.commit("master")
    source._mirror.refresh()
    (source._mirror.path / "prism4k-fetched").unlink()
    assert source._mirror.lacks("0" * 39 + "1")
    assert (source._mirror.path / "prism4k-fetched").exists(), "it was filled first"


def test_a_mirror_in_use_is_told_after_a_while(
    repository: Repository, source: GitSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deployer.adapters.git.client.WAIT_SECONDS", 0.3)
    first = repository.commit("master")
    repository.commit("master", first)
    (tmp_path / "mirror").mkdir()
    with (tmp_path / "mirror" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="somebody else"):
            source.contains("master", first)
    assert source.contains("master", first)


@pytest.mark.parametrize("commit", ["", "HEAD", "--all", "abc", "A" * 40, "0" * 40 + "\n"])
def test_only_whole_commit_ids_are_asked_for(source: GitSource, commit: str) -> None:
    with pytest.raises(Rejected):
        source.contains("master", commit)
    with pytest.raises(Rejected):
        source.commits_between(commit, "0" * 40)
