"""A Git repository as steps and live reads need it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class BranchTip:
    """A branch and the commit it points to (40 hex digits); who wrote that and when, where it is known.

    These two are told beside the branch: two tips of one commit are alike, with or without them.
    """

    name: str
    commit: str
    author: str = field(default="", compare=False)
    commit_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True)
class GitTag:
    """A Git tag and the commit it points to (40 hex digits), also where it is an annotated one."""

    name: str
    commit: str


@dataclass(frozen=True)
class FoundCommit:
    """A commit (40 hex digits) and the branches that can be built and on which it lies, sorted by name."""

    commit: str
    branches: tuple[str, ...]


@dataclass(frozen=True)
class CommitFacts:
    """One commit; ``at`` is ISO 8601 with zone."""

    commit: str
    author: str
    at: str
    subject: str


@dataclass(frozen=True)
class LeftOut:
    """What a plain checkout does not bring: the folders of submodules stay empty, files of Git LFS are pointers."""

    submodules: tuple[str, ...] = ()
    has_lfs: bool = False


class SourceClient(Protocol):
    """A Git repository as steps and live reads need it."""

    def branches(self) -> tuple[BranchTip, ...]:
        """All branches that can be built with their tips (``ls-remote``), sorted by name."""

    def heads(self) -> tuple[BranchTip, ...]:
        """The same with those whose names nothing builds: for a list that says so instead of hiding them."""

    def tell(self, tips: Sequence[BranchTip]) -> tuple[BranchTip, ...]:
        """The same tips with author and time of the commits that are known here already; asks nobody."""

    def resolve(self, branch: str) -> BranchTip:
        """One branch's tip; raises NotFound for an unknown branch."""

    def contains(self, branch: str, commit: str) -> bool:
        """True when the commit lies on the branch."""

    def git_tags(self) -> tuple[GitTag, ...]:
        """All Git tags with their commits, sorted by name, also those whose names nothing builds."""

    def find_tag(self, name: str) -> GitTag:
        """One Git tag; raises Rejected for what cannot be one, NotFound for an unknown one."""

    def find_commit(self, beginning: str) -> FoundCommit:
        """The one commit on a branch that begins so (7 to 40 hex digits); raises Rejected (several), NotFound."""

    def commits_between(self, old: str, new: str, *, limit: int = 100) -> tuple[CommitFacts, ...]:
        """Commits reachable from new and not from old, newest first."""

    def left_out(self, commit: str) -> LeftOut:
        """What a plain checkout of the commit does not bring."""
