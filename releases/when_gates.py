"""May something be deployed there at this time? The gates of freezes and release windows, and what they would stop."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.utils.functional import lazy

from environments import freezes
from environments.freezes import Freezes
from environments.models import Freeze, Space
from foundation.messages import MessageLike, localized_time
from foundation.messages import message as _
from releases.gate import Gate
from releases.models import Promotion, ReleaseOrder

MOST_STOPPED = 50


def keep_ahead(orders: Iterable[ReleaseOrder], found: Freezes) -> None:
    """For a page: these very objects of orders answer from it. Never on an object that rules act on."""
    for order in orders:
        order.__dict__["_freezes"] = found


def time_gates(order: ReleaseOrder, space: Space) -> list[Gate]:
    """Closed while a freeze is in force, and outside of the release windows; break-glass opens both."""
    ahead: Freezes | None = order.__dict__.get("_freezes")
    found = ahead if ahead is not None else freezes.read()
    return gates_of(found, space)


def gates_of(found: Freezes, space: Space) -> list[Gate]:
    """The same two at the moment of ``found``."""
    return [_freeze_gate(found, space), _window_gate(found, space)]


def _window_gate(all_freezes: Freezes, space: Space) -> Gate:
    outside = all_freezes.outside(space)
    if outside is None:
        return Gate("window", True, _("No release window is shut."))
    values = {"name": outside.window.name, "at": localized_time(outside.opens_at)}
    message = (
        _("Outside of the release window “%(name)s”: the next one opens %(at)s.", **values)
        if outside.opens_at
        else _("Outside of the release window “%(name)s”, which opens no more.", **values)
    )
    return Gate("window", False, message, _enders_when_read(outside.window), is_flow=True)


def _freeze_gate(all_freezes: Freezes, space: Space) -> Gate:
    found = all_freezes.over(space)
    if not found:
        return Gate("freeze", True, _("No freeze is in force."))
    last = found[0]
    who = _enders_when_read(last.freeze)
    return Gate("freeze", False, frozen_until(last.freeze, last.span.ends_at), who, last.span.begins_at, is_flow=True)


def frozen_until(row: Freeze, until: datetime) -> MessageLike:
    """Which freeze until when, and why."""
    values = {"name": row.name, "until": localized_time(until), "why": row.reason}
    return _("Frozen by “%(name)s” until %(until)s: %(why)s", **values)


_enders_when_read = lazy(freezes.who_ends, str)


def waiting_under(row: Freeze) -> list[Promotion]:
    """Promoted orders that wait where the freeze is of, at any time, the longest wait first."""
    found = Promotion.objects.filter(ended_at=None, deployed_at=None, space__is_archived=False)
    project = row.whose
    if row.space_id is not None:
        found = found.filter(space=row.space_id)
    elif project is not None:
        found = found.filter(space__project=project)
    if row.only_production and row.space_id is None:
        found = found.filter(space__environment__is_production=True)
    rows = found.select_related("order__component", "order__author", "space__environment", "space__project")
    return list(rows.order_by("created_at", "pk")[: MOST_STOPPED + 1])
