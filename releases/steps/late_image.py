"""An image that arrived after the end of its build: the registry says so, and then the order's page does."""

from __future__ import annotations

from django.db import transaction

from deployer.errors import Rejected
from deployer.interfaces import ImageFacts
from foundation.clock import db_now
from foundation.runs.lease import Again, Lease, Outcome, Parked
from releases.choices import OrderState
from releases.events import append_event
from releases.locks import lock_order
from releases.models import Build, LateImage
from releases.steps.build.servers import TRIGGER_LABEL, is_ours, read_image

PAUSE_SECONDS = 10.0
"""Anybody who knows the trigger id can ask for this: the registry is not asked more often."""


def step(lease: Lease) -> Outcome:
    """One question; then it rests until somebody says again that the image came."""
    row = LateImage.objects.select_related("build__order__project", "build__order__component", "build__registry").get(
        pk=lease.pk
    )
    now = db_now()
    if row.asked_at and (waited := (now - row.asked_at).total_seconds()) < PAUSE_SECONDS:
        return Again(PAUSE_SECONDS - waited)
    lease.save(asked_at=now)
    try:
        image = read_image(lease, row.build)
    except Rejected:
        return Parked()  # what the registry refuses now, the next build is told in full
    if image is not None and image.digest != row.digest and is_ours(row.build, image):
        _tell(lease, row, image)
    return Parked()


def _tell(lease: Lease, row: LateImage, image: ImageFacts) -> None:
    """Said once; the next build takes it, and one that runs or has taken it says so itself."""
    with transaction.atomic():
        order = lock_order(row.build.order_id)
        lease.save(digest=image.digest)
        if order.state == OrderState.BUILD_FAILED:
            attempt = Build.objects.get(trigger_id=image.labels[TRIGGER_LABEL]).attempt
            data = {"id": row.build_id, "attempt": attempt, "digest": image.digest}
            append_event(order.pk, "build.image_arrived", data=data)
