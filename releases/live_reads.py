"""Short reads that a person waits for: at most 5 s, outside transactions, never a write outside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from components.targets import build_server_target, registry_target
from deployer.adapters import jenkins, kubernetes, registry
from deployer.errors import DeployerError, NotFound, Unavailable
from deployer.interfaces import EventFacts, LogWanted, Manifest, ObjectRef, TimedLog
from deployer.parallel import outcomes
from environments.models import Space
from environments.targets import cluster_target
from foundation.log_mask import mask_tail
from foundation.messages import MessageLike, as_message
from foundation.messages import message as _
from foundation.problems import Missing, Refused
from releases.models import Build, ReleaseOrder


def read_build_status(order: ReleaseOrder) -> dict[str, Any]:
    """检测: what Jenkins and the registry say of this order now. Each part says for itself when it is away."""
    build = Build.objects.filter(order=order).select_related("server", "registry").order_by("-attempt").first()
    if build is None:
        return {"jenkins": "not-built", "registry": "not-built", "followed": False}
    facts: dict[str, Any] = {
        "followed": build.is_active,
        "since": build.started_at.isoformat() if build.started_at else None,
        "contact_lost_since": build.contact_lost_since.isoformat() if build.contact_lost_since else None,
    }
    return facts | _read_jenkins(build) | _read_registry(order, build)


def _read_jenkins(build: Build) -> dict[str, Any]:
    if build.build_number is None:
        return {"jenkins": "not-started"}
    try:
        detail = jenkins.connect(build_server_target(build.server)).build(build.job, build.build_number)
    except DeployerError as error:
        return {"jenkins": "away", "jenkins_message": as_message(error)}
    is_same = detail.parameters.get("TRIGGER_ID") == str(build.trigger_id)
    state = "building" if detail.is_building else (detail.result or "unknown").lower()
    return {"jenkins": state if is_same else "another-build", "jenkins_number": build.build_number}


def _read_registry(order: ReleaseOrder, build: Build) -> dict[str, Any]:
    try:
        client = registry.connect(registry_target(build.registry))
        image = client.image(f"{order.project.slug}/{order.component.slug}", order.number)
    except DeployerError as error:
        return {"registry": "away", "registry_message": as_message(error)}
    if image is None:
        return {"registry": "no-image"}
    same = "same" if image.digest == order.image_digest else "different"
    return {"registry": "image", "digest": image.digest, "digest_is": same if order.image_digest else "not-recorded"}


LOG_SECONDS = 5.0
LOGS_KEPT_SECONDS = 1.0
EVENTS_KEPT_SECONDS = 2.0
OBJECTS_KEPT_SECONDS = 10.0
K = TypeVar("K")
V = TypeVar("V")


def pod_log(space: Space, pod: str, *, container: str = "", previous: bool = False, tail_lines: int = 200) -> str:
    """The end of a container's log; raises Missing where it has none, Refused with the cluster's own message."""
    try:
        cluster = kubernetes.connect(cluster_target(space.cluster))
        return mask_tail(
            cluster.pod_log(space.namespace, pod, container=container, previous=previous, tail_lines=tail_lines)
        )
    except NotFound as error:
        raise Missing(as_message(error), "pod-log") from error
    except DeployerError as error:
        raise Refused(as_message(error), "pod-log", status=502) from error


NO_LOG = TimedLog((), ())


@dataclass(frozen=True)
class PodRead:
    """What came of asking for one pod's log; masked. ``trouble`` says why there is none."""

    pod: str
    log: TimedLog = NO_LOG
    trouble: MessageLike = ""


def timed_logs(space: Space, asked: Sequence[tuple[str, LogWanted]]) -> tuple[PodRead, ...]:
    """The logs of several pods, within 5 s together; raises Refused where the cluster answers for none of them.

    As many people as like may follow the same pods: an answer is good for all of them for a second.
    """
    return _LOGS.get((space.pk, tuple(asked)), lambda: _read_logs(space, asked))


def _read_logs(space: Space, asked: Sequence[tuple[str, LogWanted]]) -> tuple[PodRead, ...]:
    until = time.monotonic() + LOG_SECONDS
    try:
        cluster = kubernetes.connect(cluster_target(space.cluster))
    except DeployerError as error:
        raise Refused(as_message(error), "pod-log", status=502) from error

    def ask(one: tuple[str, LogWanted]) -> TimedLog:
        left = until - time.monotonic()
        if left <= 0:
            raise Unavailable(_("The cluster did not answer in time."))
        return cluster.timed_log(space.namespace, one[0], replace(one[1], seconds=left))

    found = outcomes(ask, asked)
    away = [one for one in found if isinstance(one, Unavailable)]
    if away and len(away) == len(found):
        raise Refused(as_message(away[0]), "pod-log", status=502)
    return tuple(
        PodRead(pod, trouble=as_message(one)) if isinstance(one, DeployerError) else PodRead(pod, _masked(one))
        for (pod, _wanted), one in zip(asked, found, strict=True)
    )


