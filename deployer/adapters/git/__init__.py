"""A Git repository as the product needs it: branches with tips, Git tags, and what lies between two commits.

git runs as a child with limits and settings of its own; nothing of a repository is executed. Only an answer in git's
own protocol is a fact, an absence is told of a whole mirror only, and a git that a signal ended tells nothing.
"""

from deployer.adapters.git.client import GitSource
from deployer.adapters.git.session import BRANCH_PATTERN, LONGEST_BRANCH, is_branch_name, is_tag_name, why_unfit
from deployer.interfaces import OnAnswer, SourceTarget, ignore_answer

__all__ = ["BRANCH_PATTERN", "LONGEST_BRANCH", "GitSource", "connect", "is_branch_name", "is_tag_name", "why_unfit"]


def connect(target: SourceTarget, *, on_answer: OnAnswer = ignore_answer) -> GitSource:
    """A client for the repository; raises Rejected for an address that we do not speak to. Nothing is sent yet."""
    return GitSource(target, on_answer)
