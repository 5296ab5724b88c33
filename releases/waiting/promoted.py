"""Orders that were promoted and wait for approvals, or for somebody who deploys them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery

from environments import freezes
from environments.access import Rights, may_approve
from environments.models import Space
from environments.needed import needed_in
from foundation.messages import MessageLike, localized_list
from foundation.messages import message as _
from foundation.runs.choices import TERMINAL, RunState
from releases import break_glass, gates, holds, selectors
from releases.approval_gates import Consent
from releases.models import BreakGlass, Deployment, Placement, Promotion, ReleaseOrder, Review
from releases.schedules import waiting_schedules
from releases.turns import waiting_turns
from releases.waiting.decisions import Decision, decisions_of, makers_seen, with_own_builds
from releases.waiting.wait import MOST, Wait, in_batches


@dataclass
class Promoted:
    """Both kinds, the longest wait first; one more than :data:`MOST` where there are more."""

    to_deploy: list[Wait] = field(default_factory=list)
    to_approve: list[Wait] = field(default_factory=list)


@dataclass(frozen=True)
class _Row:
    """A promotion with what the gates ask of its review, its place and the people around it."""

    promotion: Promotion
    space: Space
    review_id: int
    snapshot_id: int
    review_failed: bool
    is_blocked: bool
    decision: Decision

    @property
    def consent(self) -> Consent:
        """What counts today."""
        return self.decision.consent

    @property
    def since_agreed(self) -> datetime:
        """When the last approval came that counts, or else the promotion."""
        return max([self.promotion.created_at, *(one.created_at for one in self.consent.given)])


def promoted_orders(
    rights: Rights,
    *,
    only_spaces: Iterable[int] | None = None,
    with_break_glass: bool = True,
    with_freezes: bool = True,
) -> Promoted:
    """What waits for this person to deploy or to approve; ``only_spaces`` narrows it.

    ``with_break_glass`` is False where somebody knows that none is open, ``with_freezes`` where there is none.
    """
    wanted = None if only_spaces is None else set(only_spaces)
    spaces = {space.pk: space for space in rights.spaces if wanted is None or space.pk in wanted}
    deploys = {pk for pk, space in spaces.items() if rights.can("deploy", space=space)}
    approves = {pk for pk, space in spaces.items() if space.approvals and may_approve(rights, space)}
    found = Promoted()
    if not deploys | approves:
        return found
    all_freezes = freezes.read() if with_freezes else freezes.Freezes()
    frozen = all_freezes.shut(spaces[pk] for pk in deploys)
    for row in _rows({pk: spaces[pk] for pk in deploys | approves}, rights):
        if row.space.pk in deploys - frozen and (wait := _to_deploy(row, rights)):
            found.to_deploy.append(wait)
        if row.space.pk in approves and _may_decide(row, rights):
            found.to_approve.append(_wait(row, row.promotion.created_at, _("waits for approval")))
        if min(len(found.to_deploy), len(found.to_approve)) > MOST:
            break
    if with_break_glass:
        found.to_deploy += _by_break_glass({pk: spaces[pk] for pk in deploys}, rights, frozen)
    return Promoted(_first(found.to_deploy), _first(found.to_approve))


def _first(waits: list[Wait]) -> list[Wait]:
    return sorted(waits, key=lambda wait: wait.since)[: MOST + 1]


def _wait(row: _Row, since: datetime, why: MessageLike) -> Wait:
    promotion = row.promotion
    return Wait(
        promotion.order, row.space, since, why, promotion.promoted_by, review_id=row.review_id,
        snapshot_id=row.snapshot_id, has_problems=row.review_failed, name_zh=getattr(promotion, "name_zh", None) or "",
    )  # fmt: skip


def _to_deploy(row: _Row, rights: Rights) -> Wait | None:
    """The gates of deploying, or a review that found problems: nobody but who deploys there sees those."""
    order, space = row.promotion.order, row.space
    if row.is_blocked or gates.first_closed(gates.order_gates(order, space)):
        return None
    if row.consent.is_enough(space, rights.user):
        return _wait(row, row.since_agreed, _why_to_deploy(row))
    if row.review_failed and not (space.four_eyes and rights.user.pk in row.consent.makers):
        return _wait(row, row.promotion.created_at, _("the review found problems"))
    return None


def _why_to_deploy(row: _Row) -> MessageLike:
    if row.review_failed:
        return _("the review found problems")
    if row.consent.given and row.space.approvals:
        names = localized_list([one.by.shown_name for one in row.consent.given])
        return _("approved by %(names)s", names=names)
    return _("promoted by %(who)s", who=row.promotion.promoted_by.localized_name)


def _may_decide(row: _Row, rights: Rights) -> bool:
    """Its approval gate is closed, and this person's yes would count and was not said yet."""
    if not row.snapshot_id or not row.decision.lacks(rights, needed_in(row.space)):
        return False
    return gates.first_closed(gates.order_gates(row.promotion.order, row.space)) is None


