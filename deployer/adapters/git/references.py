"""What ``ls-remote`` says of branches and Git tags, as plain values."""

from __future__ import annotations

from collections.abc import Iterator

from deployer.errors import Rejected
from deployer.interfaces import BranchTip, GitTag
from deployer.messages import message as _

HEADS = "refs/heads/"
TAGS = "refs/tags/"
PEELED = "^{}"
"""Ends the line of what an annotated tag points to, which follows the line of the tag's own object."""
_SHA256_DIGITS = 64


def read_heads(output: bytes, host: str) -> tuple[BranchTip, ...]:
    """Branches by name; raises Rejected for a repository that names commits by SHA-256."""
    return tuple(BranchTip(name, commit) for name, commit in sorted(_references(output, HEADS, host)))


def read_tags(output: bytes, host: str) -> tuple[GitTag, ...]:
    """Git tags by name with what they point to at last; raises as :func:`read_heads` does."""
    found: dict[str, str] = {}
    peeled: dict[str, str] = {}
    for name, commit in _references(output, TAGS, host):
        (peeled if name.endswith(PEELED) else found)[name.removesuffix(PEELED)] = commit
    return tuple(GitTag(name, commit) for name, commit in sorted((found | peeled).items()))


def _references(output: bytes, prefix: str, host: str) -> Iterator[tuple[str, str]]:
    """``(name, object)`` of each line whose reference begins so."""
    for line in output.decode(errors="replace").split("\n"):
        commit, _separator, reference = line.partition("\t")
        name = reference.removeprefix(prefix)
        if len(commit) == _SHA256_DIGITS and name:
            raise Rejected(
                _("The repository at %(host)s names commits by SHA-256: only SHA-1 repositories are built.", host=host)
            )
        if reference.startswith(prefix) and len(commit) == 40 and name:
            yield name, commit
