"""Keeps a set of processes running: prefixed output, restarts with back-off, an end within five seconds.

Knows nothing of the product. Every child leads a process group of its own, so that a Ctrl-C in the terminal reaches
only the supervisor; and the kernel ends every child when the supervisor dies, however it dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

FIRST_DELAY = 0.5
LONGEST_DELAY = 10.0
STEADY_SECONDS = 20.0
"""A child that lived so long starts its back-off anew."""
TERM_LAST_SECONDS = 1.8
KILL_SECONDS = 3.5
READY_SECONDS = 60.0
LONGEST_LINE = 8192
LONGEST_SILENCE_SECONDS = 10.0
_CHECK_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1
_TERMINAL_CODES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r(?!\n)")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Child:
    """A process to keep. ``is_ready`` is asked until it says yes; without one a started child is ready.

    ``ends_last`` children get their SIGTERM when the others are gone, so that nobody's last step meets a closed door.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()
    is_ready: Callable[[], Awaitable[bool]] | None = None
    note: str = ""
    """What is said when it is ready, e.g. its address."""
    ends_last: bool = False
    grace_seconds: float = KILL_SECONDS
    """How long it may take to end by itself; then its group is killed."""
    pulse_variable: str = ""
    """The variable that tells the child where to beat: one that beat and falls silent is killed and starts again."""


class StartFailed(Exception):
    """A child ended, or did not become ready, during the start; ``str()`` says which."""


class Supervisor:
    """Runs children until :meth:`stop`; ``died`` is called (in a thread) after each death, before any restart.

    ``changed`` is called with the pids by name after every start, and ``ready`` once when all are ready.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        died: Callable[[str], None] = lambda name: None,
        changed: Callable[[dict[str, int]], None] = lambda pids: None,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._children = children
        self._died, self._changed, self._on_ready = died, changed, ready
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._is_up = False
        self._failure = ""
        self._width = max(len("supervisor"), *(len(child.name) for child in children))

    def stop(self) -> None:
        """Begin the end; a second call ends everything at once."""
        if self._stopping.is_set():
            for name in list(self._running):
                self._kill(name)
        self._stopping.set()

    async def run(self) -> None:
        """Start all, keep them, end them. Raises StartFailed."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop)
        keepers = [asyncio.create_task(self._keep(child)) for child in self._children]
        starter = asyncio.create_task(self._wait_until_ready())
        await self._stopping.wait()
        starter.cancel()
        await self._end(keepers)
        if self._failure:
            raise StartFailed(self._failure)

    def say(self, name: str, line: str) -> None:
        """One line under a name."""
        sys.stdout.write(f"{name:<{self._width}} | {line}\n")
        sys.stdout.flush()

    # ------------------------------------------------------------ start
    async def _wait_until_ready(self) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                await asyncio.gather(*(self._await_ready(child) for child in self._children))
        except TimeoutError:
            self._fail(f"Not everything was ready within {READY_SECONDS:g} seconds.")
            return
        self._is_up = True
        await asyncio.to_thread(self._on_ready)

    async def _await_ready(self, child: Child) -> None:
        while child.name not in self._running:
            await asyncio.sleep(0.02)
        if child.is_ready is not None:
            while not await child.is_ready():
                await asyncio.sleep(0.1)
        self.say(child.name, f"ready  {child.note}".rstrip())

    def _fail(self, message: str) -> None:
        self._failure = self._failure or message
        self._stopping.set()

    # ------------------------------------------------------------ one child
    async def _keep(self, child: Child) -> None:
        loop, delay = asyncio.get_running_loop(), FIRST_DELAY
        while not self._stopping.is_set():
            started = loop.time()
            code = await self._live(child)
            await asyncio.to_thread(self._died, child.name)
            if self._stopping.is_set():
                return
            if not self._is_up:
                self._fail(f"{child.name} {_ending(code)} while it was starting: its last lines are above.")
                return
            if loop.time() - started >= STEADY_SECONDS:
                delay = FIRST_DELAY
            self.say("supervisor", f"{child.name} {_ending(code)}; it starts again in {delay:g} s")
            await self._pause(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def _live(self, child: Child) -> int:
        """Start it, pass its lines on, and give its exit code when it and its group are gone."""
        pulse = Pulse() if child.pulse_variable else None
        told = {child.pulse_variable: str(pulse.end)} if pulse else {}
        process = await asyncio.create_subprocess_exec(
            *child.command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **child.environment, **told},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(*child.descriptors, *((pulse.end,) if pulse else ())),
            start_new_session=True,
            preexec_fn=die_with_parent(os.getpid(), signal.SIGTERM if child.ends_last else signal.SIGKILL),
        )
        self._running[child.name] = process
        self._changed({name: running.pid for name, running in self._running.items()})
        reader = asyncio.create_task(self._pass_on(child.name, process))
        listener = asyncio.create_task(self._listen(child.name, pulse)) if pulse else None
        code = await process.wait()
        if listener is not None:
            listener.cancel()
        # What it left in its group would go on with nobody to watch it, and hold the pipe open.
        self._kill(child.name)
        del self._running[child.name]
        await asyncio.wait([reader], timeout=1.0)
        return code

    async def _listen(self, name: str, pulse: Pulse) -> None:
        """Kill a child that was stopped or hangs: the process is there, so nothing else would start another."""
        with pulse:
            while pulse.silence() < LONGEST_SILENCE_SECONDS:
                await asyncio.sleep(_CHECK_SECONDS)
            self.say("supervisor", f"{name} gave no sign of life for {LONGEST_SILENCE_SECONDS:g} s and is killed")
            self._kill(name)

    async def _pass_on(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for line in _lines(process.stdout):
            self.say(name, line)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    # ------------------------------------------------------------ end
    async def _end(self, keepers: list[asyncio.Task[None]]) -> None:
        last = {child.name for child in self._children if child.ends_last}
        enders = [asyncio.create_task(self._end_one(child)) for child in self._children if not child.ends_last]
        await self._wait_gone(set(self._running) - last, TERM_LAST_SECONDS)
        enders += [asyncio.create_task(self._end_one(child)) for child in self._children if child.ends_last]
        done, pending = await asyncio.wait(keepers, timeout=KILL_SECONDS + 1.0)
        for task in (*enders, *pending):
            task.cancel()
        for keeper in done:
            keeper.result()

    async def _end_one(self, child: Child) -> None:
        """Ask; kill when the time is up: the child's own, but never beyond the time of all."""
        self._signal(child.name, signal.SIGTERM)
        grace = min(child.grace_seconds, KILL_SECONDS - (TERM_LAST_SECONDS if child.ends_last else 0))
        await self._wait_gone({child.name}, grace)
        if child.name in self._running:
            self._kill(child.name)

    async def _wait_gone(self, names: set[str], seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while names & set(self._running) and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.02)

    def _signal(self, name: str, number: signal.Signals) -> None:
        with contextlib.suppress(KeyError, ProcessLookupError):
            self._running[name].send_signal(number)

    def _kill(self, name: str) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._running[name].pid, signal.SIGKILL)


