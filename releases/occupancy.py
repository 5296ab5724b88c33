"""What keeps a space from going into the archive: something runs, is under way or is promoted there."""

from __future__ import annotations

from django.db.models import Q

from environments.models import Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import ACTIVE
from releases.choices import PromotionState
from releases.models import Placement, Promotion, Review


def deployment_under_way(space: Space) -> MessageLike:
    """Empty when nothing is being deployed there. Takes the locks of the placements, as :func:`what_holds` does."""
    pks = _lock_placements(space)
    place = Placement.objects.filter(pk__in=pks, in_progress__isnull=False).select_related("component").first()
    return _held(place) if place else ""


def _lock_placements(space: Space) -> list[int]:
    return [row.pk for row in Placement.objects.select_for_update(of=("self",)).filter(space=space).order_by("pk")]


def what_holds(space: Space) -> MessageLike:
    """Empty when nothing does. Takes the locks of the space's placements: nobody starts a deployment meanwhile."""
    pks = _lock_placements(space)
    busy = Q(in_progress__isnull=False) | Q(unknown_since__isnull=False) | Q(wanted__gt=0) | Q(ready__gt=0)
    place = Placement.objects.filter(busy, pk__in=pks).select_related("component").first()
    if place is not None:
        return _held(place)
    promotion = Promotion.objects.filter(space=space, state=PromotionState.CURRENT).select_related("order").first()
    if promotion is not None:
        return _("Order %(number)s is promoted there: withdraw its promotion first.", number=promotion.order.number)
    review = Review.objects.filter(space=space, state__in=sorted(ACTIVE)).select_related("order").first()
    if review is not None:
        return _("Order %(number)s is being reviewed there: wait for the end.", number=review.order.number)
    return ""


def _held(place: Placement) -> MessageLike:
    name = place.component.name
    if place.in_progress_id is not None:
        return _("%(component)s is being deployed there: wait for the verdict or cancel it first.", component=name)
    if place.unknown_since is not None:
        return _("What runs of %(component)s there is not known: wait until the cluster was read.", component=name)
    return _("%(component)s runs there: scale it to 0 first.", component=name)
