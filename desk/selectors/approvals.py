"""What waits for this person's yes or no, and how much of a risk each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from environments.access import Rights
from releases.choices import PromotionState
from releases.models import Placement, Promotion, Review
from releases.waiting import (
    MOST,
    AtAll,
    RollBacks,
    Wait,
    promoted_orders,
    removals_to_approve,
    roll_backs,
    scales_to_approve,
)

DIFF_HEAD = 2
"""The first two lines of a unified diff only name its sides."""


@dataclass(frozen=True)
class Risk:
    """How much changes there: lines of the manifest diff, objects touched, and whether it was ever there before."""

    added: int
    removed: int
    objects: int
    is_first: bool
    serves: str
    """Short name of the order that serves there now; empty for none."""


def to_approve(rights: Rights, project: str = "") -> list[Wait]:
    """What lacks approvals and is fair for this person to decide, oldest first; one more than ``MOST`` if there are."""
    spaces = [space.pk for space in rights.spaces if project in ("", space.project.slug)]
    promoted = promoted_orders(rights, only_spaces=spaces).to_approve
    return with_others(promoted, roll_backs(rights), rights, project)


def with_others(
    promoted: list[Wait], back: RollBacks, rights: Rights, project: str, at_all: AtAll | None = None
) -> list[Wait]:
    """Promoted orders that lack approvals, and roll backs, removals and scales that do."""
    at_all = at_all or AtAll()
    others = [
        *removals_to_approve(rights, at_all=at_all.has("removal")),
        *scales_to_approve(rights, at_all=at_all.has("scale")),
        *back.to_approve,
    ]
    return merged(promoted, others, project)


def merged(promoted: list[Wait], others: list[Wait], project: str) -> list[Wait]:
    """Both, the longest wait first; one whose very snapshot somebody asked to roll back to is named as that."""
    here = [one for one in others if project in ("", one.order.project.slug)]
    asked = {one.snapshot_id for one in here if one.roll_back_to}
    kept = [one for one in promoted if one.snapshot_id not in asked]
    return sorted([*kept, *here], key=lambda one: one.since)[: MOST + 1]


def next_to_approve(rights: Rights, *, after: str = "") -> Wait | None:
    """The decision that follows ``after`` (``K8S…@prd``, see ``Wait.key``); from the oldest again at the end."""
    found = to_approve(rights)
    keys = [one.key for one in found]
    if after in keys:
        place = keys.index(after)
        return found[(place + 1) % len(found)] if len(found) > 1 else None
    # It is decided: what was promoted after it comes first.
    number, _at, environment = after.partition("@")
    then = Promotion.objects.filter(
        order__number=number, space__environment__slug=environment, state=PromotionState.CURRENT
    )
    since = then.values_list("created_at", flat=True).first()
    later = [one for one in found if since is not None and one.since >= since]
    return next(iter(later or found), None)


def risks(waiting: Sequence[Wait]) -> dict[str, Risk]:
    """The risk of each by its key: two queries."""
    reviews = Review.objects.filter(pk__in=[one.review_id for one in waiting])
    diffs = dict(reviews.values_list("pk", "findings__diff"))
    places = Placement.objects.filter(
        component__in={one.order.component_id for one in waiting}, space__in={one.space.pk for one in waiting}
    )
    serving = {
        (place.component_id, place.space_id): place.last_succeeded.order.short_name
        for place in places.filter(last_succeeded__isnull=False)
        .select_related("last_succeeded__order")
        .defer("pods", "drift")
        if place.last_succeeded
    }
    found = {}
    for one in waiting:
        serves = serving.get((one.order.component_id, one.space.pk), "")
        found[one.key] = _risk(diffs.get(one.review_id) or [], serves)
    return found


def _risk(diff: Sequence[Mapping[str, Any]], serves: str) -> Risk:
    changed = [row for row in diff if row.get("action") != "same"]
    lines = [str(line)[:1] for row in changed for line in row.get("lines", [])[DIFF_HEAD:]]
    return Risk(lines.count("+"), lines.count("-"), len(changed), not serves, serves)
