"""What the product asks of a repository, answered by the real ``git``."""

from __future__ import annotations

from deployer.adapters.git.child import Finished, run_git
from deployer.adapters.git.complaints import is_unknown_object, translate
from deployer.adapters.git.grammar import check_branch, check_commit, check_url, is_branch_name
from deployer.adapters.git.mirror import Mirror
from deployer.adapters.git.session import online_environment
from deployer.errors import NotFound, Unavailable
from deployer.interfaces import BranchTip, CommitFacts, SourceTarget
from deployer.sentences import say as _

LOOK_SECONDS = 20.0
_MOST_COMMITS = 1000
_HEADS = "refs/heads/"


class GitSource:
    """SourceClient over git; safe for several threads and processes."""

    def __init__(self, target: SourceTarget) -> None:
        self._target = target
        self._url = check_url(target.url)
        self._mirror = Mirror(target, self._url)

    def branches(self) -> tuple[BranchTip, ...]:
        """All branches whose names we build (see ``is_branch_name``), sorted; () for an empty repository."""
        return tuple(tip for tip in self._list_heads() if is_branch_name(tip.name))

    def heads(self) -> tuple[BranchTip, ...]:
        """All branches, whatever their names, sorted; bytes that are no UTF-8 show as replacement characters."""
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
            finished = run_git(command, environment=environment, seconds=LOOK_SECONDS)
        if finished.code != 0:
            raise translate(finished, self._url.host)
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
