"""Runs ``git`` in a child process with limits: time, memory, file size, output, and an environment of its own.

Its complaints become the errors of :mod:`deployer.errors`. Its words are matched, never repeated: they can hold
addresses and secrets.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.errors import DeployerError, Forbidden, NoFact, NotFound, Rejected, Unavailable
from deployer.messages import message as _

MEMORY_BYTES = 4 * 1024**3
FILE_BYTES = 4 * 1024**3
OUTPUT_BYTES = 32 * 1024**2
GRACE_SECONDS = 5
"""How much later than we the watchdog ends git: it is only for the case that we are dead."""
_ERROR_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_POLL_SECONDS = 0.002

# sh sets the limits in the child itself, before git begins: a preexec_fn is not safe in a process with threads.
# coreutils' timeout ends git even when our own process was killed and nobody is left to look at the clock.
_LIMITED = 'ulimit -v "$1" && ulimit -f "$2" && ulimit -c 0 && shift 2 && exec timeout -s KILL "$@"'


@dataclass(frozen=True)
class Finished:
    """How git ended: exit code (negative for a signal), output, and the tail of what it said on stderr."""

    code: int
    output: bytes
    complaint: str

    @property
    def signal(self) -> int:
        """Which signal ended git; 0 for none. ``timeout`` and git hand a child's signal on as 128 + its number."""
        if self.code < 0:
            return -self.code
        # 128 and 129 are git's own: it gave up, it was called wrongly.
        return self.code - 128 if 129 < self.code <= 128 + signal.NSIG else 0


