"""What a step holds while it works on a run, and what it answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from deployer.errors import NoFact, OutcomeUnknown, Unavailable
from foundation import breakers
from foundation.runs.choices import ACTIVE
from foundation.runs.kinds import Kind
from foundation.runs.models import Run
from foundation.runs.slots import slots

TargetT = TypeVar("TargetT", bound="Target", contravariant=True)
ClientT = TypeVar("ClientT", covariant=True)


class Target(Protocol):
    """Where to connect; ``key`` names the remote (``jenkins:3``)."""

    @property
    def key(self) -> str: ...


class Connect(Protocol[TargetT, ClientT]):
    """``connect`` of an adapter: a client that calls ``on_answer`` for each answer that it hears."""

    def __call__(self, target: TargetT, *, on_answer: Callable[[], None]) -> ClientT: ...


class RemoteBusy(Exception):
    """The remote that a pass turns to has no free slot in this process: the run is due again in a moment."""


class LeaseLost(Exception):
    """The run is no longer ours (taken over, ended, or we were too slow): write nothing more, and stop."""


@dataclass(frozen=True)
class Again:
    """Pass again after so many seconds; 0: now, there is more to do at once."""

    after_seconds: float = 0.0


@dataclass(frozen=True)
class Parked:
    """Nothing to do until somebody wakes this run."""


@dataclass(frozen=True)
class Done:
    """The step has put the run into a final state itself."""


Outcome = Again | Parked | Done


def lease_seconds() -> float:
    """How long a lease lasts without renewal."""
    return float(settings.RUN_LEASE_SECONDS)


def step_seconds() -> float:
    """How long one step may take; after that its lease is not renewed and its writes are refused."""
    return float(settings.RUN_STEP_SECONDS)


@dataclass
class Contact:
    """What one pass heard from outside.

    ``remote`` is the one that the run's row names, ``heard`` those that answered, ``lost`` the one that did not.
    """

    remote: str = ""
    heard: set[str] = field(default_factory=set)
    lost: str = ""


@dataclass(frozen=True)
class Lease:
    """One claimed run. ``deadline`` is in ``time.monotonic()`` seconds; hand it to every write of an adapter.

    ``wakes`` is what the row had when it was claimed, ``claims`` how many claims in a row (this one included) have
    not come to a write-back. ``is_hinted``: a worker has it because of a person's act; a step may then go on with what
    comes next in the same pass.
    """

    kind: Kind
    pk: int
    owner: str
    fence: int
    wakes: int
    claims: int = 1
    remote: str = ""
    is_probe: bool = False
    is_hinted: bool = False
    contact_lost_since: datetime | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + step_seconds())
    contact: Contact = field(default_factory=Contact, compare=False)

    def __post_init__(self) -> None:
        self.contact.remote = self.contact.remote or self.remote

    @contextmanager
    def open(
        self, connect: Connect[TargetT, ClientT], target: TargetT, *, remote: str | None = None
    ) -> Iterator[ClientT]:
        """A client of a remote, for as long as the ``with`` lasts: the only way in which a step reaches outside.

        Names the remote on the run's row, so that its breaker opens when it does not answer; holds one of its slots;
        notes each answer. ``remote``: a name other than the target's key; empty for a visit that counts for no
        breaker, such as a connection test. Raises RemoteBusy, LeaseLost, what ``connect`` raises, and Unavailable for
        a remote that is new to the run while its breaker is open.
        """
        name = target.key if remote is None else remote
        # The pass itself holds a slot of the remote that its run named when it was claimed.
        with slots.hold(name if name != self.remote else "") as is_held:
            if name and name != self.contact.remote:
                self.save(remote=name)
                self.contact.remote = name
                if name != self.remote:
                    self._spare(name)
            if not is_held:
                raise RemoteBusy(name)
            try:
                yield connect(target, on_answer=lambda: self.contact.heard.add(name))
            except NoFact:
                raise  # about one thing there: others on the same server are asked as before
            except (Unavailable, OutcomeUnknown):
                self.contact.lost = self.contact.lost or name
                raise

    def _spare(self, name: str) -> None:
        """A run that comes new to a remote that is silent asks it nothing: from now on it waits with the others.

        Else each click would wait out a time-out there, in a thread that the other remotes need.
        """
        if (silence := breakers.silence_of(name)) is not None:
            self.contact.lost = self.contact.lost or name
            raise Unavailable(silence)

    def remaining(self) -> float:
        """Seconds until the deadline; 0 when it has passed."""
        return max(0.0, self.deadline - time.monotonic())

    def rows(self) -> QuerySet[Any]:
        """The run's row as long as it is ours and not final: the guard of every write."""
        rows: QuerySet[Any] = self.kind.model._default_manager.filter(
            pk=self.pk, owner=self.owner, fence=self.fence, state__in=sorted(ACTIVE)
        )
        return rows

    def read(self, *columns: str) -> Any:
        """The row as it is now, without a lock; raises LeaseLost. ``columns``: all that is read of it."""
        return self._found(self.rows().only(*columns) if columns else self.rows())

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
