"""What servers push makes builds due now. None of it is a fact: what is read then decides."""

from __future__ import annotations

import uuid

from django.db.models import OuterRef, Q, Subquery

from components.models import ImageRegistry, JenkinsServer
from components.services.servers import Server
from deployer.hooks import Delivery
from foundation.runs.choices import ACTIVE
from foundation.runs.wake import wake
from releases.choices import OrderState
from releases.models import Build, LateImage


def wake_builds_in(server: Server, delivery: Delivery) -> None:
    """The build in this Jenkins that it names, or else all that are followed there."""
    assert isinstance(server, JenkinsServer)
    of_server = Q(server=server)
    _wake(of_server & Q(trigger_id__in=_ids(delivery.names)) if delivery.names else of_server)


def wake_builds_for(server: Server, delivery: Delivery) -> None:
    """Builds whose image came to this registry, and those that ended without it."""
    assert isinstance(server, ImageRegistry)
    which = Q(registry=server, order__number__in={name.rpartition(":")[2] for name in delivery.names})
    _wake(which)
    # The tag is the order's: its newest attempt asks for all of them.
    newest = Build.objects.filter(order=OuterRef("order")).order_by("-attempt").values("pk")[:1]
    for build in Build.objects.filter(which, order__state=OrderState.BUILD_FAILED, pk=Subquery(newest)):
        look_for_late_image(build)


def look_for_late_image(build: Build) -> None:
    """Has a worker ask the registry whether this build's image is there, although the build ended without one."""
    row, _is_new = LateImage.objects.get_or_create(build=build)
    wake(LateImage, row.pk)


def _ids(names: tuple[str, ...]) -> list[uuid.UUID]:
    found = []
    for name in names:
        try:
            found.append(uuid.UUID(name))
        except ValueError:
            continue
    return found


def _wake(which: Q) -> None:
    for pk in Build.objects.filter(which, state__in=sorted(ACTIVE)).order_by("pk").values_list("pk", flat=True):
        # A build that runs is the watcher's; the many of a server are passed over together there.
        wake(Build, pk, prompt=False)
