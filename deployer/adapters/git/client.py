"""What the product asks of a repository, answered by the real ``git`` on a bare mirror of its commits.

Every process of this machine shares the mirror; it has no file contents.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployer.adapters.git.child import Finished, is_damage, is_unknown_object, run_git, translate
from deployer.adapters.git.session import (
    RepositoryUrl,
    check_branch,
    check_commit,
    check_url,
    is_branch_name,
    offline_environment,
    online_environment,
)
from deployer.errors import Forbidden, NotFound, Unavailable
from deployer.interfaces import BranchTip, CommitFacts, OnAnswer, SourceTarget
from deployer.messages import message as _

FETCH_SECONDS = 60.0
READ_SECONDS = 20.0
WAIT_SECONDS = 15.0
_POLL_SECONDS = 0.05


class Mirror:
    """``<mirror_dir>/mirror.git`` with a lock file beside it; made at the first fetch, rebuilt when it is broken."""

    def __init__(self, target: SourceTarget, url: RepositoryUrl) -> None:
        self._target = target
        self._url = url
        self._folder = Path(target.mirror_dir)
        self.path = self._folder / "mirror.git"

    def has(self, commit: str) -> bool:
        """True when the commit is in the mirror."""
        return self.read("cat-file", "-e", f"{commit}^{{commit}}").code == 0

    def read(self, *arguments: str) -> Finished:
        """A git command on the mirror that cannot reach the network."""
        command = [f"--git-dir={self.path}", *arguments]
        return run_git(command, environment=offline_environment(), seconds=READ_SECONDS)

    def refresh(self) -> None:
        """Fetch all branches; waits for another process that is fetching. Raises what ``translate`` gives."""
        with self._locked() as lock:
            self._make_ready()
            finished = self._fetch(lock)
            if is_damage(finished):
                # Only a copy: when it is damaged (a full disk, a power cut) a new one is the whole repair.
                shutil.rmtree(self.path, ignore_errors=True)
                self._make_ready()
                finished = self._fetch(lock)
        if finished.code != 0:
            raise translate(finished, self._url.host)

    def _fetch(self, lock: int) -> Finished:
        with online_environment(self._target, self._url) as environment:
            return run_git(
                [
                    f"--git-dir={self.path}",
                    *("fetch", "--quiet", "--filter=blob:none", "--no-tags", "--prune", "--force"),
                    *("--no-write-fetch-head", "--no-recurse-submodules"),
                    *("--", self._url.text, "+refs/heads/*:refs/heads/*"),
                ],
                environment=environment,
                seconds=FETCH_SECONDS,
                # git keeps the lock too: should we be killed, nobody else begins while our git still writes.
                keep_open=[lock],
            )

    def _make_ready(self) -> None:
        """An initialised mirror without leftovers; only called under the lock."""
        if not (self.path / "HEAD").exists():
            staging = tempfile.mkdtemp(prefix="new-", dir=self._folder)
            made = run_git(
                ["init", "--quiet", "--bare", "--template=", staging],
                environment=offline_environment(),
                seconds=READ_SECONDS,
            )
            if made.code != 0:
                shutil.rmtree(staging, ignore_errors=True)
                raise Unavailable(_("The platform cannot write to its folder for copies of Git repositories."))
            shutil.rmtree(self.path, ignore_errors=True)
            os.replace(staging, self.path)
        # A git that was killed leaves *.lock files that would stop every later one; under our lock none is in use.
        for leftover in [*self.path.glob("*.lock"), *(self.path / "refs").rglob("*.lock")]:
            leftover.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise Unavailable(_("The platform cannot write to its folder for copies of Git repositories.")) from exc
        try:
            self._wait_for(lock)
            yield lock
        finally:
            os.close(lock)

    def _wait_for(self, lock: int) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as exc:
                if time.monotonic() > end:
                    raise Unavailable(
                        _("This repository is being fetched for somebody else. Try again in a moment.")
                    ) from exc
                time.sleep(_POLL_SECONDS)


_MOST_COMMITS = 1000
_HEADS = "refs/heads/"


class GitSource:
    """SourceClient over git; safe for several threads and processes."""

    def __init__(self, target: SourceTarget, on_answer: OnAnswer) -> None:
        self._target = target
        self._on_answer = on_answer
        self._url = check_url(target.url)
        self._mirror = Mirror(target, self._url)

    def branches(self) -> tuple[BranchTip, ...]:
        """All branches whose names we build (see ``is_branch_name``), sorted; () for an empty repository."""
        return tuple(tip for tip in self._list_heads() if is_branch_name(tip.name))

    def heads(self) -> tuple[BranchTip, ...]:
        """All branches, sorted; bytes that are no UTF-8 show as replacement characters."""
        return self._list_heads()

    def resolve(self, branch: str) -> BranchTip:
        """One branch's tip; raises Rejected for what cannot be a branch, NotFound for an unknown one."""
        check_branch(branch)
        for tip in self._list_heads(_HEADS + branch):
            if tip.name == branch:
                return tip
        raise NotFound(_("The repository at %(host)s has no branch %(branch)s.", host=self._url.host, branch=branch))

    def contains(self, branch: str, commit: str) -> bool:
        """True when the commit lies on the branch as it is now; raises NotFound for an unknown branch."""
        check_commit(commit)
        tip = self.resolve(branch)
        if tip.commit == commit:
            return True
        self._bring(tip.commit)
        finished = self._mirror.read("merge-base", "--is-ancestor", commit, tip.commit)
        if finished.code in {0, 1}:
            return finished.code == 0
        if is_unknown_object(finished):
            return False
        raise self._broken(finished)

    def commits_between(self, old: str, new: str, *, limit: int = 100) -> tuple[CommitFacts, ...]:
        """Commits reachable from new and not from old, newest first, at most ``limit`` (1 to 1000).

        Raises NotFound when either is on no branch any more (a forced push took it away).
        """
        for commit in (check_commit(new), check_commit(old)):
            self._bring(commit)
        finished = self._mirror.read(
            "log",
            *("-z", "--format=tformat:%H%x00%aI%x00%an%x00%s", "--no-mailmap", "--no-show-signature", "--date-order"),
            *(f"--max-count={min(max(limit, 1), _MOST_COMMITS)}", f"^{old}", new, "--"),
        )
        if finished.code != 0:
            raise self._broken(finished)
        return _read_commits(finished.output)

    def _bring(self, commit: str) -> None:
        """Have the commit in the mirror; fetches only when it is missing."""
        if self._mirror.has(commit):
            return
        self._mirror.refresh()
        self._on_answer()
        if not self._mirror.has(commit):
            raise NotFound(
                _(
                    "Commit %(commit)s is on no branch of the repository at %(host)s any more.",
                    commit=commit[:12],
                    host=self._url.host,
                )
            )

    def _list_heads(self, *patterns: str) -> tuple[BranchTip, ...]:
        with online_environment(self._target, self._url) as environment:
            command = ["ls-remote", "--heads", "--quiet", "--", self._url.text, *patterns]
            finished = run_git(command, environment=environment, seconds=READ_SECONDS)
        error = translate(finished, self._url.host) if finished.code != 0 else None
        if error is None or isinstance(error, Forbidden | NotFound):
            self._on_answer()
        if error is not None:
            raise error
        return _read_heads(finished.output)

    def _broken(self, finished: Finished) -> Unavailable:
        return Unavailable(
            _("The platform's copy of the repository at %(host)s cannot be read. Try again.", host=self._url.host)
        )


def _read_heads(output: bytes) -> tuple[BranchTip, ...]:
    tips = []
    for line in output.decode(errors="replace").split("\n"):
        commit, _separator, reference = line.partition("\t")
        name = reference.removeprefix(_HEADS)
        if reference.startswith(_HEADS) and len(commit) == 40 and name:
            tips.append(BranchTip(name, commit))
    return tuple(sorted(tips, key=lambda tip: tip.name))


def _read_commits(output: bytes) -> tuple[CommitFacts, ...]:
    """Four fields a commit, each ended by NUL, which no field can hold."""
    fields = output.decode(errors="replace").split("\0")
    groups = zip(*(iter(fields[: len(fields) // 4 * 4]),) * 4, strict=True)
    return tuple(CommitFacts(commit, author, at, subject) for commit, at, author, subject in groups)
