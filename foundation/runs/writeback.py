"""What is written when a step comes back: the lease goes, the next pass is set, no wake is lost."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Case, DateTimeField, F, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Least, Now
from django.utils.module_loading import import_string

from foundation import breakers
from foundation.clock import EPOCH, PARKED, db_now, now_minus, now_plus
from foundation.runs.choices import ACTIVE
from foundation.runs.kinds import Kind, all_kinds
from foundation.runs.lease import Again, Done, Lease, LeaseLost, Outcome
from foundation.runs.wake import FIRST_SECONDS

log = logging.getLogger(__name__)

LONGEST_BACK_OFF_SECONDS = 30.0


class StepMistake(Exception):
    """A step answered something that does not fit its row: a bug of ours."""


def write_back(lease: Lease, outcome: Outcome, lead: float = 0.0, **fields: object) -> None:
    """Frees the run after a step that came to its end; raises LeaseLost when it is not ours any more.

    ``lead``: so long an "again, now" is left to the process that ran this step; see :func:`goes_on`. ``fields``:
    columns that are written with it, of a run that goes on.
    """
    if isinstance(outcome, Done):
        if lease.rows().exists():
            raise StepMistake(f"{lease}: the step said Done and left the run in an active state.")
    else:
        due: Combinable = Value(PARKED, output_field=DateTimeField())
        if isinstance(outcome, Again):
            due = now_plus(lead if goes_on(lease, outcome) else max(0.0, outcome.after_seconds))
        # A pass that never heard from the remote proves nothing about it.
        has_contact = lease.contact.remote in lease.contact.heard
        _release(lease, due, claims=0, **({"contact_lost_since": None} if has_contact else {}), **fields)
        if has_contact and lease.contact_lost_since is not None:
            tell_contact_changed(lease.kind, [lease.pk])


def goes_on(lease: Lease, outcome: Outcome | None) -> bool:
    """True when the step has more to do at once, at the same remote."""
    return isinstance(outcome, Again) and outcome.after_seconds <= 0 and lease.contact.remote == lease.remote


def note_contact(lease: Lease) -> None:
    """Tells the breakers whom this pass heard, however it ended, and returns a probe that was never sent."""
    contact = lease.contact
    for remote in sorted(contact.heard - {contact.lost, ""}):
        if breakers.confirm(remote, was_probe=lease.is_probe and remote == lease.remote):
            _wake_all(remote)
    if lease.is_probe and lease.remote not in contact.heard | {contact.lost}:
        breakers.return_probe(lease.remote)


def write_lost_contact(lease: Lease, error: object, retry_after_seconds: float | None = None) -> None:
    """Frees the run after its remote did not answer: a regular end of a step, looked at again after 1 … 30 s."""
    lost = lease.contact_lost_since
    # As long as it has been away already, so the pauses double: 1, 2, 4 … 30 s.
    away = (db_now() - lost).total_seconds() if lost else 0.0
    pause = min(LONGEST_BACK_OFF_SECONDS, max(1.0, away * random.uniform(0.75, 1.0)))  # noqa: S311 (spreads load)
    pause = max(pause, min(retry_after_seconds or 0.0, 300.0))
    remote = lease.contact.lost
    since = breakers.last_answer(remote)
    _release(lease, now_plus(pause), claims=0, contact_lost_since=Coalesce(F("contact_lost_since"), since))
    was_probe = lease.is_probe and remote == lease.remote
    if remote:
        breakers.trip(remote, error, was_probe=was_probe, retry_after_seconds=retry_after_seconds)
        _mark_all(remote)
    if lost is None:
        tell_contact_changed(lease.kind, [lease.pk])


def write_failure(lease: Lease) -> None:
    """Frees the run after a step that raised: ``claims`` goes on counting, the pauses double up to 30 s."""
    pause = min(2.0 ** min(lease.claims, 10), LONGEST_BACK_OFF_SECONDS)
    _release(lease, now_plus(pause), claims=F("claims"))


def _release(lease: Lease, next_at: Combinable, **fields: object) -> None:
    """A wake that came while the step ran makes the run due at once, against the step's own delay.

    One that is to go before all others keeps its place.
    """
    has_place = When(next_at__lt=now_minus(FIRST_SECONDS / 2), then=F("next_at"))
    due = Case(When(wakes=lease.wakes, then=next_at), has_place, default=Now(), output_field=DateTimeField())
    if lease.rows().update(next_at=due, lease_until=EPOCH, owner="", **fields) != 1:
        raise LeaseLost(f"{lease} is not ours any more.")


def tell_contact_is_lost(remote: str, error: object, *, was_probe: bool = False) -> None:
    """A remote was found silent by who only asks whether it is there, or who sets the pause of its own run: the
    remote's breaker opens, its runs say since when."""
    breakers.trip(remote, error, was_probe=was_probe)
    _mark_all(remote)


def tell_contact_is_back(remote: str) -> None:
    """Such a remote answers again: its breaker closes, and its runs are looked at now."""
    if breakers.confirm(remote, was_probe=True):
        _wake_all(remote)


def _mark_all(remote: str) -> None:
    """Every active run of the remote says since when, not only the one that found out.

    At each failure, not only at the one that opened the breaker: a run whose row was committed in that moment saw
    the breaker closed, and was not there to be marked.
    """
    since = breakers.silent_since(remote)
    if since is None:
        return
    for kind in all_kinds():
        told = _update_unlocked(kind, remote, True, contact_lost_since=since)
        tell_contact_changed(kind, told)


def _wake_all(remote: str) -> None:
    """Every run that waited for the remote is looked at now, not at the end of its pause."""
    for kind in all_kinds():
        told = _update_unlocked(
            kind, remote, False, contact_lost_since=None, wakes=F("wakes") + 1, next_at=Least(F("next_at"), Now())
        )
        tell_contact_changed(kind, told)


def _update_unlocked(kind: Kind, remote: str, is_lost_now: bool, **fields: object) -> list[int]:
    """Updates the remote's active runs that do not say so yet, but for rows that somebody has locked.

    Waiting for those could deadlock with a transaction that holds one run and wants another; who has one locked
    is working on it and will find out alone.
    """
    rows = kind.model._default_manager.filter(
        remote=remote, state__in=sorted(ACTIVE), contact_lost_since__isnull=is_lost_now
    )
    if not rows.exists():
        return []  # most kinds, at most failures: no write lock of SQLite for nothing
    with transaction.atomic():
        pks = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
        rows.filter(pk__in=pks).update(**fields)
    return pks


def tell_contact_changed(kind: Kind, pks: Iterable[int]) -> None:
    """Calls the kind's ``contact_changed``; a hook that fails must not take the engine with it."""
    if not kind.contact_changed:
        return
    hook = import_string(kind.contact_changed)
    for pk in pks:
        try:
            hook(pk)
        except Exception:
            log.exception("%s could not say that contact changed for %s %s.", kind.contact_changed, kind.name, pk)
