"""What the product asks of a repository, answered by the real ``git`` on a bare mirror of its commits.

Every process of this machine shares the mirror; it has no file contents.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from deployer.adapters.git.child import Finished, is_damage, run_git, stopped, translate
from deployer.adapters.git.left_out import names_lfs, read_tree
from deployer.adapters.git.online import run_online
from deployer.adapters.git.references import HEADS, PEELED, TAGS, read_heads, read_tags
from deployer.adapters.git.session import (
    RepositoryUrl,
    check_beginning,
    check_branch,
    check_commit,
    check_tag,
    check_url,
    is_branch_name,
    offline_environment,
)
from deployer.errors import Forbidden, NotFound, Rejected, Unavailable
from deployer.interfaces import BranchTip, CommitFacts, FoundCommit, GitTag, LeftOut, OnAnswer, SourceTarget
from deployer.messages import message as _

FETCH_SECONDS = 60.0
READ_SECONDS = 20.0
WAIT_SECONDS = 15.0
_POLL_SECONDS = 0.05
_MOST_TRIES = 3

_FETCHED = "prism4k-fetched"
"""A file in a mirror into which all branches were fetched at least once."""
_NAME = "prism4k-copy"
"""A file in a mirror with a name that no other copy has: its inode may well be used again."""


class Mirror:
    """``<mirror_dir>/mirror.git`` with a lock file beside it; made at the first fetch, rebuilt when it is broken."""

    def __init__(self, target: SourceTarget, url: RepositoryUrl, on_answer: OnAnswer) -> None:
        self._target = target
        self._url = url
        self._on_answer = on_answer
        self._folder = Path(target.mirror_dir).absolute()
        self.path = self._folder / "mirror.git"

    def has(self, commit: str) -> bool:
        """True when the commit is in the mirror; a damaged mirror is made anew before it answers."""
        return self._judged(self._mended(is_damage, *_existence(commit))).code == 0

    def lacks(self, commit: str) -> bool:
        """True when the commit is not there although the mirror is whole: an absence is told of a whole copy only.

        Asked under the lock: meanwhile nobody makes the mirror anew, or is in the middle of its first fetch.
        """
        for _try in range(_MOST_TRIES):
            if self.has(commit):
                return False
            self.ask("rev-list", "--count", "--all")
            with self._locked():
                is_whole, finished = (self.path / _FETCHED).exists(), self.read(*_existence(commit))
            if is_whole:
                return self._judged(finished).code != 0
            self.refresh()
        raise self._unreadable()

    def _mended(self, is_bad: Callable[[Finished], bool], *arguments: str) -> Finished:
        """:meth:`read`, and once more from a new mirror where ``is_bad`` of the first answer."""
        copy, finished = self._copy(), self.read(*arguments)
        if not is_bad(finished):
            return finished
        self.refresh(damaged=copy)
        return self.read(*arguments)

    def _copy(self) -> str:
        """Which copy stands there now; another name once it was made anew, empty for none."""
        try:
            return (self.path / _NAME).read_text(encoding="ascii")
        except (OSError, ValueError):
            return ""

    def ask(self, *arguments: str, fine: Collection[int] = (0,)) -> Finished:
        """:meth:`read` about commits that are in the mirror: a git that misses anything means a damaged mirror."""

        def is_bad(answer: Finished) -> bool:
            return answer.code not in fine and (answer.signal in {0, signal.SIGPIPE} or is_damage(answer))

        finished = self._mended(is_bad, *arguments)
        if self._judged(finished).code in fine:
            return finished
        raise self._unreadable()

    def _unreadable(self) -> Unavailable:
        return Unavailable(
            _("The platform's copy of the repository at %(host)s cannot be read. Try again.", host=self._url.host)
        )

    def read(self, *arguments: str) -> Finished:
        """A git command on the mirror that cannot reach the network."""
        command = [f"--git-dir={self.path}", *arguments]
        return run_git(command, environment=offline_environment(), seconds=READ_SECONDS)

    def read_tips(self) -> dict[str, dict[str, Any]]:
        """By commit what a BranchTip tells of it, of the branches as they were fetched last; {} without a copy."""
        form = "--format=%(objectname)%00%(authorname)%00%(authordate:iso-strict)%00"
        finished = self.read("for-each-ref", form, HEADS)
        fields = finished.output.decode(errors="replace").split("\0") if finished.code == 0 else []
        groups = zip(*(iter(fields[: len(fields) // 3 * 3]),) * 3, strict=True)
        return {commit.strip(): {"author": author, "commit_at": _moment(at)} for commit, author, at in groups}

    def _judged(self, finished: Finished) -> Finished:
        """What git said on its own; raises Unavailable where a signal stopped it.

        But for SIGPIPE: git hands a missing object's name to a fetch of its own, which ends at once because no
        transport is allowed. Where that happens before git has written the name, git dies of the broken pipe.
        """
        if finished.signal not in {0, signal.SIGPIPE}:
            raise stopped(finished.signal, self._url.host)
        return finished

    def refresh(self, *, damaged: str | None = None) -> None:
        """Fetch all branches; waits for another process that is fetching. Raises what ``translate`` gives.

        ``damaged``: the copy (see :meth:`_copy`) that is to be replaced, unless somebody else has replaced it while we
        waited: his readers would be left with nothing.
        """
        with self._locked() as lock:
            if damaged is not None and damaged == self._copy():
                shutil.rmtree(self.path, ignore_errors=True)
            self._make_ready()
            finished = self._fetch(lock)
            if is_damage(finished):
                # Only a copy: when it is damaged (a full disk, a power cut) a new one is the whole repair.
                shutil.rmtree(self.path, ignore_errors=True)
                self._make_ready()
                finished = self._fetch(lock)
            if finished.code == 0:
                (self.path / _FETCHED).touch()
        if finished.code != 0:
            raise translate(finished, self._url.host)
        self._on_answer()

    def _fetch(self, lock: int) -> Finished:
        command = [
            f"--git-dir={self.path}",
            *("fetch", "--quiet", "--filter=blob:none", "--no-tags", "--prune", "--force"),
            *("--no-write-fetch-head", "--no-recurse-submodules"),
            *("--", self._url.text, "+refs/heads/*:refs/heads/*"),
        ]
        # git keeps the lock too: should we be killed, nobody else begins while our git still writes.
        return run_online(self._target, self._url, command, seconds=FETCH_SECONDS, keep_open=[lock])

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
            (Path(staging) / _NAME).write_text(uuid.uuid4().hex, encoding="ascii")
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


def _moment(text: str) -> datetime | None:
    """None for what is no time: Git keeps what a commit was written with."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _existence(commit: str) -> tuple[str, ...]:
    """The question to git whether the commit is there."""
    return "cat-file", "-e", f"{commit}^{{commit}}"


