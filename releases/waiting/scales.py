"""Numbers of pods that somebody asked for, and that wait for an approval of it."""

from __future__ import annotations

from django.db.models import Prefetch

from environments.access import Rights, may_approve, visible_to
from foundation.messages import message as _
from releases.scale_gates import needed_for_scale
from releases.scale_requests import is_of, waiting_requests
from releases.waiting.decisions import decisions_of_scales, standing_approvals, with_own_builds
from releases.waiting.wait import Wait


def scales_to_approve(rights: Rights, *, at_all: bool = True) -> list[Wait]:
    """Of what stands there still, asked for by somebody else; the same few queries for any number of them.

    ``at_all``: whether there is any, for who has asked for many kinds at once.
    """
    if not at_all:
        return []
    user = rights.user
    rows = waiting_requests().filter(visible_to(user, rights=rights, field="order__project_id"))
    rows = with_own_builds(rows.exclude(order__author=user).exclude(asked_by=user), rights)
    rows = rows.prefetch_related(Prefetch("approvals", standing_approvals()))
    found = [row for row in rows if may_approve(rights, row.space) and is_of(row, row.placement.last_succeeded)]
    decisions = decisions_of_scales(found, rights)
    waits = []
    for row in found:
        if decisions[row.pk].lacks(rights, needed_for_scale(row.space)):
            why = _("to be scaled to %(count)s", count=row.replicas)
            waits.append(Wait(row.order, row.space, row.created_at, why, row.asked_by, 0, row.snapshot_id, scale=row))
    return waits
