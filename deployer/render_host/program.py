"""The render host itself. Run by path: ``python -I program.py FD WALL_SECONDS PATH…``; ends when FD's other end closes.

Single-threaded, so that forking is safe; it has loaded Jinja2, PyYAML and the pure rendering module, nothing else of
the product.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

# ``-I`` leaves out our folder and PYTHONPATH; the client says where the packages are.
sys.path[:0] = sys.argv[3:]

from deployer.errors import Rejected  # noqa: E402
from deployer.interfaces import RenderRequest  # noqa: E402
from deployer.messages import Message, as_data  # noqa: E402
from deployer.messages import message as _  # noqa: E402
from deployer.render_host import frames  # noqa: E402
from deployer.rendering import render, render_text  # noqa: E402

MEMORY_BYTES = 256 * 1024 * 1024
CPU_SECONDS = 2
OPEN_FILES = 8


def answer(message: dict[str, Any]) -> dict[str, Any]:
    """The rendering, or what was refused; runs in the child, where anything may go wrong."""
    request = RenderRequest(message["templates"], message["values"])
    try:
        if message["kind"] == "text":
            return {"texts": {name: asdict(text) for name, text in render_text(request).items()}}
        return {"rendered": asdict(render(request))}
    except Rejected as exc:
        return refused(exc.message, [(problem.path, problem.message) for problem in exc.problems])
    except MemoryError:
        return refused(_("The templates need more memory than they may have."), ())


def refused(why: Message | str, problems: Iterable[tuple[str, Message | str]]) -> dict[str, Any]:
    """A reply that says no; messages keep what they are made of on their way to the client."""
    return {"refused": as_data(why), "problems": [[path, as_data(message)] for path, message in problems]}


def limit_child() -> None:
    """Memory, CPU, files: after this the child can compute and write to its pipe, nothing more."""
    with open("/proc/self/statm", "rb") as statm:
        base = int(statm.read().split()[0]) * resource.getpagesize()
    # One second between the signal that names the cause and the kill.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    for limit, value in (
        (resource.RLIMIT_AS, base + MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def run_child(message: dict[str, Any], control: int, out: int) -> None:
    """Renders and leaves without cleaning up: nothing of the host may run twice."""
    status = 1
    try:
        os.close(control)
        limit_child()
        frames.write(out, frames.encode(answer(message)))
        status = 0
    finally:
        os._exit(status)


def supervise(message: dict[str, Any], control: int, wall_seconds: float) -> dict[str, Any]:
    """One request in a child of its own, killed when its time is up."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        run_child(message, control, writer)
    os.close(writer)
    reply: dict[str, Any] | None = None
    why = _("The templates took longer than %(seconds)s seconds.", seconds=f"{wall_seconds:g}")
    try:
        reply = dict(frames.read(reader, deadline=time.monotonic() + wall_seconds))
    except frames.TooSlow:
        os.kill(child, signal.SIGKILL)
    except frames.Closed:
        why = _("The templates need more memory than they may have.")
    os.close(reader)
    _pid, status = os.waitpid(child, 0)
    if reply is not None:
        return reply
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        why = _("The templates computed longer than %(seconds)s seconds.", seconds=CPU_SECONDS)
    return refused(why, ((", ".join(message["templates"]), why),))


def main() -> None:
    """Answer requests until the client closes its end."""
    control, wall_seconds = int(sys.argv[1]), float(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; we end when our client does
    while True:
        try:
            message = frames.read(control)
            frames.write(control, frames.encode(supervise(message, control, wall_seconds)))
        except frames.Closed:
            return


if __name__ == "__main__":
    main()
