"""One pass over one run, and the names that the other rooms use.

A step looks outside, writes what it saw and says when to look again; waiting is never done inside a step. SIGKILL
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
from foundation.runs.claim import HINT_SECONDS, claim
from foundation.runs.finish import begin, finish, release_leases
from foundation.runs.identity import owner
from foundation.runs.lease import Again, Done, Lease, LeaseLost, Outcome, Parked
from foundation.runs.renewal import renewer
from foundation.runs.slots import slots
from foundation.runs.wake import hinted_at, launch_hint, wake
from foundation.runs.writeback import StepMistake, write_back, write_failure, write_lost_contact

__all__ = [
    "ACTIVE",
    "ENGINE_REASON",
    "EPOCH",
    "HINT_SECONDS",
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
    "hinted_at",
    "launch_hint",
    "owner",
    "release_leases",
    "run_step",
    "wake",
]

log = logging.getLogger(__name__)

GIVE_UP_AFTER = 20
"""So many claims in a row may go without a write-back (raised or killed) before the engine gives a run up."""


def run_step(lease: Lease) -> Outcome | None:
    """Runs one step and writes back; the step's answer, or None when it raised, lost its lease or was given up.

    Never raises for what a step does: this is the engine's edge.
    """
    renewer.add(lease)
    try:
        with (
            request_context(),
            structlog.contextvars.bound_contextvars(kind=lease.kind.name, run=lease.pk, fence=lease.fence),
        ):
            return _pass(lease)
    except DatabaseError:
        log.warning("%s: the database did not take the write-back; the lease will end by itself.", lease, exc_info=True)
        return None
    finally:
        renewer.discard(lease)
        slots.free(lease.remote)


def _pass(lease: Lease) -> Outcome | None:
    try:
        if lease.claims > GIVE_UP_AFTER:
            _give_up(lease)
            return None
        step: Callable[[Lease], Outcome] = import_string(lease.kind.step)
        outcome = step(lease)
        write_back(lease, outcome)
        return outcome
    except (LeaseLost, TooLate):
        log.info("%s: lost its lease; whoever holds the run now goes on.", lease)
    except (Unavailable, OutcomeUnknown) as error:
        log.info("%s: no contact: %s", lease, error)
        _end(lease, write_lost_contact, error, getattr(error, "retry_after_seconds", None))
    except Exception:
        log.exception("%s: the step raised (claim %s of %s).", lease, lease.claims, GIVE_UP_AFTER)
        _end(lease, write_failure)
    return None


def _end(lease: Lease, write: Callable[..., None], *said: object) -> None:
    try:
        write(lease, *said)
    except LeaseLost:
        log.info("%s: ended by somebody else meanwhile.", lease)


def _give_up(lease: Lease) -> None:
    """``errored(engine)`` through the kind's own way, which frees what the run held."""
    log.error("%s: given up after %s claims that came to no end.", lease, GIVE_UP_AFTER)
    if lease.kind.is_endless:
        # A chain that is no longer sealed or a namespace that nobody looks at any more would be worse than the log.
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
