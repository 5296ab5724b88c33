"""A stand-in Jenkins whose builds only write: so many at once, each so many lines a second, each line with its time.

``python -m bench.busy_jenkins LINES_A_SECOND FOLDER TRIGGER…`` prints each build and then its address and session.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from sandbox.jenkins.app import create_app
from sandbox.jenkins.controller import Controller, RunBuild
from sandbox.jenkins.settings import Settings
from sandbox.jenkins.store import LiveBuild, Stage, Store, now_ms

USER, TOKEN, JOB = "bot", "bench-token", "PRISM_JENKINS_JOB"
TURNS = 10
"""Builds write in so many turns, one behind the other."""


def build(controller: Controller, live: LiveBuild) -> None:
    """One stage that goes on until the process ends."""
    live.build.stages.append(Stage("1", "Build", "IN_PROGRESS", now_ms()))
    controller.save(live)
    live.log.line("[Pipeline] stage")
    live.log.line("[Pipeline] { (Build)")
    threading.Event().wait()


def write(builds: list[LiveBuild], rate: float) -> None:
    """Lines for ever, evenly."""
    pause, number = 1 / rate / TURNS, 0
    due = time.monotonic()
    while True:
        turn = number % TURNS
        for live in builds[turn::TURNS]:
            live.log.write(f"{time.time():.4f} compiling src/part_{number:07d}.py into build/lib/service\n".encode())
        number += 1
        due += pause
        time.sleep(max(0.0, due - time.monotonic()))


def main() -> None:
    """Serves until it is ended."""
    rate, folder, triggers = float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    serve(folder, triggers, build, lambda builds: write(builds, rate))


def serve(folder: Path, triggers: Sequence[str], run_build: RunBuild, write: Callable[[list[LiveBuild]], None]) -> None:
    """A controller with a running build for each trigger; ``write`` has a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    settings = Settings(url=url, state=folder, user=USER, token=TOKEN)
    controller = Controller(Store(folder), run_build, executors=len(triggers), labels=None, version=settings.version)
    job = controller.create_job(JOB, Path("jenkins_job/config.xml").read_text())
    controller.start()
    for trigger in triggers:
        controller.schedule(JOB, {"TRIGGER_ID": trigger}, user=USER, delay_ms=0)
    while len(job.builds) < len(triggers):
        time.sleep(0.02)
    builds = [job.builds[number] for number in sorted(job.builds)]
    threading.Thread(target=write, args=(builds,), daemon=True).start()
    for live in builds:
        print(live.build.parameters["TRIGGER_ID"], live.build.number, live.build.queue_id, flush=True)
    print(url, controller.session, flush=True)
    uvicorn.Server(uvicorn.Config(create_app(controller, settings), log_level="warning", access_log=False)).run(
        sockets=[listener]
    )


if __name__ == "__main__":
    main()
