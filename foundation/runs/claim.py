"""Taking due runs: at most one process holds a run, decided by the database and its clock.

Two processes cannot take the same row: PostgreSQL locks what it selects and skips what others have locked
(``FOR UPDATE SKIP LOCKED``); on SQLite the transaction is IMMEDIATE, so the selection already holds the one write
lock and the same statement needs no lock of its own (Django leaves the clause out there).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Now

from foundation import breakers
from foundation.clock import now_plus
from foundation.runs.choices import ACTIVE
from foundation.runs.kinds import Kind
from foundation.runs.lease import Lease, lease_seconds, step_seconds
from foundation.runs.models import Run
from foundation.runs.slots import slots

log = logging.getLogger(__name__)

_COLUMNS = ("pk", "fence", "wakes", "claims", "remote", "contact_lost_since")


def hint_seconds() -> float:
    """What a person's act makes due is left to the Celery workers for so long before the watcher takes it."""
    return float(settings.RUN_HINT_SECONDS)


class _Left:
    """How many runs of each remote one claim may still take: a slot each, or the one probe.

    Runs that are passed over together have one slot of their remote in common.
    """

    def __init__(self, probes: frozenset[str], *, is_together: bool = False) -> None:
        self.probes = probes
        self._is_together = is_together
        self._left: dict[str, int] = {}

    def take(self, remote: str) -> bool:
        """Counts one; False when no more may be taken."""
        if not remote:
            return True
        left = self._left.setdefault(remote, 1 if remote in self.probes else slots.free(remote))
        if not (self._is_together and remote not in self.probes):
            self._left[remote] = left - 1
        return left > 0


def due_kinds(kinds: Sequence[Kind], *, grace: float) -> list[Kind]:
    """Those that have a due run, by one statement: a watcher asks four times a second when nothing happens.

    ``grace`` is that of :func:`claim_group`, for kinds whose runs are passed over together.
    """
    if not kinds:
        return []
    statement, values = _due_statement(tuple(kinds), grace, connection.vendor)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        answers = cursor.fetchone()
    return [kind for kind, is_due in zip(kinds, answers, strict=True) if is_due]


@lru_cache(maxsize=8)
def _due_statement(kinds: tuple[Kind, ...], grace: float, vendor: str) -> tuple[str, tuple[Any, ...]]:
    # Written once: to write it takes Django longer than the database needs to answer it. Its only clock is SQL's.
    rows = [_due(kind, None, grace if kind.together else 0.0) for kind in kinds]
    parts = [due.values_list(Value(1)).query.sql_with_params() for due in rows]
    return f"SELECT {', '.join(f'EXISTS({sql})' for sql, _ in parts)}", tuple(one for _, few in parts for one in few)


def claim(kind: Kind, *, owner: str, limit: int, pk: int | None = None, grace: float = 0.0) -> list[Lease]:
    """Takes up to ``limit`` due runs of a kind, those of one remote next to each other.

    ``pk`` asks for one run; ``grace`` seconds counts rows as due that will be so that soon (a hint may be early).
    No more runs of a remote are taken than it has free slots; the slots themselves are held by the passes.
    """
    if pk is not None and connection.vendor == "postgresql":
        return _claim_one(kind, pk, owner, grace)
    return _claim(kind, _due(kind, pk, grace), owner, limit, is_together=False)


def claim_group(kind: Kind, *, owner: str, grace: float = 0.0) -> list[Lease]:
    """Takes due runs that may be passed over together, those of one remote next to each other, at most ``group``."""
    return _claim(kind, _due(kind, None, grace).filter(kind.alike), owner, kind.group, is_together=True)


def claim_others(kind: Kind, *, owner: str, limit: int) -> list[Lease]:
    """Takes due runs that :func:`claim_group` does not."""
    return _claim(kind, _due(kind, None, 0.0).exclude(kind.alike), owner, limit, is_together=False)


_CLAIM_ONE = """
    UPDATE {table}
    SET "owner" = %(owner)s, "fence" = "fence" + 1, "claims" = "claims" + 1,
        "lease_until" = STATEMENT_TIMESTAMP() + %(lease)s * INTERVAL '1 second'
    WHERE "id" = (
        SELECT "id" FROM {table}
        WHERE "id" = %(pk)s AND "state" = ANY(%(states)s) AND "remote" <> ALL(%(shut)s)
          AND "next_at" <= STATEMENT_TIMESTAMP() + %(grace)s * INTERVAL '1 second'
          AND "lease_until" <= STATEMENT_TIMESTAMP()
        FOR UPDATE SKIP LOCKED)
    RETURNING "id", "fence" - 1, "wakes", "claims" - 1, "remote", "contact_lost_since"
"""