def run_git(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    seconds: float,
    keep_open: Sequence[int] = (),
    output_bytes: int = OUTPUT_BYTES,
    file_bytes: int = FILE_BYTES,
) -> Finished:
    """Run ``git`` with the arguments and nothing but ``environment``; descriptors ``keep_open`` are inherited.

    Raises Unavailable when the time is over or git is missing, Rejected when it writes more than ``output_bytes``.
    """
    limits = [str(MEMORY_BYTES // 1024), str(file_bytes // 512), str(math.ceil(seconds) + GRACE_SECONDS)]
    end = time.monotonic() + seconds
    try:
        child = subprocess.Popen(
            ["/bin/sh", "-c", _LIMITED, "sh", *limits, "git", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            # Not where the product was started: git would read the settings of a repository that it finds there.
            cwd="/",
            start_new_session=True,
            pass_fds=tuple(keep_open),
        )
    except OSError as exc:
        raise Unavailable(_("Git cannot be started on the platform's machine.")) from exc
    try:
        output, complaint = _read(child, end, output_bytes)
        _await_end(child, end)
    except subprocess.TimeoutExpired as exc:
        raise Unavailable(_("Git did not finish within %(seconds)s seconds.", seconds=f"{seconds:.0f}")) from exc
    finally:
        code = _end(child)
    if code == 127:
        raise Unavailable(_("Git is not installed on the platform's machine."))
    return Finished(code, output, complaint)


def _read(child: subprocess.Popen[bytes], end: float, most: int) -> tuple[bytes, str]:
    """Everything that the child writes, both pipes at once so that neither can fill up and block it."""
    output, complaint = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for stream, kept in ((child.stdout, output), (child.stderr, complaint)):
            if stream is not None:
                selector.register(stream, selectors.EVENT_READ, kept)
        while selector.get_map():
            left = end - time.monotonic()
            if left <= 0:
                raise subprocess.TimeoutExpired("git", 0)
            for key, _events in selector.select(left):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                key.data.extend(chunk)
            if len(output) > most:
                raise Rejected(_("The repository has more than %(mebibytes)s MiB of names.", mebibytes=most // 1024**2))
            del complaint[:-_ERROR_BYTES]
    return bytes(output), complaint.decode(errors="replace")


def _await_end(child: subprocess.Popen[bytes], end: float) -> None:
    """Wait without reaping: as long as the child is a zombie, its group's number cannot mean anybody else."""
    while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        if time.monotonic() > end:
            raise subprocess.TimeoutExpired("git", 0)
        time.sleep(_POLL_SECONDS)


def _end(child: subprocess.Popen[bytes]) -> int:
    """Nothing of the child's group survives this call, helpers such as git-remote-https included; the exit code."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    code = child.wait()
    for stream in (child.stdout, child.stderr):
        if stream is not None:
            stream.close()
    return code


# Messages of git 2.39 with libcurl and OpenSSH, LC_ALL=C. Order matters: the first that matches wins.
# A page in place of an answer: over http git takes it for a list of references, over ssh for the length of a line.
_NOT_GIT = re.compile(
    r"info/refs not valid|invalid server response|bad line length|expected service, got|not valid: could not determine",
    re.IGNORECASE,
)
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
_STATUS = re.compile(r"returned error: (429|5\d\d)")
_FULL = re.compile(r"File too large|No space left|out of memory|malloc failed|mmap failed", re.IGNORECASE)

_DAMAGE = re.compile(
    r"bad object|corrupt|object file .* is empty|necessary objects|inflate|not a GIT packfile|packfile .* cannot|"
    r"index file .* (?:small|corrupt)|wrong index|loose object|invalid sha1 pointer|unable to read|"
    r"missing (?:blob|tree)|unknown repository extension|"
    r"bad config|invalid object|does not point to a valid object|not a git repository",
    re.IGNORECASE,
)
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL})


def is_damage(finished: Finished) -> bool:
    """True when git complains about the mirror on our disk, or crashes over it; not about the server."""
    if finished.signal in _CRASHES:
        return True
    return finished.code != 0 and _DAMAGE.search(_own_words(finished)) is not None


def _own_words(finished: Finished) -> str:
    """What our git says; what the server says of itself comes with a word before it."""
    return re.sub(r"^remote:.*$", "", finished.complaint, flags=re.MULTILINE)


def _fatal_signal(finished: Finished) -> int:
    """Which signal ended git, or the part of it that it reports to have lost so (``index-pack died of signal 25``)."""
    found = re.search(r"died of signal (\d+)", _own_words(finished))
    return finished.signal or (int(found[1]) if found and finished.code else 0)


def not_git(host: str) -> NoFact:
    """The answer of something else in the place of a Git server: it tells nothing of the repository."""
    return NoFact(
        _(
            "%(host)s answers, but not as a Git server: perhaps a sign-in page or a proxy stands before it. "
            "Check the address and the platform's account.",
            host=host,
        )
    )


def translate(finished: Finished, host: str) -> DeployerError:
    """The error for a git that did not end with 0."""
    # Addresses stand in quotes; a repository called "certificate" must not look like a certificate's fault.
    words = re.sub(r"'[^'\n]*'", "''", finished.complaint)
    if "transport" in words and "not allowed" in words:
        return Rejected(_("The address of the Git server %(host)s uses a protocol that is not allowed.", host=host))
    if _ELSEWHERE.search(words):
        return NoFact(
            _(
                "The Git server %(host)s redirects to another address, perhaps to a sign-in page. Enter the final one, "
                "or check the platform's account.",
                host=host,
            )
        )
    if _NOT_GIT.search(words):
        return not_git(host)
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
    ended_by = _fatal_signal(finished)
    if _FULL.search(words) or ended_by == signal.SIGXFSZ:
        return Rejected(_("The repository at %(host)s is larger than the platform allows.", host=host))
    if ended_by not in {0, signal.SIGPIPE}:
        return stopped(ended_by, host)
    if found := _STATUS.search(words):
        return Unavailable(_("The Git server %(host)s answers with error %(status)s.", host=host, status=found[1]))
    return Unavailable(
        _(
            "The Git server %(host)s cannot be reached, or broke off. Check that it is up and its address is right.",
            host=host,
        )
    )


def stopped(by: int, host: str) -> Unavailable:
    """For a git that a signal ended: the machine's doing (memory, a restart), it says nothing of the repository."""
    return Unavailable(
        _(
            "Git was stopped by signal %(signal)s while it read the repository at %(host)s. Try again.",
            signal=by,
            host=host,
        )
    )
