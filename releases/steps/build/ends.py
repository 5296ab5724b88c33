"""How a build's step ends it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from deployer.interfaces import ImageFacts
from foundation.problems import Sentence
from foundation.runs.choices import RunState
from foundation.runs.lease import Done, Lease
from releases import gates, launch, progress
from releases.models import Build, ReleaseOrder
from releases.selectors import spaces_of
from releases.transitions import end_run


def end(lease: Lease, build: Build, to: str, reason: str, message: Sentence = "", **fields: Any) -> Done:
    """Final, with the reason and a sentence."""
    with transaction.atomic():
        data = {"attempt": build.attempt, "message": message}
        actor = build.stop_requested_by if to == RunState.CANCELLED else None
        end_run(build, to, actor=actor, reason=reason, lease=lease, data=data, message=message, **fields)
    return Done()


def succeed(lease: Lease, build: Build, image: ImageFacts, *, adopted: bool = False) -> Done:
    """The digest is written, once; promotions that policy makes by itself follow in the same transaction."""
    with transaction.atomic():
        # Places first: the house's lock order.
        order = ReleaseOrder.objects.select_related("project", "component", "author").get(pk=build.order_id)
        automatic = [
            space
            for space in spaces_of(order)
            if space.promote_automatically and not space.environment.follows.exists()
        ]
        launch.lock_for_promotion(order, *automatic)
        data = {"attempt": build.attempt, "digest": image.digest, "adopted": adopted}
        end_run(build, RunState.SUCCEEDED, actor=None, lease=lease, data=data, digest=image.digest)
        order.refresh_from_db()
        for space in automatic:
            closed = gates.first_closed(gates.promotion_gates(order, space))
            if closed is None:
                launch.promote(order, space, actor=order.author)
                launch.launch_review(order, space, actor=None)
            else:
                data = {"environment": space.environment.slug, "gate": closed.code}
                progress.append(order.pk, "promotion.skipped", data=data)
    return Done()
