"""One git command that speaks to the server."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.adapters.git.child import FILE_BYTES, Finished, not_git, run_git
from deployer.adapters.git.session import RepositoryUrl, is_git, online_environment
from deployer.interfaces import SourceTarget


def run_online(
    target: SourceTarget,
    url: RepositoryUrl,
    arguments: Sequence[str],
    *,
    seconds: float,
    keep_open: Sequence[int] = (),
    file_bytes: int = FILE_BYTES,
) -> Finished:
    """Runs it with the server's credentials. Raises NoFact where something else than a Git server answered it."""
    with online_environment(target, url) as environment:
        finished = run_git(
            arguments, environment=environment, seconds=seconds, keep_open=keep_open, file_bytes=file_bytes
        )
        if finished.code == 0 and not is_git(environment):
            raise not_git(url.host)
    return finished
