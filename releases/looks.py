"""Short reads that a person waits for: at most 5 s, outside transactions, never a write outside."""

from __future__ import annotations

from typing import Any

from components.targets import build_server_target, registry_target
from deployer.adapters import jenkins, kubernetes, registry
from deployer.errors import DeployerError
from environments.models import Space
from environments.targets import cluster_target
from foundation.problems import Refused
from foundation.redaction import redact
from foundation.sentences import spoken
from releases.models import Build, ReleaseOrder


def look_at_build(order: ReleaseOrder) -> dict[str, Any]:
    """检测: what Jenkins and the registry say of this order now. Each part says for itself when it is away."""
    build = Build.objects.filter(order=order).select_related("server", "registry").order_by("-attempt").first()
    if build is None:
        return {"jenkins": "not-built", "registry": "not-built", "followed": False}
    facts: dict[str, Any] = {
        "followed": build.is_active,
        "since": build.started_at.isoformat() if build.started_at else None,
        "contact_lost_since": build.contact_lost_since.isoformat() if build.contact_lost_since else None,
    }
    return facts | _look_at_jenkins(build) | _look_at_registry(order, build)


def _look_at_jenkins(build: Build) -> dict[str, Any]:
    if build.build_number is None:
        return {"jenkins": "not-started"}
    try:
        detail = jenkins.connect(build_server_target(build.server)).build(build.job, build.build_number)
    except DeployerError as error:
        return {"jenkins": "away", "jenkins_message": spoken(error)}
    is_same = detail.parameters.get("TRIGGER_ID") == str(build.trigger_id)
    state = "building" if detail.is_building else (detail.result or "unknown").lower()
    return {"jenkins": state if is_same else "another-build", "jenkins_number": build.build_number}


def _look_at_registry(order: ReleaseOrder, build: Build) -> dict[str, Any]:
    try:
        client = registry.connect(registry_target(build.registry))
        image = client.image(f"{order.project.slug}/{order.component.slug}", order.number)
    except DeployerError as error:
        return {"registry": "away", "registry_message": spoken(error)}
    if image is None:
        return {"registry": "no-image"}
    same = "same" if image.digest == order.image_digest else "different"
    return {"registry": "image", "digest": image.digest, "digest_is": same if order.image_digest else "not-recorded"}


def pod_log(space: Space, pod: str, *, container: str = "", previous: bool = False, tail_lines: int = 200) -> str:
    """The end of a container's log; raises Refused with the cluster's own sentence."""
    try:
        cluster = kubernetes.connect(cluster_target(space.cluster))
        return redact(
            cluster.pod_log(space.namespace, pod, container=container, previous=previous, tail_lines=tail_lines)
        )
    except DeployerError as error:
        raise Refused(spoken(error), "pod-log", status=502) from error
