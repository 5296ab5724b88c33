"""One pass over one run, and the names that the other apps use.

A step reads outside, writes what it saw and says when to pass again; waiting is never done inside a step. SIGKILL
at any moment is a normal stop: the row is still due, and its lease ends by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import structlog
from django.db import DatabaseError
from django.utils.module_loading import import_string

from deployer.errors import OutcomeUnknown, TooLate, Unavailable
from foundation.clock import EPOCH, PARKED, db_now
from foundation.request_context import request_context
from foundation.runs.choices import ACTIVE, ENGINE_REASON, TERMINAL, RunState
from foundation.runs.claim import claim, hint_seconds
from foundation.runs.finish import begin, finish, release_leases
from foundation.runs.identity import owner
from foundation.runs.lease import Again, Done, Lease, LeaseLost, Outcome, Parked, RemoteBusy
from foundation.runs.renewal import renewer
from foundation.runs.slots import slots
from foundation.runs.wake import hinted_at, launch_hint, wake
from foundation.runs.writeback import StepMistake, note_contact, write_back, write_failure, write_lost_contact

__all__ = [
    "ACTIVE",
    "ENGINE_REASON",
    "EPOCH",
    "PARKED",
    "TERMINAL",
    "Again",
    "Done",
    "Lease",
    "LeaseLost",
    "Outcome",
    "Parked",
    "RunState",
    "StepMistake",
    "begin",
    "claim",
    "db_now",
    "finish",
    "hint_seconds",
    "hinted_at",
    "launch_hint",
    "owner",
    "release_leases",
    "run_step",
    "wake",
]

log = logging.getLogger(__name__)

BUSY_SECONDS = 0.25
"""A run whose remote has no free slot in this process is due again after so long."""
GIVE_UP_AFTER = 20
"""So many claims in a row may go without a write-back (raised or killed) before the engine gives a run up."""


def run_step(lease: Lease, *, lead: float = 0.0) -> Outcome | None:
    """Runs one step and writes back; the step's answer, or None when it raised, lost its lease or was given up.

    ``lead``: for so many seconds an "again, now" is left to this process before a watcher takes the run. Never raises
    for what a step does: this is the engine's edge.
    """
    renewer.add(lease)
    try:
        with (
            request_context(),
            structlog.contextvars.bound_contextvars(kind=lease.kind.name, run=lease.pk, fence=lease.fence),
        ):
            return _pass(lease, lead)
    except DatabaseError:
        log.warning("%s: the database did not take the write-back; the lease will end by itself.", lease, exc_info=True)
        return None
    finally:
        renewer.discard(lease)


def _pass(lease: Lease, lead: float) -> Outcome | None:
    try:
        with slots.hold(lease.remote) as is_held:
            if not is_held:
                raise RemoteBusy(lease.remote)
            return _step(lease, lead)
    except RemoteBusy:
        _end(lease, write_back, Again(BUSY_SECONDS))
    except (LeaseLost, TooLate):
        log.info("%s: lost its lease; the process that holds the run now goes on.", lease)
    except (Unavailable, OutcomeUnknown) as error:
        log.info("%s: no contact: %s", lease, error)
        _end(lease, write_lost_contact, error, getattr(error, "retry_after_seconds", None))
    except Exception:
        log.exception("%s: the step raised (claim %s of %s).", lease, lease.claims, GIVE_UP_AFTER)
        _end(lease, write_failure)
    finally:
        note_contact(lease)
    return None


def _step(lease: Lease, lead: float) -> Outcome | None:
    if lease.claims > GIVE_UP_AFTER:
        _give_up(lease)
        return None
    step: Callable[[Lease], Outcome] = import_string(lease.kind.step)
    outcome = step(lease)
    write_back(lease, outcome, lead)
    return outcome


def _end(lease: Lease, write: Callable[..., None], *said: object) -> None:
    try:
        write(lease, *said)
    except LeaseLost:
        log.info("%s: ended by somebody else meanwhile.", lease)


def _give_up(lease: Lease) -> None:
    """``errored(engine)`` through the kind's own way, which frees what the run held."""
    log.error("%s: given up after %s claims that came to no end.", lease, GIVE_UP_AFTER)
    if lease.kind.is_endless:
        # A chain that is no longer sealed or a namespace that nobody watches any more would be worse than the log.
        _end(lease, write_failure)
        lease.kind.model._default_manager.filter(pk=lease.pk, owner="").update(claims=0)
        return
    if lease.kind.give_up:
        give_up: Callable[[Lease, str], None] = import_string(lease.kind.give_up)
        give_up(lease, ENGINE_REASON)
    else:
        finish(
            lease.kind.model, lease.pk, to=RunState.ERRORED, fence=lease.fence, owner=lease.owner, reason=ENGINE_REASON
        )
    if lease.rows().exists():
        raise StepMistake(f"{lease}: its give_up left the run in an active state.")
