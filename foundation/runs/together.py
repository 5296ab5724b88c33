"""One pass over many runs of one remote: each has its own lease and fence, and they share claim, slot and transaction.

For a kind whose passes are short and many (a hundred builds, each twice a second): alone, each would cost a dozen
statements. Anything out of the ordinary in a run is left to its own step.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog
from django.db import DatabaseError
from django.utils.module_loading import import_string

from deployer.errors import OutcomeUnknown, Unavailable
from foundation.request_context import request_context
from foundation.runs.engine import BUSY_SECONDS, GIVE_UP_AFTER, run_step
from foundation.runs.lease import Again, ClientT, Connect, Lease, LeaseLost, Outcome, TargetT
from foundation.runs.renewal import renewer
from foundation.runs.slots import slots
from foundation.runs.writeback import note_contact, write_back, write_lost_contact

log = logging.getLogger(__name__)

GRACE_SECONDS = 0.02
"""Runs that are due within so long of each other are claimed together: else a group would fall apart."""


class Group:
    """The leases of one pass, all of one kind and one remote. What is not ended here has its own step afterwards."""

    def __init__(self, leases: Sequence[Lease]) -> None:
        self.leases = {lease.pk: lease for lease in leases}
        self.remote = leases[0].remote
        self.due = float("inf")
        """When the first of them is due again (``time.monotonic()``), as far as they were written back."""
        self._began = time.monotonic()
        self._left = {lease.pk for lease in leases}
        self._lost: tuple[Lease, Unavailable | OutcomeUnknown] | None = None

    @property
    def left(self) -> list[Lease]:
        """Those that were not written back."""
        return [self.leases[pk] for pk in sorted(self._left)]

    @property
    def told(self) -> Lease:
        """Whose contact tells of the pass: that of the run for which the remote did not answer, or any."""
        return self._lost[0] if self._lost else next(iter(self.leases.values()))

    @contextmanager
    def open(self, connect: Connect[TargetT, ClientT], target: TargetT) -> Iterator[ClientT]:
        """A client of the remote that all of them name, as :meth:`Lease.open` gives one of a single run."""

        def hear() -> None:
            for lease in self.leases.values():
                lease.contact.heard.add(self.remote)

        if target.key != self.remote:
            raise ValueError(f"These runs are at {self.remote}, not at {target.key}.")
        yield connect(target, on_answer=hear)

    def again(self, seconds: float) -> Again:
        """Pass again so long after this pass began: however long it takes, it makes the next one no later."""
        return Again(max(0.0, seconds - (time.monotonic() - self._began)) + GRACE_SECONDS)

    def write_back(self, lease: Lease, outcome: Again, **fields: object) -> bool:
        """Frees one run and writes its columns, inside the caller's transaction; False when it is not ours any more."""
        try:
            write_back(lease, outcome, 0.0, **fields)
        except LeaseLost:
            log.info("%s: lost its lease; the process that holds the run now goes on.", lease)
            self._left.discard(lease.pk)
            return False
        return True

    def wrote(self, lease: Lease, outcome: Again) -> None:
        """The transaction of its write-back has committed."""
        self._left.discard(lease.pk)
        self.due = min(self.due, time.monotonic() + outcome.after_seconds - GRACE_SECONDS)

    def lose(self, lease: Lease, error: Unavailable | OutcomeUnknown) -> None:
        """The remote did not answer for this run: the others that are left wait for its breaker."""
        lease.contact.lost = self.remote
        self._lost = lease, error

    def end(self) -> list[Lease]:
        """Writes what the pass left open; returns the runs that shall have their own step now."""
        if self._lost is None:
            return self.left
        lost, error = self._lost
        for lease in self.left:
            if lease is not lost:
                _end(lease, write_back, Again(BUSY_SECONDS))
        # Last: it writes on all runs of the remote since when nothing was heard.
        _end(lost, write_lost_contact, error, getattr(error, "retry_after_seconds", None))
        return []


def run_together(leases: Sequence[Lease]) -> Outcome | None:
    """Passes over the leases of one kind and remote together; when the first is due again.

    Never raises for what a pass does.
    """
    if leases[0].is_probe:
        return run_step(leases[0])  # the only one: see claim
    group = Group(leases)
    for lease in leases:
        renewer.add(lease)
    try:
        with (
            request_context(),
            structlog.contextvars.bound_contextvars(kind=leases[0].kind.name, runs=len(leases)),
            slots.hold(group.remote) as is_held,
        ):
            alone = _pass(group) if is_held else _busy(group)
            note_contact(group.told)
    except DatabaseError:
        log.warning("The database did not take what a pass over %s runs wrote back.", len(leases), exc_info=True)
        return None
    finally:
        for lease in leases:
            renewer.discard(lease)
    for lease in alone:
        run_step(lease)
    return Again(max(0.001, group.due - time.monotonic())) if group.due < float("inf") else None


def _pass(group: Group) -> list[Lease]:
    kind = next(iter(group.leases.values())).kind
    step: Callable[[Group], None] = import_string(kind.together)
    try:
        if all(lease.claims <= GIVE_UP_AFTER for lease in group.leases.values()):
            step(group)
    except DatabaseError:
        raise
    except Exception:
        # Each has its own step now, so the one that is at fault counts alone.
        log.exception("A pass over %s runs raised.", len(group.leases))
    return group.end()


def _busy(group: Group) -> list[Lease]:
    for lease in group.left:
        _end(lease, write_back, Again(BUSY_SECONDS))
    return []


def _end(lease: Lease, write: Callable[..., None], *said: object) -> None:
    try:
        write(lease, *said)
    except LeaseLost:
        log.info("%s: ended by somebody else meanwhile.", lease)
