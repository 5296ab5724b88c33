"""The life of a pod on the node, container by container: its status in the store, its images, its containers."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

from sandbox.kubernetes import clock
from sandbox.kubernetes.events import Recorder
from sandbox.kubernetes.images import (
    ANNOTATION,
    BadReference,
    Pulled,
    Puller,
    PullError,
    Scenario,
    parse_image,
    parse_scenario,
)
from sandbox.kubernetes.kinds import POD
from sandbox.kubernetes.kubelet.statuses import NODE, container_id, first_statuses, pod_status, terminated, waiting
from sandbox.kubernetes.storage import Objects

Obj = dict[str, Any]


class PodGone(Exception):
    """The pod was removed meanwhile."""


class PodDesk:
    """Reads and writes one pod. ``speed`` 2 makes everything take half the time."""

    def __init__(self, store: Objects, pod: Obj, speed: float) -> None:
        self._store = store
        self._uid = pod["metadata"]["uid"]
        self.namespace: str = pod["metadata"]["namespace"]
        self.name: str = pod["metadata"]["name"]
        self._speed = speed
        self.events = Recorder(store, "kubelet", NODE)
        self.scheduler_events = Recorder(store, "default-scheduler")

    def pod(self) -> Obj:
        """The live pod; raises PodGone."""
        found = self._store.get(POD, self.namespace, self.name)
        # another pod may have taken the name meanwhile
        if found is None or found["metadata"]["uid"] != self._uid:
            raise PodGone
        return found

    async def sleep(self, seconds: float) -> None:
        """Sleep that long, divided by the speed."""
        await asyncio.sleep(max(0.0, seconds) / self._speed)

    def put(self, pod: Obj) -> None:
        """Store the pod when it differs from the live one."""
        if pod != self.pod():
            self._store.put(POD, pod)

    def container(self, name: str) -> Obj:
        """The status of one container."""
        for part in ("containerStatuses", "initContainerStatuses"):
            for entry in self.pod()["status"].get(part) or []:
                if entry["name"] == name:
                    return dict(entry)
        raise PodGone

    def has_statuses(self) -> bool:
        """Whether this pod has been on the node already."""
        return bool(self.pod().get("status", {}).get("containerStatuses"))

    def begin(self) -> None:
        """Write the first statuses."""
        pod = self.pod()
        self.put({**pod, "status": pod_status(pod, *first_statuses(pod["spec"]))})

    def change(self, name: str, edit: Callable[[Obj], None]) -> None:
        """Edit the status of one container; the pod's phase and conditions follow."""
        pod = self.pod()
        status = copy.deepcopy(pod["status"])
        containers, inits = status["containerStatuses"], status.get("initContainerStatuses") or []
        for entry in [*containers, *inits]:
            if entry["name"] == name:
                edit(entry)
        self.put({**pod, "status": pod_status(pod, containers, inits)})


_LEAST_SECONDS = 0.15
_FIRST_WAIT = 2.0
_LONGEST_WAIT = 30.0


