"""The clients that a build needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps

from components.targets import build_server_target, registry_target
from deployer.adapters import jenkins, registry
from deployer.errors import NotFound
from deployer.interfaces import BuildDetail, BuildServerClient, BuildStatus, ImageFacts, RegistryClient
from foundation.runs.lease import Lease, Outcome
from releases.models import Build

TRIGGER_LABEL = "io.prism4k.trigger"


def open_server(lease: Lease, build: Build) -> AbstractContextManager[BuildServerClient]:
    return lease.open(jenkins.connect, build_server_target(build.server))


def asking_server(phase: Callable[[Lease, Build, BuildServerClient], Outcome]) -> Callable[[Lease, Build], Outcome]:
    """A phase that has the build's Jenkins open while it runs."""

    @wraps(phase)
    def run(lease: Lease, build: Build) -> Outcome:
        with open_server(lease, build) as server:
            return phase(lease, build, server)

    return run


def open_registry(lease: Lease, build: Build) -> AbstractContextManager[RegistryClient]:
    return lease.open(registry.connect, registry_target(build.registry))


def number_to_follow(build: Build, server: BuildServerClient, number: int) -> int:
    """The run that has claimed does the work, although the queue led to another one (a POST that was sent twice).

    The trigger id in Jenkins decides, not the claim alone.
    """
    if build.build_number in (None, number):
        return number
    assert build.build_number is not None
    return build.build_number if own_build(build, server) else number


def own_build(build: Build, server: BuildServerClient) -> BuildDetail | None:
    """The build under our number, read now; None where that number is nobody's, or another trigger id's."""
    assert build.build_number is not None
    try:
        detail = server.build(build.job, build.build_number)
    except NotFound:
        return None
    return detail if detail.parameters.get("TRIGGER_ID") == str(build.trigger_id) else None


def read_build(lease: Lease, build: Build, server: BuildServerClient) -> BuildStatus | None:
    """The build under our number as Jenkins has it now; None where that number is nobody's, or somebody else's.

    Numbers and queue ids are given again after a crash of Jenkins. While the controller's session is the one in which
    the trigger id was read, the queue id tells enough; otherwise the trigger id is read anew.
    """
    assert build.build_number is not None
    if (seen := listed(build, server)) is not None:
        return seen
    # Older than the newest hundred, of another session, or gone.
    detail = own_build(build, server)
    if detail is None:
        return None
    known = {"queue_id": detail.queue_id if detail.queue_id >= 0 else None, "session": server.session}
    if known != {"queue_id": build.queue_id, "session": build.session}:
        lease.save(**known)
        build.queue_id, build.session = known["queue_id"], known["session"]  # type: ignore[assignment]
    return BuildStatus(detail.number, detail.queue_id, detail.is_building, detail.result)


def listed(build: Build, server: BuildServerClient) -> BuildStatus | None:
    """The build as the list of the job's builds has it, which all share; None where that does not tell enough.

    Where a proxy takes the session away, a restart cannot be told: the trigger id is read each time.
    """
    seen = server.builds(build.job).get(build.build_number or 0)
    is_same_session = server.session != "" and server.session == build.session
    return seen if seen is not None and seen.queue_id == build.queue_id and is_same_session else None


def repository_of(build: Build) -> str:
    """``site/app``."""
    return f"{build.order.project.slug}/{build.order.component.slug}"


def read_image(lease: Lease, build: Build) -> ImageFacts | None:
    """What stands under the order's tag now, or None."""
    with open_registry(lease, build) as client:
        return client.image(repository_of(build), build.order.number)


def is_ours(build: Build, image: ImageFacts) -> bool:
    """True when the image is labelled with one of this order's own attempts."""
    trigger = image.labels.get(TRIGGER_LABEL, "")
    triggers = Build.objects.filter(order_id=build.order_id).values_list("trigger_id", flat=True)
    return trigger in {str(value) for value in triggers}
