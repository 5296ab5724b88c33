"""Which addresses, branch names and commit ids may come near a ``git`` command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from deployer.errors import Rejected
from deployer.sentences import say as _

BRANCH_PATTERN = (
    r"(?![-/.@])(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))"
    r"[A-Za-z0-9._/+@#=,-]{1,200}(?<![/.])"
)
"""Branch names that a build may have; to be used with ``re.fullmatch`` (``$`` would accept a trailing newline)."""

_BRANCH = re.compile(BRANCH_PATTERN)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|[0-9A-Fa-f:.]{2,45}")
_PATH = re.compile(r"/[A-Za-z0-9._~%+@,=/-]+")
_VISIBLE = re.compile(r"[\x21-\x7e]{0,1000}")


def is_branch_name(name: str) -> bool:
    """True for a name that we list and build: ASCII, nothing that a shell or Git reads as more than a name."""
    return _BRANCH.fullmatch(name) is not None


def check_branch(name: str) -> str:
    """The name; raises Rejected."""
    if not is_branch_name(name):
        raise Rejected(
            _("%(name)s cannot be a branch name: use letters, digits and . _ / + @ # = , -", name=repr(name[:80]))
        )
    return name


def check_commit(commit: str) -> str:
    """40 lower case hex digits; raises Rejected."""
    if not _COMMIT.fullmatch(commit):
        raise Rejected(_("%(commit)s is not a commit: give its 40 hex digits.", commit=repr(commit[:50])))
    return commit


@dataclass(frozen=True)
class RepositoryUrl:
    """A checked address: ``text`` as given, ``scheme`` http, https or ssh, ``host`` for sentences."""

    text: str
    scheme: str
    host: str


def check_url(url: str) -> RepositoryUrl:
    """Read a repository's address; raises Rejected with a sentence that repeats no part which may be a secret.

    Refused: other schemes (``ext::`` runs programs, ``file:`` reads our disk), credentials in the address, a leading
    ``-`` (an option of git), queries, fragments, blanks and control characters.
    """
    # First of all: urlsplit silently drops line breaks and tabs, git would be given them.
    if not _VISIBLE.fullmatch(url):
        raise Rejected(_("A Git address is plain ASCII without spaces. Write it as https://host/repository.git."))
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as exc:
        raise Rejected(_("The Git address is not a URL. Write it as https://host/group/repository.git.")) from exc
    if parts.scheme not in {"http", "https", "ssh"} or "://" not in url or url.startswith("-"):
        raise Rejected(_("The Git address must begin with https://, http:// or ssh://."))
    if "@" in parts.netloc:
        raise Rejected(_("The Git address holds a user or password. Enter those in the Git server's settings instead."))
    if not _HOST.fullmatch(host) or port == 0 or parts.netloc.endswith(":"):
        raise Rejected(_("The Git address has no valid host."))
    if parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise Rejected(_("The Git address must end in the repository's path, such as /group/repository.git."))
    if ".." in parts.path.split("/"):
        raise Rejected(_("The Git address must not contain “..”."))
    return RepositoryUrl(url, parts.scheme, host)