class ImageGetter:
    """Pulls for the containers of one pod. ``asked`` is the scenario that the pod's annotation names."""

    def __init__(self, desk: PodDesk, puller: Puller, asked: Scenario | None) -> None:
        self._desk = desk
        self._puller = puller
        self._asked = asked

    async def get(self, container: Obj, field: str) -> Pulled | None:
        """The pulled image, however often it takes; None for a name that never will be one."""
        text, wait = container["image"], _FIRST_WAIT
        while True:
            try:
                return await self._try(text, container, field)
            except BadReference as error:
                self._refuse_name(container["name"], text, str(error), field)
                return None
            except PullError as error:
                self._failed(container["name"], text, str(error), field)
                await self._desk.sleep(0.6)
                self._back_off(container["name"], text, str(error), field)
                await self._desk.sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)

    async def _try(self, text: str, container: Obj, field: str) -> Pulled:
        image = parse_image(text)
        pod = self._desk.pod()
        self._desk.events.normal(pod, "Pulling", f'Pulling image "{text}"', field)
        await self._desk.sleep(_LEAST_SECONDS)
        if self._asked is not None and self._asked.word == "pull-failure":
            raise PullError(self._not_found(text))
        pulled = await self._puller.pull(image)
        if self._asked is None and pulled.scenario is not None and pulled.scenario.word == "pull-failure":
            raise PullError(self._not_found(text))
        message = (
            f'Successfully pulled image "{text}" in 150ms (150ms including waiting). Image size: {pulled.size} bytes.'
        )
        self._desk.events.normal(pod, "Pulled", message, field)
        return pulled

    def _not_found(self, text: str) -> str:
        return f'failed to pull and unpack image "{text}": failed to resolve reference "{text}": {text}: not found'

    def _failed(self, name: str, text: str, why: str, field: str) -> None:
        pod = self._desk.pod()
        self._desk.events.warning(pod, "Failed", f'Failed to pull image "{text}": {why}', field)
        self._desk.events.warning(pod, "Failed", "Error: ErrImagePull", field)
        self._desk.change(name, lambda status: status.update(state=waiting("ErrImagePull", why)))

    def _back_off(self, name: str, text: str, why: str, field: str) -> None:
        pod = self._desk.pod()
        self._desk.events.normal(pod, "BackOff", f'Back-off pulling image "{text}"', field)
        self._desk.events.warning(pod, "Failed", "Error: ImagePullBackOff", field)
        message = f'Back-off pulling image "{text}": ErrImagePull: {why}'
        self._desk.change(name, lambda status: status.update(state=waiting("ImagePullBackOff", message)))

    def _refuse_name(self, name: str, text: str, why: str, field: str) -> None:
        message = f'Failed to apply default image tag "{text}": couldn\'t parse image name "{text}": {why}'
        self._desk.events.warning(self._desk.pod(), "InspectFailed", message, field)
        self._desk.events.warning(self._desk.pod(), "Failed", "Error: InvalidImageName", field)
        self._desk.change(name, lambda status: status.update(state=waiting("InvalidImageName", message)))


_GATED = 2.0
_TO_NODE = 0.05
_CREATE = 0.1
_READY = 0.4
_LONGEST_DELAY = 1.0
_UP_BEFORE_END = 0.6
_PROBE_EVERY = 2.0
_RESTART_ONCE_AFTER = 2.0
_FIRST_BACK_OFF = 2.0
_LONGEST_BACK_OFF = 30.0
_STEADY = Scenario("")