def _masked(log: TimedLog) -> TimedLog:
    """As a whole, without the times: a secret may go over several lines."""
    return replace(log, lines=tuple(mask_tail("\n".join(log.lines)).split("\n"))) if log.lines else log


def objects_of(space: Space, refs: Sequence[ObjectRef]) -> tuple[dict[str, Manifest | None] | None, MessageLike]:
    """The live objects by ``Kind/name``, None for one that is gone; None and why where the cluster does not say.

    Within 5 s, and good for everybody for ten: that it does not answer is kept as well.
    """
    return _OBJECTS.get((space.pk, tuple(refs)), lambda: _read_objects(space, refs))


def _read_objects(space: Space, refs: Sequence[ObjectRef]) -> tuple[dict[str, Manifest | None] | None, MessageLike]:
    if not refs:
        return {}, ""
    try:
        cluster = kubernetes.connect(cluster_target(space.cluster))
        found = cluster.read_all(space.namespace, refs, seconds=LOG_SECONDS)
    except DeployerError as error:
        return None, as_message(error)
    return {f"{ref.kind}/{ref.name}": live for ref, live in found.items()}, ""


class _Kept(Generic[K, V]):
    """Answers that are good for everybody for a moment."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[K, tuple[float, V]] = {}

    def get(self, key: K, ask: Callable[[], V]) -> V:
        """The answer that is there, or a new one; what ``ask`` raises is not kept."""
        now = time.monotonic()
        for old in [one for one, (at, _answer) in list(self._known.items()) if now - at > self._seconds]:
            self._known.pop(old, None)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = (time.monotonic(), ask())
        return found[1]


_EVENTS: _Kept[tuple[int, tuple[str, ...]], tuple[EventFacts, ...]] = _Kept(EVENTS_KEPT_SECONDS)
_LOGS: _Kept[tuple[int, tuple[tuple[str, LogWanted], ...]], tuple[PodRead, ...]] = _Kept(LOGS_KEPT_SECONDS)
_OBJECTS: _Kept[tuple[int, tuple[ObjectRef, ...]], tuple[dict[str, Manifest | None] | None, MessageLike]] = _Kept(
    OBJECTS_KEPT_SECONDS
)


def events_of(space: Space, uids: Sequence[str]) -> tuple[EventFacts, ...]:
    """What the cluster still tells of these objects, oldest first; raises Refused with its own message.

    Many people may watch one rollout: an answer is good for all of them for two seconds.
    """
    return _EVENTS.get((space.pk, tuple(uids)), lambda: _read_events(space, uids))


def _read_events(space: Space, uids: Sequence[str]) -> tuple[EventFacts, ...]:
    try:
        cluster = kubernetes.connect(cluster_target(space.cluster))
        found = [event for uid in uids if uid for event in cluster.events(space.namespace, uid)]
    except DeployerError as error:
        raise Refused(as_message(error), "events", status=502) from error
    return tuple(sorted(found, key=lambda event: event.at))


@dataclass(frozen=True)
class Layers:
    """How two images differ: layers that only the newer one has, of how many, and its size in bytes. With ``reason``
    nobody could tell."""

    new: int = 0
    total: int = 0
    size: int = 0
    reason: MessageLike = ""


def layers_between(old: ReleaseOrder, new: ReleaseOrder) -> Layers:
    """What the registry says of both images now; never raises."""
    build = Build.objects.filter(order=new).select_related("registry").order_by("-attempt").first()
    if build is None or not old.image_digest or not new.image_digest:
        return Layers(reason=_("The registry has no such image."))
    try:
        client = registry.connect(registry_target(build.registry))
        repository = f"{new.project.slug}/{new.component.slug}"
        before, after = (client.image(repository, order.image_digest) for order in (old, new))
    except DeployerError as error:
        return Layers(reason=as_message(error))
    if before is None or after is None:
        return Layers(reason=_("The registry has no such image."))
    kept = set(before.layers)
    return Layers(sum(layer not in kept for layer in after.layers), len(after.layers), after.size)
