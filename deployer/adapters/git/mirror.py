"""A bare mirror of a repository's commits (no file contents), shared by every process of this machine."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployer.adapters.git.child import Finished, run_git
from deployer.adapters.git.complaints import is_damage, translate
from deployer.adapters.git.grammar import RepositoryUrl
from deployer.adapters.git.session import offline_environment, online_environment
from deployer.errors import Unavailable
from deployer.interfaces import SourceTarget
from deployer.sentences import say as _

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
