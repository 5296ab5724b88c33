"""The peer of pb05: for each build a plain loop of python-jenkins, two calls a second, in a thread of its own.

``python -m bench.jenkins_loop URL BUILDS`` prints ``ready`` once each build was asked about. It is given two moments on
a line; with the end of its input it prints the lags of the lines that were written between them.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import jenkins

from bench.busy_jenkins import JOB, TOKEN, USER

SECONDS = 1.0


class Loop(threading.Thread):
    """One build: is it still running, and what is its log?"""

    def __init__(self, url: str, number: int, delay: float) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[float, float]] = []
        self.has_begun = threading.Event()
        self._client = jenkins.Jenkins(url, USER, TOKEN, timeout=20)
        self._number, self._delay, self._lines = number, delay, 0

    def run(self) -> None:
        due = time.monotonic() + self._delay
        while True:
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + SECONDS, time.monotonic())
            self._client.get_build_info(JOB, self._number)
            lines = self._client.get_build_console_output(JOB, self._number).split("\n")[:-1]
            now = time.time()
            for line in lines[self._lines :]:
                if line[:1].isdigit():
                    self.seen.append((float(line.split(" ", 1)[0]), now))
            self._lines = len(lines)
            self.has_begun.set()


def main() -> None:
    """All loops, until standard input ends."""
    url, count = sys.argv[1], int(sys.argv[2])
    loops = [Loop(url, number, SECONDS * number / count) for number in range(1, count + 1)]
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.has_begun.wait()
    print("ready", flush=True)
    first, last = map(float, sys.stdin.readline().split())
    sys.stdin.read()
    print(json.dumps([round(now - at, 4) for loop in loops for at, now in loop.seen if first <= at <= last]))


if __name__ == "__main__":
    main()
