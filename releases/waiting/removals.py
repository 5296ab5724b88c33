"""Components that are to go from a space, and wait for an approval of it."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, QuerySet

from environments.access import Rights, may_approve
from environments.models import Space
from environments.needed import needed_in
from foundation.clock import now_minus
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.models import Placement, Review
from releases.waiting.decisions import decisions_of, makers_seen, with_own_builds
from releases.waiting.wait import MOST, Wait

REMOVAL_DAYS = 14
"""After so long a removal that nobody approved and nobody did is asked for no more."""


def removals_to_approve(rights: Rights, *, at_all: bool = True) -> list[Wait]:
    """The newest review of each, while what it looked at stands there; the longest wait first.

    ``at_all``: whether there is any, for who has asked for many kinds at once.
    """
    spaces = {space.pk: space for space in rights.spaces if space.approvals and may_approve(rights, space)}
    rows = _reviews(spaces, rights) if spaces and at_all else []
    if not rows:
        return []
    makers = {row.snapshot_id or 0: makers_seen(row, row.order, rights) for row in rows}
    decisions = decisions_of(makers, {row.snapshot_id or 0: spaces[row.space_id] for row in rows})
    found = []
    for row in rows:
        space = spaces[row.space_id]
        if not decisions[row.snapshot_id or 0].lacks(rights, needed_in(space)):
            continue
        by = row.requested_by or row.order.author
        found.append(
            Wait(
                row.order, space, row.created_at, _("to be removed"), by, row.pk, row.snapshot_id or 0, is_removal=True
            )
        )
    return found


def reviews_of_removals(space_ids: Iterable[int]) -> QuerySet[Review]:
    """Those that may wait, by their index."""
    return Review.objects.filter(
        is_removal=True, space__in=list(space_ids), state=RunState.SUCCEEDED, snapshot__isnull=False,
        created_at__gt=now_minus(REMOVAL_DAYS * 86_400),
    )  # fmt: skip


def _reviews(spaces: dict[int, Space], rights: Rights) -> list[Review]:
    rows = with_own_builds(reviews_of_removals(spaces), rights)
    later = Review.objects.filter(
        order=OuterRef("order"), space=OuterRef("space"), is_removal=True, pk__gt=OuterRef("pk")
    )
    standing = Placement.objects.filter(component=OuterRef("component"), space=OuterRef("space"), in_progress=None)
    standing = standing.filter(last_applied__order=OuterRef("order"), last_applied__applied_at__lt=OuterRef("seen_at"))
    rows = rows.filter(Exists(standing), ~Exists(later))
    related = ("order__component", "order__project", "order__author", "requested_by")
    return list(rows.select_related(*related).order_by("created_at", "pk")[: MOST + 1])