def _claim_one(kind: Kind, pk: int, owner: str, grace: float) -> list[Lease]:
    """What somebody has just clicked for, in one statement on PostgreSQL: it asks, locks and takes.

    A remote whose probe is due takes the long way: at most one process may send it.
    """
    open_now = breakers.read_open()
    if open_now.probing:
        return _claim_due(kind, _due(kind, pk, grace), owner, 1, is_together=False)
    values: dict[str, Any] = {
        "owner": owner, "pk": pk, "states": sorted(ACTIVE), "shut": sorted(open_now.shut | slots.full()),
        "lease": lease_seconds(), "grace": grace,
    }  # fmt: skip
    table = connection.ops.quote_name(kind.model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_ONE.format(table=table), values)
        found = cursor.fetchone()
    return [_lease(kind, dict(zip(_COLUMNS, found, strict=True)), owner, is_probe=False)] if found else []


def _claim(kind: Kind, due: QuerySet[Run], owner: str, limit: int, *, is_together: bool) -> list[Lease]:
    # The cheap question first: whose runs others have taken meanwhile must not take SQLite's write lock for nothing.
    if not due.exists():
        return []
    return _claim_due(kind, due, owner, limit, is_together=is_together)


def _claim_due(kind: Kind, due: QuerySet[Run], owner: str, limit: int, *, is_together: bool) -> list[Lease]:
    open_now = breakers.read_open()
    probes = _take_probes(due, open_now.probing - slots.full(), limit)
    shut = open_now.shut | (open_now.probing - probes) | slots.full()
    leases: list[Lease] = []
    try:
        leases = _claim_rounds(kind, due, shut, _Left(probes, is_together=is_together), owner, limit)
    finally:
        _return_probes(probes.difference(lease.remote for lease in leases))
    return sorted(leases, key=lambda lease: lease.remote)


def _due(kind: Kind, pk: int | None, grace: float) -> QuerySet[Run]:
    due: QuerySet[Run] = kind.model._default_manager.filter(
        next_at__lte=now_plus(grace), lease_until__lte=Now(), state__in=sorted(ACTIVE)
    )
    return due if pk is None else due.filter(pk=pk)


def _take_probes(due: QuerySet[Run], probing: frozenset[str], limit: int) -> frozenset[str]:
    """The remotes whose next probe this process may send with one of the due runs.

    Each probe is a statement of its own, before any row is locked: two processes that took the probes of two remotes
    in opposite order inside their claims would wait for each other.
    """
    if not probing:
        return frozenset()
    wanted = due.filter(remote__in=sorted(probing)).order_by("remote").values_list("remote", flat=True).distinct()
    return frozenset(remote for remote in list(wanted)[:limit] if breakers.take_probe(remote))


def _return_probes(remotes: frozenset[str]) -> None:
    """Another process has the rows of these remotes: they must not wait for a probe that nobody sends."""
    try:
        for remote in remotes:
            breakers.return_probe(remote)
    except DatabaseError:
        log.warning("Probes were not returned; they are due again in %s s.", breakers.PROBE_SECONDS, exc_info=True)


def _claim_rounds(
    kind: Kind, due: QuerySet[Run], shut: frozenset[str], left: _Left, owner: str, limit: int
) -> list[Lease]:
    leases: list[Lease] = []
    while len(leases) < limit:
        try:
            if shut and not due.exclude(remote__in=shut).exists():
                break
            found, full = _claim_round(kind, due, shut, left, owner, limit - len(leases))
        except DatabaseError:
            if not leases:
                raise
            # The rounds before are committed: their runs are ours, and dropping them would keep them from everybody.
            log.warning("The database failed in a later round of a claim.", exc_info=True)
            break
        leases += found
        if not full:
            break
        # Rows of a remote that has no slot left filled our selection: look past them.
        shut |= full
    return leases


def _claim_round(
    kind: Kind, due: QuerySet[Run], shut: frozenset[str], left: _Left, owner: str, limit: int
) -> tuple[list[Lease], frozenset[str]]:
    """The leases of one selection, and the remotes of which it saw more rows than may be in flight."""
    leases: list[Lease] = []
    full: set[str] = set()
    with transaction.atomic():
        free = due.exclude(remote__in=shut).order_by("next_at")
        for row in free.select_for_update(skip_locked=True).values(*_COLUMNS)[:limit]:
            if left.take(row["remote"]):
                leases.append(_lease(kind, row, owner, is_probe=row["remote"] in left.probes))
            else:
                full.add(row["remote"])
        kind.model._default_manager.filter(pk__in=[lease.pk for lease in leases]).update(
            owner=owner, fence=F("fence") + 1, claims=F("claims") + 1, lease_until=now_plus(lease_seconds())
        )
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
        deadline=time.monotonic() + max(kind.seconds, step_seconds()),
    )
