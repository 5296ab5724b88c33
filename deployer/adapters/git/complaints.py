"""git's complaints as our errors. Its words are matched, never repeated: they can hold addresses and secrets."""

from __future__ import annotations

import re
import signal

from deployer.adapters.git.child import Finished
from deployer.errors import DeployerError, Forbidden, NotFound, Rejected, Unavailable
from deployer.sentences import say as _

# Messages of git 2.39 with libcurl and OpenSSH, LC_ALL=C. Order matters: the first that matches wins.
_FORBIDDEN = re.compile(
    r"Authentication failed|could not read (?:Username|Password)|returned error: 40[13]|Permission denied|"
    r"Access denied|HTTP Basic: Access|Host key verification failed|Invalid username or password",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"repository .*not found|returned error: 404|does not appear to be a git repository|is this a git repository|"
    r"not a git repository|project you were looking for could not be found|repository does not exist",
    re.IGNORECASE,
)
# What GnuTLS and OpenSSL say of a certificate; a connection that merely broke off inside TLS is no such thing.
_CERTIFICATE = re.compile(
    r"certificate (?:verif|problem|subject|has expired)|certificate.* not trusted|self[- ]signed|local issuer",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"returned error: 30\d|redirect", re.IGNORECASE)
_FULL = re.compile(r"File too large|No space left|out of memory|malloc failed|mmap failed", re.IGNORECASE)

_DAMAGE = re.compile(
    r"bad object|corrupt|object file .* is empty|necessary objects|inflate|not a GIT packfile|packfile .* cannot|"
    r"index file .* (?:small|corrupt)|wrong index|loose object|invalid sha1 pointer|unable to read|"
    r"missing (?:blob|tree)|unknown repository extension|"
    r"bad config|invalid object|does not point to a valid object|not a git repository",
    re.IGNORECASE,
)


def is_damage(finished: Finished) -> bool:
    """True when git complains about the mirror on our disk, not about the server."""
    return finished.code != 0 and _DAMAGE.search(finished.complaint) is not None


def translate(finished: Finished, host: str) -> DeployerError:
    """The error for a git that did not end with 0."""
    # Addresses stand in quotes; a repository called "certificate" must not look like a certificate's fault.
    words = re.sub(r"'[^'\n]*'", "''", finished.complaint)
    if "transport" in words and "not allowed" in words:
        return Rejected(_("The address of the Git server %(host)s uses a protocol that is not allowed.", host=host))
    if _ELSEWHERE.search(words):
        return Rejected(_("The Git server %(host)s redirects to another address. Enter the final one.", host=host))
    if _CERTIFICATE.search(words):
        return Unavailable(
            _("The certificate of the Git server %(host)s is not trusted. Check its CA certificate.", host=host)
        )
    if _FORBIDDEN.search(words):
        return Forbidden(
            _(
                "The Git server %(host)s refuses the platform's account, or the account may not read this repository.",
                host=host,
            )
        )
    if _ABSENT.search(words):
        return NotFound(
            _(
                "There is no such repository at %(host)s. Check its path, and that the platform's account may read it.",
                host=host,
            )
        )
    if _FULL.search(words) or finished.code in {-signal.SIGXFSZ, 128 + signal.SIGXFSZ}:
        return Rejected(_("The repository at %(host)s is larger than the platform allows.", host=host))
    if finished.code in {-signal.SIGKILL, 128 + signal.SIGKILL}:
        return Unavailable(_("Git was stopped while it was talking to %(host)s. Try again.", host=host))
    return Unavailable(
        _(
            "The Git server %(host)s cannot be reached, or broke off. Check that it is up and its address is right.",
            host=host,
        )
    )


def is_unknown_object(finished: Finished) -> bool:
    """True when git ended because a commit is not in the mirror."""
    return finished.code == 128 and bool(
        re.search(
            r"not a valid (?:commit|object) name|bad (?:object|revision)|transport .* not allowed|"
            r"Invalid revision range|unknown revision|could not fetch .* from promisor|is a (?:blob|tree), not",
            finished.complaint,
            re.IGNORECASE,
        )
    )
