"""One build of the shipped job: wait for an executor, then the five stages, as ``jenkins_job/Jenkinsfile`` has them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .controller import Controller
from .hooks import ClaimFailed, ClaimRefused
from .images import ImageFailed
from .parameters import NODE_PATTERN, BadParameter, require
from .processes import CommandFailed, Interrupted
from .records import LiveBuild, Stage, now_ms
from .settings import Settings
from .stages import StageFailed, Work

_STILL_WAITING_SECONDS = 15  # ExecutorStepExecution prints this after 15 s
_EXPECTED = (BadParameter, StageFailed, CommandFailed, ImageFailed, ClaimFailed)


class Pipeline:
    """Callable that the controller runs in the build's own thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __call__(self, controller: Controller, live: LiveBuild) -> None:
        """Run the build to its end; every outcome goes through ``controller.finish``."""
        log = live.log.line
        log(f"Started by user {live.build.user}")
        log("[Pipeline] Start of Pipeline")
        try:
            require(live.build.parameters, "BUILD_NODE", NODE_PATTERN)
            log("[Pipeline] node")
            with self._executor(controller, live) as slot:
                self._in_node(controller, live, slot)
            log("[Pipeline] }")
            log("[Pipeline] // node")
        except Interrupted:
            controller.finish(live, "ABORTED")
        except ClaimRefused as exc:
            log(f"ERROR: {exc}")
            controller.finish(live, "NOT_BUILT")
        except _EXPECTED as exc:
            log(f"ERROR: {exc}")
            controller.finish(live, "FAILURE")
        else:
            controller.finish(live, "SUCCESS")

    def _in_node(self, controller: Controller, live: LiveBuild, slot: int) -> None:
        name = live.build.job if slot == 0 else f"{live.build.job}@{slot + 1}"
        workspace = self._settings.state / "workspace" / name
        live.log.line(f"Running on {live.build.parameters.get('BUILD_NODE') or 'built-in'} in {workspace}")
        live.log.line("[Pipeline] {")
        work = Work(self._settings, live, workspace, lambda: controller.save(live))
        steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Prepare Git Code", work.prepare_git_code),
            ("Build", work.build),
            ("Get Dockerfile & Bootstart.sh", work.get_files),
            ("DockerBuild", work.docker_build),
            ("DockerPush", work.docker_push),
        )
        try:
            for index, (stage, step) in enumerate(steps):
                with self._stage(controller, live, stage, index):
                    step()
        finally:
            shutil.rmtree(work.scratch, ignore_errors=True)

    @contextmanager
    def _stage(self, controller: Controller, live: LiveBuild, name: str, index: int) -> Iterator[None]:
        assert live.processes is not None
        live.processes.check()
        stage = Stage(id=str(6 + index * 11), name=name, status="IN_PROGRESS", started_ms=now_ms())
        live.build.stages.append(stage)
        controller.save(live)
        live.log.line("[Pipeline] stage")
        live.log.line(f"[Pipeline] {{ ({name})")
        status = "SUCCESS"
        try:
            yield
            live.processes.check()
        except Interrupted:
            status = "ABORTED"
            raise
        except ClaimRefused as exc:
            status, stage.message = "NOT_EXECUTED", str(exc)
            raise
        except _EXPECTED as exc:
            status, stage.message = "FAILED", str(exc)
            if live.processes.is_stopping:  # the command died of our signal: a stop, not a failure
                status, stage.message = "ABORTED", ""
                raise Interrupted from exc
            raise
        finally:
            with controller.changed:
                if live.build.is_building:
                    stage.status, stage.ended_ms = status, now_ms()
            controller.save(live)
            live.log.line("[Pipeline] }")
            live.log.line("[Pipeline] // stage")

    @contextmanager
    def _executor(self, controller: Controller, live: LiveBuild) -> Iterator[int]:
        """Hold one of the node's executors; while waiting, the build has a placeholder item in the queue."""
        slot = self._wait_for_executor(controller, live)
        try:
            yield slot
        finally:
            with controller.changed:
                controller.free_executors.append(slot)
                controller.free_executors.sort()
                controller.changed.notify_all()

    def _wait_for_executor(self, controller: Controller, live: LiveBuild) -> int:
        assert live.processes is not None
        label = live.build.parameters.get("BUILD_NODE", "")
        is_known = controller.labels is None or not label or label in controller.labels
        started = time.monotonic()
        has_said = False
        with controller.changed:
            live.waits_for_label = label
            live.placeholder_since_ms = now_ms()
            live.placeholder_id = controller.take_queue_id()
            try:
                while not (is_known and controller.free_executors):
                    live.processes.check()
                    if not has_said and time.monotonic() - started > _STILL_WAITING_SECONDS:
                        has_said = True
                        live.log.line("Still waiting to schedule task")
                    controller.changed.wait(0.5)
                live.processes.check()
                return controller.free_executors.pop(0)
            finally:
                live.waits_for_label = None
