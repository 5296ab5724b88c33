"""Numbers of pods that somebody asked for, and that wait for an approval of it."""

from __future__ import annotations

from environments.access import Rights, may_approve, visible_to
from foundation.clock import db_now
from foundation.messages import message as _
from releases.approval_gates import makers_of, people_who_agree
from releases.choices import ApprovalState
from releases.models import Approval, ScaleRequest
from releases.scale_gates import needed_for_scale
from releases.scale_requests import is_of, waiting_requests
from releases.waiting.decisions import makers_seen, with_own_builds
from releases.waiting.wait import Wait


def scales_to_approve(rights: Rights, *, at_all: bool = True) -> list[Wait]:
    """Of what stands there still, asked for by somebody else; five queries for each that waits.

    ``at_all``: whether there is any, for who has asked for many kinds at once.
    """
    if not at_all:
        return []
    user = rights.user
    rows = waiting_requests().filter(visible_to(user, rights=rights, field="order__project_id"))
    rows = with_own_builds(rows.exclude(order__author=user).exclude(asked_by=user), rights)
    found = [row for row in rows if may_approve(rights, row.space) and is_of(row, row.placement.last_succeeded)]
    waits = []
    for row in found:
        decided = row.approvals.filter(state__in=[ApprovalState.GIVEN, ApprovalState.REJECTED])
        words = list(decided.select_related("by"))
        is_over = any(one.state == ApprovalState.REJECTED or one.by_id == user.pk for one in words)
        if user.pk not in makers_seen(row, row.order, rights) and not is_over and _lacks(row, words, rights):
            why = _("to be scaled to %(count)s", count=row.replicas)
            waits.append(Wait(row.order, row.space, row.created_at, why, row.asked_by, 0, row.snapshot_id, scale=row))
    return waits


def _lacks(row: ScaleRequest, words: list[Approval], rights: Rights) -> bool:
    """Approvals are missing, and this person's yes would fill a place."""
    needed, now = needed_for_scale(row.space), db_now()
    given = [one for one in words if one.expires_at is None or one.expires_at > now]
    people = people_who_agree(row.space, given, makers_of(row.order) | {row.asked_by_id})
    return needed.is_helped_by(rights.groups if needed.per_group else (), people)
