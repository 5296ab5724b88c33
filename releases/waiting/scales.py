"""Numbers of pods that somebody asked for, and that wait for an approval of it."""

from __future__ import annotations

from environments.access import Rights, may_approve, visible_to
from foundation.messages import message as _
from releases.choices import ApprovalState
from releases.gates import first_closed
from releases.scale_gates import request_gates
from releases.scale_requests import is_of, waiting_requests
from releases.waiting.decisions import builders_of_many
from releases.waiting.wait import Wait


def scales_to_approve(rights: Rights) -> list[Wait]:
    """Of what stands there still, asked for by somebody else; five queries for each that waits."""
    user = rights.user
    rows = waiting_requests().filter(visible_to(user, rights=rights, field="order__project_id"))
    rows = rows.exclude(order__author=user).exclude(asked_by=user)
    found = [row for row in rows if may_approve(rights, row.space) and is_of(row, row.placement.last_succeeded)]
    built = builders_of_many(row.order_id for row in found) if found else {}
    waits = []
    for row in found:
        words = [one for one in row.approvals.all() if one.state in (ApprovalState.GIVEN, ApprovalState.REJECTED)]
        is_over = any(one.state == ApprovalState.REJECTED or one.by_id == user.pk for one in words)
        is_agreed = first_closed(request_gates(row, None)) is None
        if user.pk not in built.get(row.order_id, ()) and not (is_over or is_agreed):
            why = _("to be scaled to %(count)s", count=row.replicas)
            waits.append(Wait(row.order, row.space, row.created_at, why, row.asked_by, 0, row.snapshot_id, scale=row))
    return waits
