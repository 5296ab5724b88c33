"""Ending a run, and freeing the runs of a process that died."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Coalesce, Now

from foundation.clock import EPOCH, PARKED, now_plus
from foundation.runs.choices import ACTIVE, TERMINAL, RunState
from foundation.runs.claim import hint_seconds
from foundation.runs.identity import owner_prefix
from foundation.runs.kinds import all_kinds
from foundation.runs.lease import Lease, LeaseLost
from foundation.runs.models import Run


def _active(model: type[Run], pk: int, fence: int | None, owner: str | None) -> QuerySet[Any]:
    rows = model._default_manager.filter(pk=pk, state__in=ACTIVE)
    if fence is not None:
        rows = rows.filter(fence=fence)
    return rows if owner is None else rows.filter(owner=owner)


def finish(
    model: type[Run],
    pk: int,
    *,
    to: str,
    fence: int | None = None,
    owner: str | None = None,
    reason: str = "",
    **fields: Any,
) -> bool:
    """Moves an active run to a final state; False when it was final already or is not ours.

    ``fields``: columns that are written with it.

    With ``fence`` and ``owner`` (a step ends its own run) only while that lease stands; without (a person cancels)
    a step that is running finds that it may write nothing more. The row is never due again.
    """
    if to not in TERMINAL:
        raise ValueError(f"{to!r} is not a final state.")
    changed = _active(model, pk, fence, owner).update(
        state=to,
        reason=reason[:64],
        finished_at=Now(),
        next_at=PARKED,
        lease_until=EPOCH,
        owner="",
        claims=0,
        contact_lost_since=None,
        **fields,
    )
    return changed == 1


def finish_own(lease: Lease, *, to: str, reason: str = "", **fields: Any) -> None:
    """The end that a step gives its own run; raises LeaseLost where another process holds it, or a person ended it."""
    model = lease.kind.model
    if not finish(model, lease.pk, to=to, fence=lease.fence, owner=lease.owner, reason=reason, **fields):
        raise LeaseLost(f"{lease} is not ours any more.")


def begin(model: type[Run], pk: int, *, fence: int | None = None, owner: str | None = None) -> bool:
    """Moves a queued run to running and notes when; False when it was not queued or is not ours."""
    rows = _active(model, pk, fence, owner).filter(state=RunState.QUEUED)
    return rows.update(state=RunState.RUNNING, started_at=Coalesce("started_at", Now())) == 1


def release_leases(process: str) -> int:
    """Frees at once every lease of a process that is certainly dead; returns how many. For its supervisor.

    ``process`` is the PRISM4K_PROCESS that the child ran under. A process that is alive after all loses nothing but
    its leases: its fence no longer fits, so its writes are refused.
    """
    prefix = owner_prefix(process[:70])
    freed = 0
    for kind in all_kinds():
        # A leased row is due, or will be within a hint's lead: so the index on next_at bounds this.
        held = kind.model._default_manager.filter(
            next_at__lte=now_plus(hint_seconds()), owner__startswith=prefix, lease_until__gt=Now()
        )
        freed += held.update(lease_until=EPOCH, owner="")
    return freed