# ---------------------------------------------------------------- rows
def _rows(spaces: dict[int, Space], rights: Rights) -> Iterator[_Row]:
    """The longest wait first."""
    for batch in in_batches(with_own_builds(_open_promotions(spaces), rights)):
        yield from _completed(batch, spaces, rights)


def _open_promotions(spaces: Iterable[int]) -> QuerySet[Promotion]:
    """Promoted and not deployed since: the index of promotions that wait answers, not those that were deployed."""
    here = Placement.objects.filter(component=OuterRef("component"), space=OuterRef("space"))
    waits = waiting_turns().filter(order=OuterRef("order"), placement__space=OuterRef("space"))
    ended = Review.objects.filter(
        order=OuterRef("order"), space=OuterRef("space"), wanted_snapshot=None, is_removal=False,
        state__in=sorted(TERMINAL),
    ).order_by("-pk")  # fmt: skip
    rows = Promotion.objects.filter(ended_at=None, deployed_at=None, space__in=list(spaces)).annotate(
        ended_review=Subquery(ended.values("pk")[:1]),
        ended_state=Subquery(ended.values("state")[:1]),
        ended_snapshot=Subquery(ended.values("snapshot_id")[:1]),
        is_blocked=Exists(here.filter(Q(unknown_since__isnull=False) | Q(in_progress__order=OuterRef("order")))),
        is_in_line=Exists(waits),
        is_scheduled=Exists(waiting_schedules().filter(order=OuterRef("order"), space=OuterRef("space"))),
        is_held=holds.stands_over(component="component", space="space"),
        name_zh=F("order__component_settings__name_zh"),
    )
    return rows.select_related("order__component", "order__author", "promoted_by").order_by("created_at", "pk")


def _completed(batch: list[Any], spaces: dict[int, Space], rights: Rights) -> Iterator[_Row]:
    makers = {row.pk: makers_seen(row, row.order, rights) for row in batch}
    reviewed = {
        row.pk: row.ended_snapshot for row in batch if row.ended_state == RunState.SUCCEEDED and row.ended_snapshot
    }
    asked = {row.pk: spaces[row.space_id] for row in batch if row.pk in reviewed and spaces[row.space_id].approvals}
    decisions = decisions_of({reviewed[pk]: makers[pk] for pk in asked}, {reviewed[pk]: asked[pk] for pk in asked})
    for row in batch:
        space = spaces[row.space_id]
        row.order.project = space.project
        snapshot = reviewed.get(row.pk, 0)
        decision = decisions.get(snapshot, Decision(Consent(makers[row.pk], [], None)))
        failed = row.ended_state is not None and not snapshot
        is_blocked = row.is_blocked or row.is_in_line or row.is_held or row.is_scheduled
        yield _Row(row, space, row.ended_review or 0, snapshot, failed, is_blocked, decision)


# ---------------------------------------------------------------- break-glass
def _by_break_glass(spaces: dict[int, Space], rights: Rights, frozen: set[int]) -> list[Wait]:
    """Orders that only a break-glass in force lets through: a handful at most, each asked at the gates themselves."""
    rows = BreakGlass.objects.filter(reviewed_at=None, ended_at=None, space__in=list(spaces))
    found = []
    for row in rows.select_related("order__component", "order__author", "order__project", "opened_by"):
        order, space = row.order, spaces[row.space_id]
        row.space = space
        if not break_glass.is_in_force(row) or not (space.pk in frozen or _needs_it(order, space)):
            continue
        if Deployment.objects.filter(order=order, space=space, created_at__gte=row.opened_at).exists():
            continue
        review = selectors.newest_ended(order, space)
        snapshot = review.snapshot if review else None
        closed = gates.first_closed(gates.deployment_gates(order, space, snapshot=snapshot, deployer=rights.user))
        if closed is None:
            found.append(Wait(order, space, row.opened_at, _("break-glass is in force"), row.opened_by))
    return found


def _needs_it(order: ReleaseOrder, space: Space) -> bool:
    """Without break-glass it would not be among those to deploy: it is not promoted there, or the place is held."""
    return selectors.current_promotion(order, space) is None or bool(holds.over(order, space))
