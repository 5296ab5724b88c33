"""What waits for this person's yes or no, and how much of a risk each is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import User
from components.naming import short_code
from environments.access import Rights, know_groups, may_approve, read_rights, visible_to
from environments.models import Space
from foundation.clock import now_minus
from foundation.runs.choices import RunState
from releases.choices import ApprovalState, OrderState, PromotionState
from releases.gates import counts_today, first_closed
from releases.models import Approval, Build, Placement, Promotion, ReleaseOrder, Review, ScaleRequest
from releases.scale_gates import request_gates
from releases.scale_requests import is_of, waiting_requests

REMOVAL_DAYS = 14
"""After so long a removal that nobody approved and nobody did is asked for no more."""
DIFF_HEAD = 2
"""The first two lines of a unified diff only name its sides."""


@dataclass(frozen=True)
class Waiting:
    """One decision: an order for a space, reviewed as ``snapshot_id`` by ``review_id``; waits ``since``."""

    order: ReleaseOrder
    space: Space
    since: datetime
    requested_by: User
    review_id: int
    snapshot_id: int
    is_removal: bool = False
    """That the component goes from the space; ``order`` is the one that stands there."""
    scale: ScaleRequest | None = None
    """That what stands there gets another number of pods."""

    @property
    def key(self) -> str:
        """What an address says of it: ``K8S…@prd``."""
        return f"{self.order.number}@{self.space.environment.slug}{self._kind}"

    @property
    def _kind(self) -> str:
        return ":remove" if self.is_removal else ":scale" if self.scale else ""

    @property
    def url(self) -> str:
        """The page where it is decided."""
        if self.scale:
            return reverse("releases:scale-request", args=[self.scale.pk])
        slug = self.space.environment.slug
        if self.is_removal:
            return reverse("releases:remove", args=[self.order.project.slug, self.order.component.slug, slug])
        return reverse("releases:review", args=[self.order.number, slug])

    @property
    def code(self) -> str:
        """The component as people call it."""
        return short_code(self.order.component.name, self.order.project.slug)


@dataclass(frozen=True)
class Risk:
    """How much changes there: lines of the manifest diff, objects touched, and whether it was ever there before."""

    added: int
    removed: int
    objects: int
    is_first: bool
    serves: str
    """Short name of the order that serves there now; empty for none."""


@dataclass(frozen=True)
class _Reviewed:
    review_id: int
    snapshot_id: int


@dataclass
class _Given:
    """Who approved a snapshot, and how many of them count by the policy and the roles of today."""

    by: set[int] = field(default_factory=set)
    counted: int = 0


Key = tuple[int, int]


def to_approve(user: User, rights: Rights) -> list[Waiting]:
    """What lacks approvals and is fair for this person to decide, oldest first: ten queries at most, and
    five for each scale that waits."""
    found = [*_promotions(user, rights), *_removals(user, rights), *_scales(user, rights)]
    return sorted(found, key=lambda one: one.since)


def _removals(user: User, rights: Rights) -> list[Waiting]:
    """Components that are to go from a space: the newest review of it, while what it looked at stands there."""
    rows = Review.objects.filter(
        visible_to(user, rights=rights, field="space__project_id"),
        is_removal=True, state=RunState.SUCCEEDED, snapshot__isnull=False, space__approvals__gt=0,
        created_at__gt=now_minus(REMOVAL_DAYS * 86_400),
    )  # fmt: skip
    later = Review.objects.filter(
        order=OuterRef("order"), space=OuterRef("space"), is_removal=True, pk__gt=OuterRef("pk")
    )
    standing = Placement.objects.filter(component=OuterRef("component"), space=OuterRef("space"), in_progress=None)
    standing = standing.filter(last_applied__order=OuterRef("order"), last_applied__applied_at__lt=OuterRef("seen_at"))
    rows = rows.filter(Exists(standing), ~Exists(later)).exclude(order__author=user).select_related(
        "order__component", "order__project", "order__author", "space__environment", "requested_by"
    )  # fmt: skip
    found = [row for row in rows if may_approve(rights, row.space)]
    if not found:
        return []
    given, rejected = _decisions(row.snapshot_id for row in found if row.snapshot_id)
    built = _built_by(user, (row.order_id for row in found))
    return [
        Waiting(
            row.order,
            row.space,
            row.created_at,
            row.requested_by or row.order.author,
            row.pk,
            row.snapshot_id or 0,
            True,
        )
        for row in found
        if row.order_id not in built
        and row.snapshot_id not in rejected
        and _lacks(user, row.space, given.get(row.snapshot_id or 0))
    ]


def _scales(user: User, rights: Rights) -> list[Waiting]:
    """Numbers of pods that somebody else asked for, of what stands there still."""
    rows = waiting_requests().filter(visible_to(user, rights=rights, field="order__project_id"))
    rows = rows.exclude(order__author=user).exclude(asked_by=user)
    found = [row for row in rows if may_approve(rights, row.space) and is_of(row, row.placement.last_succeeded)]
    if not found:
        return []
    built = _built_by(user, (row.order_id for row in found))
    waiting = []
    for row in found:
        words = [word for word in row.approvals.all() if word.state in (ApprovalState.GIVEN, ApprovalState.REJECTED)]
        is_rejected = any(word.state == ApprovalState.REJECTED for word in words)
        has_said = any(word.by_id == user.pk for word in words)
        is_agreed = first_closed(request_gates(row, None)) is None
        if row.order_id not in built and not (is_rejected or has_said or is_agreed):
            waiting.append(Waiting(row.order, row.space, row.created_at, row.asked_by, 0, row.snapshot_id, scale=row))
    return waiting


def _built_by(user: User, orders: Iterable[int]) -> set[int]:
    rows = Build.objects.filter(order__in=list(orders), started_by=user)
    return set(rows.values_list("order_id", flat=True))


def _lacks(user: User, space: Space, given: _Given | None) -> bool:
    return given is None or (user.pk not in given.by and given.counted < space.approvals)


def _promotions(user: User, rights: Rights) -> list[Waiting]:
    """Orders that are promoted and reviewed."""
    rows = Promotion.objects.filter(
        visible_to(user, rights=rights, field="space__project_id"),
        state=PromotionState.CURRENT,
        space__approvals__gt=0,
    )
    rows = rows.exclude(order__state=OrderState.CLOSED).exclude(order__author=user).select_related(
        "order__component", "order__project", "order__author", "space__environment", "promoted_by"
    )  # fmt: skip
    found = [row for row in rows.order_by("created_at", "pk") if may_approve(rights, row.space)]
    if not found:
        return []
    reviews = _reviews(row.order_id for row in found)
    given, rejected = _decisions(review.snapshot_id for review in reviews.values())
    built = _built_by(user, {order for order, _space in reviews})
    there = _serving(found)
    waiting = []
    for row in found:
        key = (row.order_id, row.space_id)
        review = reviews.get(key)
        if review is None or key in there or row.order_id in built or review.snapshot_id in rejected:
            continue
        if _lacks(user, row.space, given.get(review.snapshot_id)):
            waiting.append(
                Waiting(row.order, row.space, row.created_at, row.promoted_by, review.review_id, review.snapshot_id)
            )
    return waiting


def next_to_approve(user: User, rights: Rights, *, after: str = "") -> Waiting | None:
    """The decision that follows ``after`` (``K8S…@prd``, see ``Waiting.key``); from the oldest again at the end."""
    found = to_approve(user, rights)
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


def risks(waiting: Sequence[Waiting]) -> dict[str, Risk]:
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


def _serving(promotions: Sequence[Promotion]) -> set[Key]:
    """(order, space) of those that serve there already: nothing is left to approve."""
    rows = Placement.objects.filter(
        last_succeeded__order__in={row.order_id for row in promotions}, space__in={row.space_id for row in promotions}
    )
    return {
        (order, space) for order, space in rows.values_list("last_succeeded__order_id", "space_id") if order is not None
    }


def _reviews(order_ids: Iterable[int]) -> dict[Key, _Reviewed]:
    """The newest review by (order, space), where it succeeded."""
    reviews = Review.objects.filter(order__in=list(order_ids), wanted_snapshot=None, is_removal=False)
    newest = reviews.order_by().values("order_id", "space_id").annotate(top=Max("pk")).values("top")
    rows = Review.objects.filter(pk__in=newest, state=RunState.SUCCEEDED, snapshot__isnull=False)
    return {
        (order, space): _Reviewed(pk, snapshot)
        for pk, order, space, snapshot in rows.values_list("pk", "order_id", "space_id", "snapshot_id")
        if snapshot is not None
    }


def _decisions(snapshot_ids: Iterable[int]) -> tuple[dict[int, _Given], set[int]]:
    """What was approved, by snapshot; and the snapshots that somebody rejected."""
    in_force = Q(expires_at=None) | Q(expires_at__gt=Now())
    rows = Approval.objects.filter(in_force, snapshot__in=list(snapshot_ids), scale_request=None)
    rows = rows.filter(state__in=[ApprovalState.GIVEN, ApprovalState.REJECTED])
    found = list(rows.select_related("by", "space"))
    people = {row.by_id: row.by for row in found}
    rights = {one.user.pk: one for one, _ends in read_rights(people.values())} if people else {}
    if any(row.space.approver_groups for row in found):
        know_groups(rights.values())
    given: dict[int, _Given] = {}
    rejected = set()
    for row in found:
        if row.state == ApprovalState.REJECTED:
            rejected.add(row.snapshot_id)
            continue
        one = given.setdefault(row.snapshot_id, _Given())
        one.by.add(row.by_id)
        one.counted += counts_today(row, row.space, rights[row.by_id])
    return given, rejected
