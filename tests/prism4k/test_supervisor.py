"""The supervisor keeps children running, and leaves none behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from prism4k.processes import Counts, product
from tests.patience import at_most, wait_for

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import asyncio, json, sys
from prism4k.supervisor import Child, StartFailed, Supervisor

def child(name, code, **more):
    return Child(name, (sys.executable, "-c", code), **more)

async def main():
    {body}

asyncio.run(main())
"""


def start(tmp_path: Path, body: str) -> subprocess.Popen[str]:
    """A supervisor in a process of its own, as it really runs."""
    program = PROGRAM.format(body=textwrap.indent(textwrap.dedent(body).strip(), "    ").strip())
    environment = {**os.environ, "PRISM4K_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )


def read_until(process: subprocess.Popen[str], *texts: str) -> list[str]:
    """Lines up to the one after which every text has been seen."""
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        if all(any(text in seen for seen in lines) for text in texts):
            return lines
    raise AssertionError(f"{texts} never came: {lines}")


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_gone(*pids: int, seconds: float = 5.0) -> None:
    wait_for(lambda: not any(is_alive(pid) for pid in pids), f"{pids} end", seconds)


FOREVER = 'import os,signal; print("pid", os.getpid(), flush=True); signal.pause()'


def pid_in(line: str) -> int:
    return int(line.rpartition(" ")[2])


def test_every_line_carries_the_name_of_its_process(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        """
        code = "print('one\\\\ntwo'); print('x' * 20000); import signal; signal.pause()"
        await Supervisor([child("talker", code)]).run()
        """,
    )
    lines = read_until(process, "xxx")
    process.terminate()
    process.wait(at_most(6))
    assert "talker     | one" in lines
    assert "talker     | two" in lines
    assert len(lines[-1]) < 9000


def test_a_dead_child_is_reported_then_started_again_with_growing_pauses(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        """
        steady = child("steady", "import signal; signal.pause()")
        count = 0
        def died(name):
            print("freed", name, flush=True)
        def ready():
            print("all ready", flush=True)
        # It ends by itself, a moment after it is up.
        code = "import time; print('up', flush=True); time.sleep(0.4); raise SystemExit(3)"
        await Supervisor([child("brief", code), steady], died=died, ready=ready).run()
        """,
    )
    began = time.monotonic()
    lines = read_until(process, "starts again in 2 s")
    took = time.monotonic() - began
    process.terminate()
    process.wait(6)
    told = [line for line in lines if "starts again" in line]
    assert [line.rpartition("in ")[2] for line in told] == ["0.5 s", "1 s", "2 s"]
    assert "ended with code 3" in told[0]
    assert took > 1.5
    assert lines.index("freed brief") < lines.index(told[0])


def test_a_killed_child_is_named_with_its_signal_and_lives_again(tmp_path: Path) -> None:
    process = start(tmp_path, f"await Supervisor([child('worker', {FOREVER!r})]).run()")
    first = pid_in(next(line for line in read_until(process, "pid ", "ready") if "pid " in line))
    os.kill(first, signal.SIGKILL)
    lines = read_until(process, "pid ")
    second = pid_in(lines[-1])
    assert any("was ended by SIGKILL" in line for line in lines)
    assert second != first
    process.terminate()
    process.wait(6)
    wait_gone(second)


def test_a_child_that_ignores_the_end_is_killed_with_its_group_within_five_seconds(tmp_path: Path) -> None:
    stubborn = (
        "import os,signal,subprocess,sys,time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "helper = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']);"
        "print('helper', helper.pid, flush=True); print('pid', os.getpid(), flush=True); signal.pause()"
    )
    process = start(tmp_path, f"await Supervisor([child('stubborn', {stubborn!r})]).run()")
    lines = read_until(process, "pid ")
    helper, pid = pid_in(next(line for line in lines if "helper" in line)), pid_in(lines[-1])
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(at_most(6))
    assert time.monotonic() - began < at_most(5)
    wait_gone(pid, helper)


def test_children_end_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    process = start(
        tmp_path, f"await Supervisor([child('a', {FOREVER!r}), child('b', {FOREVER!r}, ends_last=True)]).run()"
    )
    pids = [pid_in(read_until(process, "pid ")[-1]) for _child in range(2)]
    process.kill()
    process.wait()
    wait_gone(*pids)


def test_what_ends_during_the_start_ends_everything_with_a_message(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        f"""
        async def never():
            return False
        other = child("other", {FOREVER!r}, is_ready=never)
        try:
            await Supervisor([child("broken", "print('no such folder'); raise SystemExit(2)"), other]).run()
        except StartFailed as error:
            print("failed:", error, flush=True)
        """,
    )
    output, _ = process.communicate(timeout=10)
    assert "broken     | no such folder" in output
    assert "failed: broken ended with code 2 while it was starting" in output
    pids = [pid_in(line) for line in output.splitlines() if "| pid " in line]
    wait_gone(*pids)


def test_stand_ins_outlive_the_product_at_the_end(tmp_path: Path) -> None:
    # What a process does before it goes takes a while: the order of their ends is what is seen.
    leaving = (
        "import signal,sys,time\n"
        "def end(*_):\n    time.sleep({pause}); print('gone', time.monotonic(), flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end); print('here', flush=True); signal.pause()"
    )
    process = start(
        tmp_path,
        f"""
        product = child("product", {leaving.format(pause=0.7)!r})
        outside = child("outside", {leaving.format(pause=0)!r}, ends_last=True)
        await Supervisor([outside, product]).run()
        """,
    )
    read_until(process, "here")
    read_until(process, "here")
    process.terminate()
    output, _ = process.communicate(timeout=6)
    gone = [line for line in output.splitlines() if "gone" in line]
    assert [line.partition(" ")[0] for line in gone] == ["product", "outside"]


def test_the_pids_are_told_after_every_start(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        f"""
        def changed(pids):
            print(json.dumps(pids), flush=True)
        await Supervisor([child("one", {FOREVER!r})], changed=changed).run()
        """,
    )
    told = json.loads(read_until(process, "{")[-1])
    assert is_alive(told["one"])
    process.terminate()
    process.wait(6)
    with pytest.raises(ProcessLookupError):
        os.kill(told["one"], 0)


BEATING = (
    "import os,signal; from foundation.pulse import start_pulse; start_pulse();"
    "print('pid', os.getpid(), flush=True); signal.pause()"
)


@pytest.mark.parametrize("beats", [True, False])
def test_a_stopped_child_that_beat_is_killed_and_starts_again(tmp_path: Path, beats: bool) -> None:
    process = start(
        tmp_path,
        f"""
        import prism4k.supervisor as module
        module.LONGEST_SILENCE_SECONDS = 2.0
        await Supervisor([child("one", {BEATING if beats else FOREVER!r}, pulse_variable="PRISM4K_PULSE")]).run()
        """,
    )
    first = pid_in(read_until(process, "pid ")[-1])
    if beats:
        # Stopped only once it was heard: before its first beat a child may take as long as it takes.
        time.sleep(1.5)  # no row and no line tells of a beat
        os.kill(first, signal.SIGSTOP)
        began = time.monotonic()
        lines = read_until(process, "pid ")
        assert any("gave no sign of life for 2 s and is killed" in line for line in lines)
        assert time.monotonic() - began < at_most(5) and not is_alive(first)
    else:
        time.sleep(4)  # longer than the silence that is allowed to one that beats
        assert is_alive(first)
    process.terminate()
    process.wait(6)


def test_a_supervisor_that_was_stopped_itself_kills_nobody(tmp_path: Path) -> None:
    process = start(
        tmp_path,
        f"""
        import prism4k.supervisor as module
        module.LONGEST_SILENCE_SECONDS = 2.0
        await Supervisor([child("one", {BEATING!r}, pulse_variable="PRISM4K_PULSE")]).run()
        """,
    )
    pid = pid_in(read_until(process, "pid ")[-1])
    time.sleep(1.5)  # no row and no line tells of a beat
    process.send_signal(signal.SIGSTOP)
    time.sleep(3)  # longer than the silence that is allowed
    process.send_signal(signal.SIGCONT)
    time.sleep(1)  # it looks
    assert is_alive(pid)
    process.terminate()
    process.wait(6)


def test_web_worker_and_watcher_beat() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        children = product(Counts(), listener=listener, url="", environment={})
    assert {child.name: child.pulse_variable for child in children} == dict.fromkeys(
        ("web-1", "worker-1", "watcher-1"), "PRISM4K_PULSE"
    )
