"""Child processes of a build: own process group, output streamed into the log, ended with the build.

Every process of a build carries ``JENKINS_NODE_COOKIE`` in its environment, as in Jenkins: by it what is left over
(after the build, or after this stand-in was killed) is found and ended, even when it left its process group.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

COOKIE = "JENKINS_NODE_COOKIE"
_CHUNK = 65_536


class Interrupted(Exception):
    """The build was asked to stop."""


class CommandFailed(Exception):
    """A command ended with another exit code than 0; ``str()`` is Jenkins' message."""

    def __init__(self, code: int) -> None:
        super().__init__(f"script returned exit code {code}")
        self.code = code


class Processes:
    """The processes of one build. ``stop`` may be called from any thread, at three levels as in Jenkins."""

    def __init__(self, cookie: str, write: Callable[[bytes], None]) -> None:
        self.cookie = cookie
        self._write = write
        self._lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()

    @property
    def is_stopping(self) -> bool:
        """True from the first call of ``stop``."""
        return self._stopping.is_set()

    def check(self) -> None:
        """Raise :class:`Interrupted` once the build is asked to stop; long work in Python calls it in between."""
        if self.is_stopping:
            raise Interrupted

    def wait(self, seconds: float) -> None:
        """Sleep, but end at once with :class:`Interrupted` on stop."""
        if self._stopping.wait(seconds):
            raise Interrupted

    def run(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        """Run to the end with output in the log; raises CommandFailed, Interrupted."""
        with self._lock:
            self.check()
            try:
                process = subprocess.Popen(
                    list(command),
                    cwd=cwd,
                    env={**env, COOKIE: self.cookie},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as exc:
                # One string of 128 KiB in the environment is E2BIG, on a real agent too.
                self._write(f'Cannot run program "{command[0]}": {exc.strerror}\n'.encode())
                raise CommandFailed(127) from exc
            self._running = process
        try:
            code = self._stream(process)
        finally:
            with self._lock:
                self._running = None
        self.check()
        if code != 0:
            raise CommandFailed(128 - code if code < 0 else code)

    def _stream(self, process: subprocess.Popen[bytes]) -> int:
        """Copy output until the command itself ended: a daemon that it left behind must not hold the build."""
        assert process.stdout is not None
        stream = process.stdout
        reader = threading.Thread(target=self._copy, args=(stream.fileno(),), daemon=True)
        reader.start()
        code = process.wait()
        reader.join(timeout=2)
        if reader.is_alive():
            _signal_group(process.pid, signal.SIGKILL)
            end_by_cookie({self.cookie})
            reader.join(timeout=2)
        stream.close()
        return code

    def _copy(self, descriptor: int) -> None:
        try:
            while data := os.read(descriptor, _CHUNK):
                self._write(data)
        except OSError:
            return  # closed under us after the process and its leftovers were ended

    def stop(self, *, is_hard: bool) -> None:
        """Ask the running command to end (SIGTERM), or end it (SIGKILL); nothing new is started afterwards."""
        self._stopping.set()
        with self._lock:
            process = self._running
        if process is not None and process.poll() is None:
            _signal_group(process.pid, signal.SIGKILL if is_hard else signal.SIGTERM)
        if is_hard:
            end_by_cookie({self.cookie})


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def end_by_cookie(cookies: set[str]) -> int:
    """SIGKILL every process whose environment carries one of the cookies; how many there were (Linux only)."""
    wanted = {f"{COOKIE}={cookie}".encode() for cookie in cookies}
    ended = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = set((entry / "environ").read_bytes().split(b"\0"))
            if environment & wanted and int(entry.name) != os.getpid():
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
        except (OSError, ValueError):
            continue  # gone meanwhile, or somebody else's
    return ended