class PodLife:
    """Takes one pod from Pending to the end that its scenario has; run it as a task and cancel it to stop."""

    def __init__(self, desk: PodDesk, puller: Puller) -> None:
        self._desk = desk
        self._asked = parse_scenario((desk.pod()["metadata"].get("annotations") or {}).get(ANNOTATION, ""))
        self._images = ImageGetter(desk, puller, self._asked)

    async def run(self) -> None:
        """Never returns while a container runs; raises PodGone when the pod is removed."""
        await self._schedule()
        spec = self._desk.pod()["spec"]
        for container in spec.get("initContainers") or []:
            await self._run_init(container)
        await asyncio.gather(*(self._run_container(entry, index) for index, entry in enumerate(spec["containers"])))

    async def _schedule(self) -> None:
        while self._desk.pod()["spec"].get("schedulingGates"):
            await self._desk.sleep(_GATED)
        pod = self._desk.pod()
        if not pod["spec"].get("nodeName"):
            await self._desk.sleep(_TO_NODE)
            pod = self._desk.pod()
            self._desk.put({**pod, "spec": {**pod["spec"], "nodeName": NODE}})
            text = f"Successfully assigned {self._desk.namespace}/{self._desk.name} to {NODE}"
            self._desk.scheduler_events.normal(pod, "Scheduled", text)
        if not self._desk.has_statuses():
            self._desk.begin()

    async def _run_init(self, container: Obj) -> None:
        name = container["name"]
        if "terminated" in self._desk.container(name)["state"]:
            return
        pulled = await self._images.get(container, f"spec.initContainers{{{name}}}")
        if pulled is None:
            await asyncio.Event().wait()
            return
        await self._start(name, pulled, f"spec.initContainers{{{name}}}")
        await self._desk.sleep(_CREATE)
        self._end(name, 0, "Completed")

    async def _run_container(self, container: Obj, index: int) -> None:
        name = container["name"]
        if self._desk.container(name)["ready"]:
            return
        field = f"spec.containers{{{name}}}"
        pulled = await self._images.get(container, field)
        if pulled is None:
            return
        scenario = (
            (self._asked if index == 0 else None) or (pulled.scenario if self._asked is None else None) or _STEADY
        )
        wait = 0.0
        while True:
            await self._start(name, pulled, field)
            exit_code, reason = await self._behave(container, scenario, field)
            self._end(name, exit_code, reason)
            if self._desk.pod()["spec"]["restartPolicy"] != "Always":
                return
            await self._desk.sleep(0.1)
            if wait:
                await self._back_off(name, wait, field)
            wait = min(wait * 2, _LONGEST_BACK_OFF) or _FIRST_BACK_OFF

    async def _start(self, name: str, pulled: Pulled, field: str) -> None:
        status = self._desk.container(name)
        if "running" in status["state"]:
            return
        await self._desk.sleep(_CREATE)
        # a container that has ended before is the next one of its line
        restarts = status["restartCount"] + (1 if status["lastState"] or "terminated" in status["state"] else 0)
        identity = container_id(self._desk.pod()["metadata"]["uid"], name, restarts)

        def edit(entry: Obj) -> None:
            if "terminated" in entry["state"]:
                entry["lastState"] = entry["state"]
            entry |= {
                "state": {"running": {"startedAt": clock.stamp()}},
                "imageID": pulled.image_id,
                "containerID": identity,
                "restartCount": restarts,
                "started": True,
                "ready": False,
            }

        self._desk.events.normal(self._desk.pod(), "Created", f"Created container: {name}", field)
        self._desk.change(name, edit)
        self._desk.events.normal(self._desk.pod(), "Started", f"Started container {name}", field)

    def _end(self, name: str, exit_code: int, reason: str) -> None:
        def edit(entry: Obj) -> None:
            started_at = entry["state"]["running"]["startedAt"]
            entry["state"] = terminated(exit_code, reason, started_at, entry.get("containerID", ""))
            entry["ready"] = exit_code == 0 and reason == "Completed"
            entry["started"] = False

        self._desk.change(name, edit)

    async def _back_off(self, name: str, seconds: float, field: str) -> None:
        meta = self._desk.pod()["metadata"]
        label = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
        message = f"back-off {seconds:g}s restarting failed container={name} pod={label}"

        def edit(entry: Obj) -> None:
            if "terminated" in entry["state"]:
                entry["lastState"] = entry["state"]
            entry["state"] = waiting("CrashLoopBackOff", message)

        self._desk.change(name, edit)
        text = f"Back-off restarting failed container {name} in pod {label}"
        self._desk.events.warning(self._desk.pod(), "BackOff", text, field)
        await self._desk.sleep(seconds)

    async def _behave(self, container: Obj, scenario: Scenario, field: str) -> tuple[int, str]:
        """Run until the container ends: ``(exit code, reason)``."""
        name = container["name"]
        if scenario.word in ("crash", "oom"):
            await self._desk.sleep(_UP_BEFORE_END)
            return (1, "Error") if scenario.word == "crash" else (137, "OOMKilled")
        if scenario.word == "never-ready":
            await self._fail_probes(container, field, None)
        if scenario.word == "slow":
            await self._fail_probes(container, field, scenario.seconds)
        else:
            delay = (container.get("readinessProbe") or {}).get("initialDelaySeconds") or 0
            await self._desk.sleep(_READY + min(delay, _LONGEST_DELAY))
        self._desk.change(name, lambda entry: entry.update(ready=True))
        if scenario.word == "restart-once" and self._desk.container(name)["restartCount"] == 0:
            await self._desk.sleep(_RESTART_ONCE_AFTER)
            return 1, "Error"
        await asyncio.Event().wait()
        raise AssertionError("a steady container does not end")

    async def _fail_probes(self, container: Obj, field: str, seconds: float | None) -> None:
        """Fail the readiness probe every two seconds, for a time or for ever."""
        left = seconds
        while left is None or left > 0:
            step = _PROBE_EVERY if left is None else min(_PROBE_EVERY, left)
            await self._desk.sleep(step)
            left = None if left is None else left - step
            if container.get("readinessProbe") and left != 0:
                text = f"Readiness probe failed: {_probe_words(container['readinessProbe'])}"
                self._desk.events.warning(self._desk.pod(), "Unhealthy", text, field)


def _probe_words(probe: Obj) -> str:
    if probe.get("tcpSocket"):
        return f"dial tcp 10.244.0.2:{probe['tcpSocket'].get('port')}: connect: connection refused"
    if probe.get("exec"):
        return "command exited with code 1"
    return "HTTP probe failed with statuscode: 503"
