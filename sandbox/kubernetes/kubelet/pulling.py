"""Getting the image of a container onto the node, with back-off until it comes."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.images.pull import Pulled, Puller, PullError
from sandbox.kubernetes.images.reference import BadReference, parse_image
from sandbox.kubernetes.kubelet.desk import PodDesk
from sandbox.kubernetes.kubelet.scenarios import Scenario
from sandbox.kubernetes.kubelet.statuses import waiting

Obj = dict[str, Any]

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
