"""What a pass over a switch does before each of its writes, on the way there and on the way back."""

from __future__ import annotations

from collections.abc import Iterable

from foundation.runs.lease import Lease
from releases import drp
from releases.models import DrpMember, DrpSwitch

WAITS = frozenset({"gate-queue", "gate-known"})
"""Refusals that pass by themselves: something else is being deployed there, or the cluster is read anew."""


def hold_switch(row: DrpSwitch, lease: Lease) -> DrpSwitch:
    """The row as it is now, under its lock, while the run is ours; in the caller's transaction. Raises LeaseLost."""
    locked = drp.lock_switch(row.pk)
    lease.hold()
    return locked


def still_due(due: Iterable[DrpMember], member: DrpMember) -> DrpMember | None:
    """The member as it was read under the lock; None where a pass that ran meanwhile took it further."""
    return next((one for one in due if one.pk == member.pk), None)
