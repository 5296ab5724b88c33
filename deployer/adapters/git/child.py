"""Runs ``git`` in a child process with limits: time, memory, file size, output, and an environment of its own."""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployer.errors import Rejected, Unavailable
from deployer.sentences import say as _

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


def run_git(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    seconds: float,
    keep_open: Sequence[int] = (),
    output_bytes: int = OUTPUT_BYTES,
) -> Finished:
    """Run ``git`` with the arguments and nothing but ``environment``; descriptors ``keep_open`` are inherited.

    Raises Unavailable when the time is over or git is missing, Rejected when it writes more than ``output_bytes``.
    """
    limits = [str(MEMORY_BYTES // 1024), str(FILE_BYTES // 512), str(math.ceil(seconds) + GRACE_SECONDS)]
    end = time.monotonic() + seconds
    try:
        child = subprocess.Popen(
            ["/bin/sh", "-c", _LIMITED, "sh", *limits, "git", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
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
                raise Rejected(
                    _("The repository has more than %(mebibytes)s MiB of branch names.", mebibytes=most // 1024**2)
                )
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
