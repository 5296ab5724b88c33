"""Taking due runs: at most one process holds a run, decided by the database and its clock.

Two processes cannot take the same row: PostgreSQL locks what it selects and skips what others have locked
(``FOR UPDATE SKIP LOCKED``); on SQLite the transaction is IMMEDIATE, so the selection already holds the one write
lock and the same statement needs no lock of its own (Django leaves the clause out there).
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from foundation import breakers
from foundation.clock import now_plus
from foundation.runs.choices import ACTIVE
from foundation.runs.kinds import Kind
from foundation.runs.lease import Lease, lease_seconds
from foundation.runs.models import Run
from foundation.runs.slots import slots

HINT_SECONDS = 2.0
"""What a person's act makes due is left to the Celery workers for so long before the watcher takes it."""

_COLUMNS = ("pk", "fence", "wakes", "claims", "remote", "contact_lost_since")


def claim(kind: Kind, *, owner: str, limit: int, pk: int | None = None, grace: float = 0.0) -> list[Lease]:
    """Takes up to ``limit`` due runs of a kind, those of one remote next to each other.

    ``pk`` asks for one run; ``grace`` seconds counts rows as due that will be so that soon (a hint may be early).
    Every lease returned must go through :func:`foundation.runs.engine.run_step`, which gives its slot back.
    """
    due = _due(kind, pk, grace)
    # The cheap question first: an idle watcher must not take SQLite's write lock four times a second.
    if not due.exists():
        return []
    open_now = breakers.read_open()
    leases: list[Lease] = []
    shut = open_now.shut | slots.full()
    while len(leases) < limit and (not shut or due.exclude(remote__in=shut).exists()):
        found, full = _claim_round(kind, due, shut, open_now.probing, owner, limit - len(leases))
        leases += found
        if not full:
            break
        # Rows of a remote that has no slot left filled our selection: look past them.
        shut |= full
    return sorted(leases, key=lambda lease: lease.remote)


def _due(kind: Kind, pk: int | None, grace: float) -> QuerySet[Run]:
    due: QuerySet[Run] = kind.model._default_manager.filter(
        next_at__lte=now_plus(grace), lease_until__lte=Now(), state__in=sorted(ACTIVE)
    )
    return due if pk is None else due.filter(pk=pk)


def _claim_round(
    kind: Kind, due: QuerySet[Run], shut: frozenset[str], probing: frozenset[str], owner: str, limit: int
) -> tuple[list[Lease], frozenset[str]]:
    """The leases of one selection, and the remotes of which it saw more rows than may be in flight."""
    leases: list[Lease] = []
    full: set[str] = set()
    try:
        with transaction.atomic():
            free = due.exclude(remote__in=shut).order_by("next_at")
            for row in free.select_for_update(skip_locked=True).values(*_COLUMNS)[:limit]:
                remote = row["remote"]
                if remote in full or not slots.take(remote):
                    full.add(remote)
                    continue
                if remote in probing:
                    full.add(remote)  # one probe, not more
                    if not breakers.take_probe(remote):
                        slots.free(remote)
                        continue
                leases.append(_lease(kind, row, owner, is_probe=remote in probing))
            kind.model._default_manager.filter(pk__in=[lease.pk for lease in leases]).update(
                owner=owner, fence=F("fence") + 1, claims=F("claims") + 1, lease_until=now_plus(lease_seconds())
            )
    except BaseException:
        for lease in leases:
            slots.free(lease.remote)
        raise
    return leases, frozenset(full)


def _lease(kind: Kind, row: dict[str, Any], owner: str, *, is_probe: bool) -> Lease:
    return Lease(
        kind=kind,
        pk=row["pk"],
        owner=owner,
        fence=row["fence"] + 1,
        wakes=row["wakes"],
        claims=row["claims"] + 1,
        remote=row["remote"],
        is_probe=is_probe,
        contact_lost_since=row["contact_lost_since"],
    )
