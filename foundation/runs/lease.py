"""What a step holds while it works on a run, and what it answers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from foundation.runs.choices import ACTIVE
from foundation.runs.kinds import Kind
from foundation.runs.models import Run


class LeaseLost(Exception):
    """The run is no longer ours (taken over, ended, or we were too slow): write nothing more, and stop."""


@dataclass(frozen=True)
class Again:
    """Look again after so many seconds (0: at once). ``contacted``: did this pass hear from the run's remote?"""

    after_seconds: float = 0.0
    contacted: bool = True


@dataclass(frozen=True)
class Parked:
    """Nothing to do until somebody wakes this run; says nothing about its remote."""

    contacted: bool = False


@dataclass(frozen=True)
class Done:
    """The step has put the run into a final state itself. ``contacted`` as in Again."""

    contacted: bool = True


Outcome = Again | Parked | Done


def lease_seconds() -> float:
    """How long a lease lasts without renewal."""
    return float(settings.RUN_LEASE_SECONDS)


def step_seconds() -> float:
    """How long one step may take; after that its lease is not renewed and its writes are refused."""
    return float(settings.RUN_STEP_SECONDS)


@dataclass(frozen=True)
class Lease:
    """One claimed run. ``deadline`` is in ``time.monotonic()`` seconds; hand it to every write of an adapter.

    ``wakes`` is what the row had when it was claimed, ``claims`` how many claims in a row (this one included) have
    not come to a write-back.
    """

    kind: Kind
    pk: int
    owner: str
    fence: int
    wakes: int
    claims: int = 1
    remote: str = ""
    is_probe: bool = False
    contact_lost_since: datetime | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + step_seconds())

    def remaining(self) -> float:
        """Seconds until the deadline; 0 when it has passed."""
        return max(0.0, self.deadline - time.monotonic())

    def rows(self) -> QuerySet[Any]:
        """The run's row as long as it is ours and not final: the guard of every write."""
        rows: QuerySet[Any] = self.kind.model._default_manager.filter(
            pk=self.pk, owner=self.owner, fence=self.fence, state__in=sorted(ACTIVE)
        )
        return rows

    def read(self) -> Any:
        """The row as it is now, without a lock; raises LeaseLost."""
        return self._found(self.rows())

    def hold(self) -> Any:
        """The row, locked until the transaction ends; raises LeaseLost.

        Lock order: placement and order first, the run last.
        """
        if not transaction.get_connection().in_atomic_block:
            raise RuntimeError("lease.hold() needs a transaction around it.")
        return self._found(self.rows().select_for_update())

    def save(self, **fields: Any) -> None:
        """Writes columns of the row if it is still ours; raises LeaseLost when it is not."""
        if self.remaining() <= 0 or self.rows().update(**fields) != 1:
            raise LeaseLost(f"{self} is not ours any more.")

    def _found(self, rows: QuerySet[Any]) -> Run:
        row: Run | None = rows.first() if self.remaining() > 0 else None
        if row is None:
            raise LeaseLost(f"{self} is not ours any more.")
        return row

    def __str__(self) -> str:
        return f"{self.kind.name} {self.pk} (fence {self.fence})"
