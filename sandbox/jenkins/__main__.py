"""``python -m sandbox.jenkins``: the stand-in Jenkins as a process."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import re
import shutil
import socket
import sys
import threading
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from ..single import lock_folder
from .app import create_app
from .control import Faults, create_control
from .controller import Controller, JobExists
from .pipeline import Pipeline
from .settings import Settings
from .store import Store

logger = logging.getLogger("sandbox.jenkins")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.jenkins", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one; it is printed at start")
    parser.add_argument("--state", type=Path, required=True, help="folder for jobs, builds, logs, workspaces")
    parser.add_argument("--user", required=True)
    parser.add_argument("--token", default="", help="better in the environment: JENKINS_TOKEN")
    parser.add_argument(
        "--admin", default="", help="an account that may configure; then --user may not. Its token: JENKINS_ADMIN_TOKEN"
    )
    parser.add_argument("--folders", default="", help="comma separated folders for jobs, such as A,A/B")
    parser.add_argument("--builder", choices=("packer", "buildah"), default="packer")
    parser.add_argument("--executors", type=int, default=2)
    parser.add_argument("--job-config", type=Path, help="config.xml of the job to create when it does not exist yet")
    parser.add_argument("--job", default="PRISM_JENKINS_JOB", help="name of that job")
    parser.add_argument("--labels", help="comma separated labels of the one node; without it every label is served")
    parser.add_argument("--version", default="2.568.2", help="the X-Jenkins header; below 2.509 the older log reading")
    parser.add_argument("--quiet-period", type=float, default=5.0, help="seconds, where a request sends no delay")
    parser.add_argument("--claim-pause", type=float, default=2.0, help="seconds between two attempts")
    parser.add_argument("--control-port", type=int, help="serve faults to ask for (see control.py); 0: a free one")
    chosen = parser.parse_args(argv)
    chosen.token = chosen.token or os.environ.get("JENKINS_TOKEN", "")
    return chosen


def _problem(chosen: argparse.Namespace) -> str:
    """Why these arguments cannot work; empty when they can."""
    try:
        is_loopback = ipaddress.ip_address(chosen.host).is_loopback
    except ValueError:
        is_loopback = chosen.host == "localhost"
    if not is_loopback:
        return f"it runs build commands as you, so it listens on loopback only, not on {chosen.host}"
    if not chosen.token:
        return "it needs a token: --token, or JENKINS_TOKEN in the environment"
    if chosen.admin and not os.environ.get("JENKINS_ADMIN_TOKEN"):
        return "the administrator needs a token: JENKINS_ADMIN_TOKEN in the environment"
    if chosen.builder == "buildah" and shutil.which("buildah") is None:
        return "buildah is not installed: apt-get install buildah, or take --builder packer"
    if not re.fullmatch(r"\d+\.\d+(\.\d+)*", chosen.version):
        return f"{chosen.version} is no Jenkins version"
    if chosen.executors < 1:
        return "--executors starts at 1"
    if chosen.job_config is not None and not chosen.job_config.is_file():
        return f"there is no file {chosen.job_config}"
    return ""


def _settings(chosen: argparse.Namespace, port: int) -> Settings:
    host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    return Settings(
        url=f"http://{host}:{port}/",
        state=chosen.state.resolve(),
        user=chosen.user,
        token=chosen.token,
        builder=chosen.builder,
        executors=chosen.executors,
        version=chosen.version,
        quiet_period_ms=int(chosen.quiet_period * 1000),
        labels=frozenset(chosen.labels.split(",")) if chosen.labels else None,
        claim_pause_seconds=chosen.claim_pause,
        admin=chosen.admin,
        admin_token=os.environ.get("JENKINS_ADMIN_TOKEN", ""),
        folders=frozenset(filter(None, chosen.folders.split(","))),
    )


def _controller(settings: Settings, job: str, config: Path | None) -> Controller:
    controller = Controller(
        Store(settings.state),
        Pipeline(settings),
        executors=settings.executors,
        labels=settings.labels,
        version=settings.version,
    )
    if config is not None:
        try:
            controller.create_job(job, config.read_text(encoding="utf-8"))
        except JobExists:
            logger.info("job %s is kept as it is", job)
    return controller


def _serve_control(chosen: argparse.Namespace, app: ASGIApp) -> None:
    """On a thread and a port of its own, so that it answers while the rest does not."""
    listener = socket.create_server((chosen.host, chosen.control_port))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="control", daemon=True).start()
    logger.info("Control port at http://%s:%d", chosen.host, listener.getsockname()[1])


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; exit code 2 with a message when the arguments cannot work."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    chosen = _arguments(argv)
    if problem := _problem(chosen):
        logger.error("Stand-in Jenkins: %s", problem)
        return 2
    # Two controllers on one state would hand out the same numbers.
    lock = lock_folder(chosen.state)
    if lock is None:
        logger.error("Stand-in Jenkins: another one is using %s", chosen.state)
        return 2
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((chosen.host, chosen.port))
    except OSError as exc:
        logger.error("Stand-in Jenkins: port %d cannot be taken: %s", chosen.port, exc.strerror)
        return 2
    settings = _settings(chosen, listener.getsockname()[1])
    controller = _controller(settings, chosen.job, chosen.job_config)
    logger.info("Stand-in Jenkins %s at %s, %d executors, images by %s", settings.version, settings.url,
                settings.executors, settings.builder)  # fmt: skip
    logger.info("It runs build commands as you, with your rights on this machine; it listens on loopback only")
    faults = Faults()
    if chosen.control_port is not None:
        _serve_control(chosen, create_control(controller, faults, settings.token))
    config = uvicorn.Config(
        create_app(controller, settings, faults), log_level="warning", access_log=False, timeout_graceful_shutdown=2
    )
    with lock, listener:
        # asyncio does this for sockets of its own only; without it every kept-alive answer waits 40 ms for an ACK.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
