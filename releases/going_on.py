"""Which orders wait to be promoted on: a mark on their rows, by which an inbox finds them without reading all.

A mark may stand where nothing waits, and is missing nowhere where something does; what waits is what the gates answer.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from environments.models import Space
from releases.choices import DeploymentKind, OrderState, PromotionState
from releases.models import Deployment, Placement, Promotion, ReleaseOrder

STANDING = (PromotionState.CURRENT, PromotionState.REPLACED)
"""Promotions that sent an order on; one that was withdrawn did not."""


def mark_built(order: ReleaseOrder) -> None:
    """It has an image; an earlier one of its author and component that went nowhere waits no more."""
    earlier = ReleaseOrder.objects.filter(
        project=order.project_id, component=order.component_id, author=order.author_id, to_test_since__isnull=False
    )
    mark_again(order.pk, *earlier.values_list("pk", flat=True))


def mark_again(*order_ids: int | None) -> None:
    """After something that may have sent these orders on or held them back, in its transaction."""
    ids = [pk for pk in order_ids if pk is not None]
    with transaction.atomic(savepoint=False):
        _lock(*ids)
        rows = ReleaseOrder.objects.filter(pk__in=ids)
        waits = rows.filter(Q(_serves_before_others()) | _is_new(), state=OrderState.BUILT)
        waiting = list(waits.values_list("pk", flat=True))
        rows.filter(pk__in=waiting, to_test_since=None).update(to_test_since=Now())
        rows.exclude(pk__in=waiting).filter(to_test_since__isnull=False).update(to_test_since=None)


def _is_new() -> Q:
    """Built and sent nowhere, and the last of its author and component that was built."""
    sent = Promotion.objects.filter(order=OuterRef("pk"), state__in=STANDING)
    later = ReleaseOrder.objects.filter(
        component=OuterRef("component"), author=OuterRef("author"), pk__gt=OuterRef("pk"), built_at__isnull=False
    )
    return ~Q(Exists(sent)) & ~Q(Exists(later))


def mark_all() -> None:
    """The flow has changed: what serves anywhere may go on to an environment that follows by now."""
    rows = ReleaseOrder.objects.filter(state=OrderState.BUILT, to_test_since=None)
    # Each save of an environment or a space comes here, most of them while a site is set up and nothing was built.
    if not rows.exists():
        return
    served = Placement.objects.filter(last_succeeded__isnull=False).values("last_succeeded__order")
    ids = list(rows.filter(_serves_before_others(), pk__in=served).values_list("pk", flat=True))
    with transaction.atomic():
        _lock(*ids)
        rows.filter(pk__in=ids).update(to_test_since=Now())


def _lock(*order_ids: int) -> None:
    """By ascending id: two ends of deployments may mark the same two orders, and neither has the other's lock."""
    rows = ReleaseOrder.objects.select_for_update(no_key=True).filter(pk__in=order_ids).order_by("pk")
    list(rows.values_list("pk", flat=True))


def _serves_before_others() -> Exists:
    """Of an order: it serves somewhere, and was not promoted to a space that comes after it there."""
    promoted = Promotion.objects.filter(
        order=OuterRef(OuterRef("last_succeeded__order")), space=OuterRef("pk"), state__in=STANDING
    )
    after = Q(environment__follows=OuterRef("space__environment")) | Q(environment__twin=OuterRef("space__environment"))
    spaces = Space.objects.filter(after, ~Exists(promoted), project=OuterRef("space__project"), is_archived=False)
    return Exists(Placement.objects.filter(Exists(spaces), last_succeeded__order=OuterRef("pk")))


def note_deployed(deployment: Deployment) -> None:
    """The promotion that it stands on waits for nobody to deploy it any more."""
    if deployment.kind == DeploymentKind.DEPLOY:
        _promotion_of(deployment).filter(deployed_at=None).update(deployed_at=Now())


def note_cancelled(deployment: Deployment) -> None:
    """It waits again."""
    if deployment.kind == DeploymentKind.DEPLOY:
        _promotion_of(deployment).update(deployed_at=None)


def _promotion_of(deployment: Deployment) -> Any:
    rows = Promotion.objects.filter(order=deployment.order_id, space=deployment.space_id)
    return rows.filter(state=PromotionState.CURRENT)