_MOST_COMMITS = 1000
_MOST_ALIKE = 20
"""So many objects that begin alike are looked at: 7 digits stand for a handful in the largest repositories."""


class GitSource:
    """SourceClient over git; safe for several threads and processes."""

    def __init__(self, target: SourceTarget, on_answer: OnAnswer) -> None:
        self._target = target
        self._on_answer = on_answer
        self._url = check_url(target.url)
        self._mirror = Mirror(target, self._url, on_answer)

    def branches(self) -> tuple[BranchTip, ...]:
        """All branches whose names we build (see ``is_branch_name``), sorted; () for an empty repository."""
        return tuple(tip for tip in self._list_heads() if is_branch_name(tip.name))

    def heads(self) -> tuple[BranchTip, ...]:
        """All branches, sorted; bytes that are no UTF-8 show as replacement characters."""
        return self.tell(self._list_heads())

    def tell(self, tips: Sequence[BranchTip]) -> tuple[BranchTip, ...]:
        """With author and time of those commits that the mirror has had since its last fetch: nothing is sent."""
        known = self._mirror.read_tips()
        return tuple(replace(tip, **known.get(tip.commit, {})) for tip in tips)

    def resolve(self, branch: str) -> BranchTip:
        """One branch's tip; raises Rejected for what cannot be a branch, NotFound for an unknown one."""
        check_branch(branch)
        for tip in self._list_heads(HEADS + branch):
            if tip.name == branch:
                return tip
        raise NotFound(_("The repository at %(host)s has no branch %(branch)s.", host=self._url.host, branch=branch))

    def contains(self, branch: str, commit: str) -> bool:
        """True when the commit lies on the branch as it is now; raises NotFound for an unknown branch."""
        check_commit(commit)
        for _try in range(_MOST_TRIES):
            tip = self.resolve(branch)
            if tip.commit == commit:
                return True
            if self._has_brought(tip.commit):
                break
            # Pushed by force between the two questions: it has another tip now.
        else:
            raise Unavailable(_("Branch %(branch)s changes faster than it can be read. Try again.", branch=branch))
        if self._mirror.lacks(commit):
            return False
        return self._mirror.ask("merge-base", "--is-ancestor", commit, tip.commit, fine=(0, 1)).code == 0

    def git_tags(self) -> tuple[GitTag, ...]:
        """All Git tags, sorted, with the commits they point to at last; ``is_tag_name`` says which names we take."""
        return self._list_tags()

    def find_tag(self, name: str) -> GitTag:
        """One Git tag as it stands now; raises Rejected for what cannot be one, NotFound for an unknown one."""
        check_tag(name)
        for tag in self._list_tags(TAGS + name, TAGS + name + PEELED):
            if tag.name == name:
                return tag
        raise NotFound(_("The repository at %(host)s has no Git tag %(tag)s.", host=self._url.host, tag=name))

    def find_commit(self, beginning: str) -> FoundCommit:
        """The one commit that begins so and lies on a branch that can be built; branches are those of now.

        Raises Rejected for what is no beginning of 7 to 40 hex digits, or begins several; NotFound where none is.
        """
        check_beginning(beginning)
        self._mirror.refresh()
        alike = self._mirror.ask("rev-parse", f"--disambiguate={beginning}").output.decode().split()[:_MOST_ALIKE]
        found = [FoundCommit(name, self._branches_with(name)) for name in alike if self._mirror.has(name)]
        return self._only(beginning, [one for one in found if one.branches])

    def _only(self, beginning: str, found: list[FoundCommit]) -> FoundCommit:
        if not found:
            message = _(
                "The repository at %(host)s has no commit %(commit)s on a branch that can be built.",
                host=self._url.host,
                commit=beginning[:12],
            )
            raise NotFound(message)
        if len(found) > 1:
            names = ", ".join(one.commit[:12] for one in found)
            raise Rejected(
                _("%(commit)s begins several commits: %(names)s. Write more digits.", commit=beginning, names=names)
            )
        return found[0]

    def _branches_with(self, commit: str) -> tuple[str, ...]:
        """Branches of the mirror, as it is, that have a commit of the mirror."""
        listed = self._mirror.ask("for-each-ref", f"--contains={commit}", "--format=%(refname)", HEADS)
        names = (line.removeprefix(HEADS) for line in listed.output.decode(errors="replace").split("\n"))
        return tuple(sorted(name for name in names if is_branch_name(name)))

    def commits_between(self, old: str, new: str, *, limit: int = 100) -> tuple[CommitFacts, ...]:
        """Commits reachable from new and not from old, newest first, at most ``limit`` (1 to 1000).

        Raises NotFound when either is on no branch any more (a forced push took it away).
        """
        for commit in (check_commit(new), check_commit(old)):
            self._bring(commit)
        finished = self._mirror.ask(
            "log",
            *("-z", "--format=tformat:%H%x00%aI%x00%an%x00%s", "--no-mailmap", "--no-show-signature", "--date-order"),
            *(f"--max-count={min(max(limit, 1), _MOST_COMMITS)}", f"^{old}", new, "--"),
        )
        return _read_commits(finished.output)

    def left_out(self, commit: str) -> LeftOut:
        """What a plain checkout of the commit does not bring; raises NotFound for one that is on no branch."""
        self._bring(check_commit(commit))
        tree = self._mirror.ask("ls-tree", "-r", "-z", "--full-tree", commit)
        submodules, attributes = read_tree(tree.output)
        return LeftOut(submodules, names_lfs(self._target, self._url, attributes))

    def _bring(self, commit: str) -> None:
        if not self._has_brought(commit):
            raise NotFound(
                _(
                    "Commit %(commit)s is on no branch of the repository at %(host)s any more.",
                    commit=commit[:12],
                    host=self._url.host,
                )
            )

    def _has_brought(self, commit: str) -> bool:
        """Is the commit in the mirror? Fetches only when it is missing; False when it is on no branch any more."""
        if self._mirror.has(commit):
            return True
        self._mirror.refresh()
        return not self._mirror.lacks(commit)

    def _list_heads(self, *patterns: str) -> tuple[BranchTip, ...]:
        return read_heads(self._list_references("--heads", *patterns), self._url.host)

    def _list_tags(self, *patterns: str) -> tuple[GitTag, ...]:
        return read_tags(self._list_references("--tags", *patterns), self._url.host)

    def _list_references(self, kind: str, *patterns: str) -> bytes:
        command = ["ls-remote", kind, "--quiet", "--", self._url.text, *patterns]
        finished = run_online(self._target, self._url, command, seconds=READ_SECONDS)
        error = translate(finished, self._url.host) if finished.code != 0 else None
        if error is None or isinstance(error, Forbidden | NotFound):
            self._on_answer()
        if error is not None:
            raise error
        return finished.output


def _read_commits(output: bytes) -> tuple[CommitFacts, ...]:
    """Four fields a commit, each ended by NUL, which no field can hold."""
    fields = output.decode(errors="replace").split("\0")
    groups = zip(*(iter(fields[: len(fields) // 4 * 4]),) * 4, strict=True)
    return tuple(CommitFacts(commit, author, at, subject) for commit, at, author, subject in groups)
