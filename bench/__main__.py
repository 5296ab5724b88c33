"""Runs the bars one after the other, each in a process of its own; exit code 1 when one misses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BARS = {
    "pb01": "event to browser",
    "watcher": "memory of one watcher",
    "list": "a list page of 100,000 orders",
    "audit": "1,000,000 rows of the audit, verified and paged",
    "hot": "HOT updates of one order's way",
    "observe": "API calls a minute for 1,000 placements",
    "pb04": "a log of 100 MB",
    "pb05": "following 50 and 100 builds",
    "pb08": "click to verdict, against kubectl",
    "pb09": "a review, against kubectl diff",
    "pb10": "200 rollouts at a time",
    "drill": "a drill of twelve components, against kubectl",
}
SECONDS = {"audit": 300, "pb04": 180, "pb05": 600, "pb08": 300, "pb09": 240, "pb10": 600, "drill": 300}
"""After so long a bar is ended and has missed; 120 where nothing is said, and a third of it on two idle cores."""
OTHER_SECONDS = 120
STOP_SECONDS = 20
"""A bar that is ended ends its servers first."""


def wanted(arguments: list[str]) -> list[str]:
    """Names from ``BAR=pb01,list`` (argument or variable); all without."""
    given = [part.removeprefix("BAR=") for part in arguments] or [os.environ.get("BAR", "")]
    names = [name for part in given for name in part.split(",") if name]
    if unknown := set(names) - set(BARS):
        raise SystemExit(f"There is no bar {', '.join(sorted(unknown))}; there are {', '.join(BARS)}.")
    return names or list(BARS)


def run(name: str) -> bool:
    """One bar; its line goes to standard output."""
    sys.stderr.write(f"{name}: {BARS[name]} …\n")
    root, seconds = Path(__file__).resolve().parents[1], SECONDS.get(name, OTHER_SECONDS)
    process = subprocess.Popen([sys.executable, "-m", f"bench.{name}"], cwd=root)
    try:
        return process.wait(timeout=seconds) == 0
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"{name}: not done after {seconds} s\n")
        return False
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


if __name__ == "__main__":
    results = [run(name) for name in wanted(sys.argv[1:])]
    sys.exit(0 if all(results) else 1)
