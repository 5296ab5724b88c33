"""Reviews: what deploying an order somewhere would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from environments.access import require, require_either, who_may
from environments.models import Space
from foundation.messages import message as _
from foundation.problems import Invalid, Refused, Stale
from foundation.runs.choices import RunState
from foundation.runs.wake import hinted_at, launch_hint
from releases import gates, selectors
from releases.choices import Reason
from releases.events import record_act
from releases.locks import lock_orders
from releases.models import Deployment, ReleaseOrder, Review, Snapshot


def start_review(*, actor: User, order: ReleaseOrder, space: Space) -> Review:
    """Review (again) what deploying this order there would do."""
    require_either(actor, "review", "approve", space=space)
    if not order.image_digest:
        asked = gates.asked_about("review", order, space)
        who = who_may("build", project_id=order.project_id)
        raise Refused(_("The order has no image yet: build it first."), "gate-built", who, asked=asked)
    with transaction.atomic():
        return request_review(order, space, actor=actor)


def not_reviewed(verb: str, order: ReleaseOrder, space: Space) -> Refused:
    """For an act that nobody does unseen: who may have it reviewed, and which gates it has."""
    message = _("It is not reviewed yet: review it first.")
    return Refused(message, "not-reviewed", who_may("review", space=space), asked=gates.asked_about(verb, order, space))


def review_failed(verb: str, review: Review, order: ReleaseOrder, space: Space) -> Refused:
    """The same where the review found what stands in the way; who may mend the component's settings and templates."""
    message = _("The review found problems: %(message)s", message=review.message)
    who = who_may("edit_component", project_id=order.project_id)
    return Refused(message, "review-failed", who, asked=gates.asked_about(verb, order, space))


def take_over(*, actor: User, review: Review, reason: str) -> Review:
    """Take over the fields that this review found set or added by others, for the next deployment of the order there.

    Makes a new review, whose snapshot has the fields and the reason in its hash: approvals are asked for again.
    Raises Invalid without a reason, Refused where nothing is in conflict, Stale for a review that is not the latest.
    """
    order, space = review.order, review.space
    require(actor, "take_over", space=space)
    reason = reason.strip()[:500]
    if not reason:
        raise Invalid({"reason": [_("Say why: the approvers and the people who set the fields read this.")]})
    with transaction.atomic():
        lock_orders(order.pk)
        latest = selectors.latest_review(order, space)
        if latest is None or latest.pk != review.pk:
            raise Stale(_("A newer review has replaced what you saw: look at that one."))
        fields = open_fields(latest)
        if not fields:
            raise Refused(_("This review found no fields that somebody else set."), "no-conflict")
        taken = {"by": actor.username, "reason": reason, "fields": fields}
        made = request_review(order, space, actor=actor, taken=taken)
        record_act(
            order,
            "review.take_over",
            actor,
            subject=made,
            space=space,
            data={"reason": reason, "count": len(fields)},
            reason=reason,
            after={"fields": [f"{field['object']} {field['path']} ({field['manager']})" for field in fields]},
        )
    return made


def open_fields(review: Review) -> list[dict[str, Any]]:
    """What this review found that a person may take over: fields in conflict, and what others added; not both taken.

    Empty where nothing is left to take over, or where something else stands in the way.
    """
    conflicts, additions = (list(review.findings.get(name) or ()) for name in ("conflicts", "additions"))
    if review.state == RunState.FAILED and review.reason == Reason.CONFLICT:
        return conflicts + additions if conflicts else []
    taken: list[dict[str, Any]] = (review.snapshot.take_over if review.snapshot else {}).get("fields") or []
    names = {field_key(field) for field in taken}
    added = [field for field in additions if field_key(field) not in names]
    return taken + added if added and review.state == RunState.SUCCEEDED else []


def field_key(field: Mapping[str, Any]) -> tuple[str, str, str]:
    """What tells one field that others set or added from another."""
    return field["object"], field["path"], field["manager"]


def _still_to_be_used(order: ReleaseOrder, space: Space) -> dict[str, Any]:
    """The take over of the latest review: it lasts until a deployment of its snapshot was applied."""
    latest = selectors.latest_review(order, space)
    if latest is None or not latest.take_over:
        return {}
    used = Deployment.objects.filter(snapshot__take_over=latest.take_over, order=order, space=space)
    return {} if used.exclude(applied=[]).exists() else dict(latest.take_over)


def request_review(
    order: ReleaseOrder,
    space: Space,
    *,
    actor: User | None,
    of: Snapshot | None = None,
    taken: dict[str, Any] | None = None,
    is_removal: bool = False,
    why: str = "",
) -> Review:
    """A review of what deploying, or removing, would do; one under way is joined, not doubled. ``of``: a roll back.

    ``taken``: what it takes over; None: what the review before it took over and no deployment has used. ``why``: the
    reason of one that asks for an approval.
    """
    # Two who insert the same review wait for each other at its unique index: the order's lock must come before.
    lock_orders(order.pk)
    under_way = {"order": order, "space": space, "wanted_snapshot": of, "is_removal": is_removal}
    running = Review.objects.filter(**under_way, state__in=[RunState.QUEUED, RunState.RUNNING]).first()
    if running:
        return running
    try:
        with transaction.atomic():
            review = Review.objects.create(
                order=order,
                component_id=order.component_id,
                space=space,
                requested_by=actor,
                wanted_snapshot=of,
                take_over=_still_to_be_used(order, space) if taken is None else taken,
                is_removal=is_removal,
                asked_why=why,
                remote=space.cluster.remote_key,
                next_at=hinted_at(),
            )
    except IntegrityError:
        return Review.objects.get(**under_way, state__in=[RunState.QUEUED, RunState.RUNNING])
    record_act(order, "review.queued", actor, subject=review, space=space)
    launch_hint("review", review.pk)
    return review
