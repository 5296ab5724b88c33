"""What waits for this person's yes or no, and how much of a risk each is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Q
from django.utils import timezone

from accounts.models import User
from components.naming import short_code
from environments.access import Rights, visible_to
from environments.models import Space
from foundation.runs.choices import RunState
from releases.choices import ApprovalState, OrderState, PromotionState
from releases.models import Approval, Build, Placement, Promotion, ReleaseOrder, Review

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

    @property
    def key(self) -> str:
        """What an address says of it: ``K8S…@prd``."""
        return f"{self.order.number}@{self.space.environment.slug}"

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
class _Look:
    review_id: int
    snapshot_id: int


Key = tuple[int, int]


def to_approve(user: User, rights: Rights) -> list[Waiting]:
    """Promoted, reviewed, lacking approvals, and fair for this person to decide; oldest first. Six queries at most."""
    rows = Promotion.objects.filter(
        visible_to(user, rights=rights, field="space__project_id"),
        state=PromotionState.CURRENT,
        space__approvals__gt=0,
    )
    rows = rows.exclude(order__state=OrderState.CLOSED).exclude(order__author=user).select_related(
        "order__component", "order__project", "order__author", "space__environment", "promoted_by"
    )  # fmt: skip
    found = [row for row in rows.order_by("created_at", "pk") if _may(rights, row.space)]
    if not found:
        return []
    looks = _looks(row.order_id for row in found)
    given, rejected = _decisions(look.snapshot_id for look in looks.values())
    built = set(
        Build.objects.filter(order__in={order for order, _space in looks}, started_by=user).values_list(
            "order_id", flat=True
        )
    )
    there = _serving(found)
    waiting = []
    for row in found:
        key = (row.order_id, row.space_id)
        look = looks.get(key)
        if look is None or key in there or row.order_id in built or look.snapshot_id in rejected:
            continue
        decided = given.get(look.snapshot_id, set())
        if user.pk not in decided and len(decided) < row.space.approvals:
            waiting.append(
                Waiting(row.order, row.space, row.created_at, row.promoted_by, look.review_id, look.snapshot_id)
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
        (place.component_id, place.space_id): place.good.order.short_name
        for place in places.filter(good__isnull=False).select_related("good__order").defer("pods", "drift")
        if place.good
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


def _may(rights: Rights, space: Space) -> bool:
    """By the table, and by the space's policy, which may narrow it to some roles."""
    if not rights.can("approve", space=space):
        return False
    roles = rights.roles_in(space.project_id, space.environment_id)
    return not space.approver_roles or bool(roles & set(space.approver_roles))


def _serving(promotions: Sequence[Promotion]) -> set[Key]:
    """(order, space) of those that serve there already: nothing is left to approve."""
    rows = Placement.objects.filter(
        good__order__in={row.order_id for row in promotions}, space__in={row.space_id for row in promotions}
    )
    return {(order, space) for order, space in rows.values_list("good__order_id", "space_id") if order is not None}


def _looks(order_ids: Iterable[int]) -> dict[Key, _Look]:
    """The newest review by (order, space), where it succeeded."""
    reviews = Review.objects.filter(order__in=list(order_ids), wanted_snapshot=None)
    newest = reviews.order_by().values("order_id", "space_id").annotate(top=Max("pk")).values("top")
    rows = Review.objects.filter(pk__in=newest, state=RunState.SUCCEEDED, snapshot__isnull=False)
    return {
        (order, space): _Look(pk, snapshot)
        for pk, order, space, snapshot in rows.values_list("pk", "order_id", "space_id", "snapshot_id")
        if snapshot is not None
    }


def _decisions(snapshot_ids: Iterable[int]) -> tuple[dict[int, set[int]], set[int]]:
    """Who approved, by snapshot, as far as it still counts; and the snapshots that somebody rejected."""
    in_force = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    rows = Approval.objects.filter(in_force, snapshot__in=list(snapshot_ids))
    rows = rows.filter(state__in=[ApprovalState.GIVEN, ApprovalState.REJECTED])
    given: dict[int, set[int]] = {}
    rejected = set()
    for snapshot, by, state in rows.values_list("snapshot_id", "by_id", "state"):
        if state == ApprovalState.REJECTED:
            rejected.add(snapshot)
        else:
            given.setdefault(snapshot, set()).add(by)
    return given, rejected
