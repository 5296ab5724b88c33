"""The clients that a build needs."""

from __future__ import annotations

from components.targets import build_server_target, registry_target
from deployer.adapters import jenkins, registry
from deployer.errors import NotFound
from deployer.interfaces import BuildServerClient, ImageFacts, RegistryClient
from foundation.runs.lease import Lease
from releases.models import Build

TRIGGER_LABEL = "io.prism4k.trigger"
ORDER_LABEL = "io.prism4k.order"


def turn_to(lease: Lease, build: Build, remote: str) -> None:
    """Name whom we are about to ask: a build asks three others, and the breaker of the one that is away must open."""
    if build.remote != remote:
        lease.save(remote=remote)
        build.remote = remote


def server_of(build: Build) -> BuildServerClient:
    """The build's Jenkins."""
    return jenkins.connect(build_server_target(build.server))


def number_to_follow(build: Build, number: int) -> int:
    """The run that has claimed does the work, although the queue led to another one (a POST that was sent twice).

    The trigger id in Jenkins decides, not the claim alone.
    """
    if build.build_number in (None, number):
        return number
    assert build.build_number is not None
    try:
        detail = server_of(build).build(build.job, build.build_number)
    except NotFound:
        return number
    return build.build_number if detail.parameters.get("TRIGGER_ID") == str(build.trigger_id) else number


def registry_of(build: Build) -> RegistryClient:
    """The build's registry."""
    return registry.connect(registry_target(build.registry))


def repository_of(build: Build) -> str:
    """``site/app``."""
    return f"{build.order.project.slug}/{build.order.component.slug}"


def image_of(build: Build) -> ImageFacts | None:
    """What stands under the order's tag now, or None."""
    return registry_of(build).image(repository_of(build), build.order.number)


def is_ours(build: Build, image: ImageFacts) -> bool:
    """True when the image is labelled with one of this order's own attempts."""
    trigger = image.labels.get(TRIGGER_LABEL, "")
    triggers = Build.objects.filter(order_id=build.order_id).values_list("trigger_id", flat=True)
    return trigger in {str(value) for value in triggers}
