"""One container of one pod at one moment, its own events, and what a finding about it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.interfaces import Diagnosis, EventFacts, Manifest
from deployer.messages import Message
from deployer.verdict.objects import metadata, seconds_since, status, time_of

LONGEST_MESSAGE = 500


def shortened(text: str) -> str:
    """Both ends of a long message: how it begins, and the cause, which stands last."""
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:200]} … {text[200 - LONGEST_MESSAGE + 3 :]}"


@dataclass(frozen=True)
class Finding:
    """A diagnosis, and whether it is certain enough to end the rollout before its deadline."""

    diagnosis: Diagnosis
    is_fatal: bool


@dataclass(frozen=True)
class Case:
    """One container. ``since``: when its turn came, an RFC 3339 text: start of the pod, or end of the init containers
    before it. ``is_init``: it must end before the others start; a sidecar (restartable init container) must not."""

    pod: Manifest
    container: Mapping[str, Any]
    spec: Mapping[str, Any]
    is_init: bool
    events: Sequence[EventFacts]
    now: datetime
    since: str

    @property
    def name(self) -> str:
        """Name of the container."""
        return str(self.container.get("name", ""))

    @property
    def image(self) -> str:
        """Image as the pod asks for it."""
        return str(self.spec.get("image") or self.container.get("image") or "")

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return int(self.container.get("restartCount") or 0)

    @property
    def age(self) -> float:
        """Seconds since its turn came."""
        return seconds_since(self.since, self.now)

    @property
    def state(self) -> Mapping[str, Any]:
        """``waiting``, ``running`` or ``terminated``, as the kubelet writes it."""
        return self.container.get("state") or {}

    @property
    def last_end(self) -> Mapping[str, Any]:
        """How it ended the last time; empty when it never did."""
        return (self.container.get("lastState") or {}).get("terminated") or {}

    def event(self, *reasons: str, text: str = "") -> EventFacts | None:
        """The newest event about this container (or the pod) with one of these reasons and this text in it."""
        found = [e for e in self.events if e.reason in reasons and text in e.message and self._is_mine(e)]
        return found[-1] if found else None

    def _is_mine(self, event: EventFacts) -> bool:
        return not event.field or event.field.endswith(f"{{{self.name}}}")

    def found(self, code: str, *, is_fatal: bool, evidence: tuple[str, ...] = (), **values: object) -> Finding:
        """A finding about this container."""
        texts: dict[str, Message | str] = {
            name: value if isinstance(value, Message) else shortened(str(value)) for name, value in values.items()
        }
        texts["container"] = self.name
        pod = str(metadata(self.pod).get("name", ""))
        return Finding(Diagnosis(code, texts, pod, self.name, tuple(e for e in evidence if e)), is_fatal)


def cases_of(pod: Manifest, events: Sequence[EventFacts], now: datetime) -> Iterator[Case]:
    """All containers of a pod, init containers first, in the order in which the kubelet starts them."""
    spec = pod.get("spec") or {}
    since = str(status(pod).get("startTime") or metadata(pod).get("creationTimestamp") or "")
    for part, statuses in (("initContainers", "initContainerStatuses"), ("containers", "containerStatuses")):
        specs = {container.get("name"): container for container in spec.get(part) or ()}
        for container in status(pod).get(statuses) or ():
            own = specs.get(container.get("name"), {})
            is_init = part == "initContainers" and own.get("restartPolicy") != "Always"
            yield Case(pod, container, own, is_init, events, now, since)
            if is_init:
                since = _later(since, str(((container.get("state") or {}).get("terminated") or {}).get("finishedAt")))


def _later(one: str, other: str) -> str:
    first, second = time_of(one), time_of(other)
    return other if second is not None and (first is None or second > first) else one
