"""How a build's step ends it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from deployer.interfaces import ImageFacts
from foundation.messages import MessageLike
from foundation.runs.choices import RunState
from foundation.runs.lease import Done, Lease
from releases import gates
from releases.choices import Reason
from releases.events import append_event
from releases.locks import lock_for_promotion
from releases.models import Build, ReleaseOrder
from releases.selectors import spaces_of
from releases.services.promotions import create_promotion
from releases.services.reviews import request_review
from releases.steps.build.servers import is_ours, read_image
from releases.steps.build.times import deadline_message
from releases.transitions import end_run


def end(lease: Lease, build: Build, to: str, reason: str, message: MessageLike = "", **fields: Any) -> Done:
    """Final, with the reason and a message."""
    with transaction.atomic():
        data = {"attempt": build.attempt, "message": message}
        actor = build.stop_requested_by if to == RunState.CANCELLED else None
        end_run(build, to, actor=actor, reason=reason, lease=lease, data=data, message=message, **fields)
    return Done()


def end_without_image(lease: Lease, build: Build, to: str, reason: str, message: MessageLike = "") -> Done:
    """Final, once the registry was asked whether the image arrived all the same: then it is taken.

    Jenkins may have pushed before it was stopped, crashed or lost the build, and nobody builds a tag twice.
    """
    image = read_image(lease, build)
    if image is not None and is_ours(build, image):
        return succeed(lease, build, image, adopted=True)
    return end(lease, build, to, reason, message)


def end_stopped(lease: Lease, build: Build) -> Done:
    """Jenkins shows that what we stopped has ended: the reason is the one for which it was stopped."""
    if build.stop_reason:
        message = deadline_message(build, build.stop_reason)
        return end_without_image(lease, build, RunState.FAILED, Reason.DEADLINE, message)
    return end_without_image(lease, build, RunState.CANCELLED, Reason.STOPPED)


def succeed(lease: Lease, build: Build, image: ImageFacts, *, adopted: bool = False) -> Done:
    """The digest is written, once; promotions that policy makes by itself follow in the same transaction."""
    with transaction.atomic():
        # Places first: the lock order.
        order = ReleaseOrder.objects.select_related("project", "component", "author").get(pk=build.order_id)
        automatic = [
            space
            for space in spaces_of(order)
            if space.promote_automatically and not space.environment.follows.exists()
        ]
        lock_for_promotion(order, *automatic)
        data = {"attempt": build.attempt, "digest": image.digest, "adopted": adopted}
        # Without the cause of a silence that ended with this very pass.
        end_run(build, RunState.SUCCEEDED, actor=None, lease=lease, data=data, digest=image.digest, message="")
        order.refresh_from_db()
        for space in automatic:
            closed = gates.first_closed(gates.promotion_gates(order, space))
            if closed is None:
                create_promotion(order, space, actor=order.author)
                request_review(order, space, actor=None)
            else:
                data = {"environment": space.environment.slug, "gate": closed.code}
                append_event(order.pk, "promotion.skipped", data=data)
    return Done()
