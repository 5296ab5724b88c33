"""One build of the shipped job: an executor, then the stages of ``jenkins_job``, on one node or on two."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .controller import Controller
from .hooks import ClaimFailed, ClaimRefused, nudge
from .images import ImageFailed
from .parameters import NODE_PATTERNS, BadParameter, check
from .processes import CommandFailed, Interrupted
from .settings import Settings
from .store import LiveBuild, Stage, now_ms
from .work import StageFailed, Work

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
            check(live.build.parameters, NODE_PATTERNS)
            self._on_nodes(controller, live)
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

    def _on_nodes(self, controller: Controller, live: LiveBuild) -> None:
        """The build's node, then the image's, where there is one: the first executor is free by then."""
        build, image = live.build.parameters["BUILD_NODE"], live.build.parameters.get("IMAGE_NODE", "")
        archive = controller.store.artifacts(live.build.job, live.build.number)
        work = Work(self._settings, live, archive, lambda: controller.save(live))
        steps: tuple[tuple[str, Callable[[], None]], ...] = (
            ("Prepare Git Code", work.prepare_git_code),
            ("Build", work.build),
            ("Get Dockerfile & Bootstart.sh", work.get_files),
            ("DockerBuild", work.docker_build),
            ("DockerPush", work.docker_push),
        )
        try:
            with self._node(controller, live, build) as workspace:
                work.enter(build, workspace)
                self._run_stages(controller, live, steps[:3] if image else steps, 0)
            if image:
                with self._node(controller, live, image, folder="image-workspace") as workspace:
                    work.move(image, workspace)
                    self._run_stages(controller, live, steps[3:], 3)
        finally:
            work.clear()

    def _run_stages(
        self, controller: Controller, live: LiveBuild, steps: tuple[tuple[str, Callable[[], None]], ...], first: int
    ) -> None:
        for index, (stage, step) in enumerate(steps, first):
            with self._stage(controller, live, stage, index):
                step()

    @contextmanager
    def _node(self, controller: Controller, live: LiveBuild, label: str, folder: str = "workspace") -> Iterator[Path]:
        """An executor of the label, and the workspace that it has there."""
        live.log.line("[Pipeline] node")
        with self._executor(controller, live, label) as slot:
            name = live.build.job if slot == 0 else f"{live.build.job}@{slot + 1}"
            workspace = self._settings.state / folder / name
            live.log.line(f"Running on {label} in {workspace}")
            live.log.line("[Pipeline] {")
            try:
                yield workspace
            finally:
                nudge(*controller.webhook, live.build, live.log.line)
        live.log.line("[Pipeline] }")
        live.log.line("[Pipeline] // node")

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
    def _executor(self, controller: Controller, live: LiveBuild, label: str) -> Iterator[int]:
        """Hold one of the node's executors; while waiting, the build has a placeholder item in the queue."""
        slot = self._wait_for_executor(controller, live, label)
        try:
            yield slot
        finally:
            with controller.changed:
                controller.free_executors.append(slot)
                controller.free_executors.sort()
                controller.changed.notify_all()

    def _wait_for_executor(self, controller: Controller, live: LiveBuild, label: str) -> int:
        assert live.processes is not None
        started = time.monotonic()
        has_said = False
        with controller.changed:
            live.waits_for_label = label
            live.placeholder_since_ms = now_ms()
            live.placeholder_id = controller.take_queue_id()
            try:
                while controller.agents.why_none(label, is_free=bool(controller.free_executors)):
                    live.processes.check()
                    if not has_said and time.monotonic() - started > _STILL_WAITING_SECONDS:
                        has_said = True
                        live.log.line("Still waiting to schedule task")
                    controller.changed.wait(0.5)
                live.processes.check()
                return controller.free_executors.pop(0)
            finally:
                live.waits_for_label = None