class Pulse:
    """A pipe into which a child beats; entered once the child has its ``end``, it hears from then on."""

    def __init__(self) -> None:
        self._mouth, self.end = os.pipe()
        self._heard_at: float | None = None

    def __enter__(self) -> Pulse:
        os.close(self.end)
        os.set_blocking(self._mouth, False)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._mouth)

    def silence(self) -> float:
        """Seconds since the last beat; 0 before the first, because starting takes as long as it takes.

        Read here and not when the loop is told of it: a supervisor that was stopped itself must first hear what
        waits in the pipe.
        """
        now = time.monotonic()
        with contextlib.suppress(BlockingIOError):
            # Nothing at all: the child closed its end, and whether it lives is seen by its process alone.
            self._heard_at = now if os.read(self._mouth, 4096) else None
        return 0.0 if self._heard_at is None else now - self._heard_at


def die_with_parent(parent: int, number: signal.Signals) -> Callable[[], None]:
    """For ``preexec_fn``: the kernel sends ``number`` to the child when the thread that started it ends."""

    def arrange() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        # The parent may have died between the fork and the line above.
        if os.getppid() != parent:
            os._exit(1)

    return arrange


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines of any length; an endless one is cut, a last one without an end is kept."""
    rest = b""
    while chunk := await stream.read(65536):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            yield _printable(line)
    if rest:
        yield _printable(rest)


def _printable(line: bytes) -> str:
    return _TERMINAL_CODES.sub(b"", line[:LONGEST_LINE]).decode("utf-8", "replace").rstrip()


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"
