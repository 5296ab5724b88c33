"""The run that seals, one pass a second, and the run that verifies, one round an hour."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import httpx
from django.conf import settings

import audit
from audit.chain import read_head, seal_events
from audit.heads import START, Head, heads_file, keep_head, newest_kept
from audit.marks import shown_time
from audit.verification import Reading, conclude
from deployer.adapters.pinned import pinned
from foundation.clock import db_now
from foundation.outbound import check_url
from foundation.problems import Refused
from foundation.runs.engine import Again, Lease

log = logging.getLogger("audit")

PAUSE_SECONDS = 1.0
BATCH = 500
HEAD_EVERY = timedelta(minutes=1)
WEBHOOK_SECONDS = 3.0
LINKS_A_PASS = 5000
ROUND_SECONDS = 3600.0
BETWEEN_SECONDS = 0.2


def seal(lease: Lease) -> Again:
    """Links what was committed since the last pass and appends the new head to the file of heads.

    Each minute it sweeps everywhere, and tells the head to the log and to the webhook, where there is one.
    """
    row, now = lease.read(), db_now()
    is_sweep = row.head_logged_at is None or now - row.head_logged_at >= HEAD_EVERY
    if is_sweep and row.head_logged_at is not None:
        _note_lost_file()
    sealed = seal_events(limit=BATCH, everywhere=is_sweep)
    if sealed or is_sweep:
        head = read_head()
        _keep(head, now)
    if is_sweep:
        log.info("Audit chain: %s links, head %s.", head.sequence, head.mac)
        _post(head, now)
        lease.save(head_logged_at=now)
    return Again(0.0 if sealed == BATCH else PAUSE_SECONDS)


def _note_lost_file() -> None:
    """A file that begins anew proves nothing of what was before: the log itself says since when."""
    path = heads_file()
    if path is not None and not path.exists():
        audit.record(audit.platform, "audit.heads_begun_anew", object_type="platform", after={"file": str(path)})


def _keep(head: Head, now: datetime) -> None:
    """A disk that is full must not stop the sealing: the log keeps heads too."""
    if newest_kept() == head:
        return
    try:
        keep_head(head, now)
    except OSError as error:
        log.error("The head of the audit chain cannot be kept in AUDIT_HEADS_FILE: %s", error)


def _post(head: Head, now: datetime) -> None:
    """Tells the webhook, within three seconds; the next minute tells the next head, whether this one arrived or not."""
    url = settings.AUDIT_HEADS_WEBHOOK
    if not url:
        return
    try:
        check_url(url, allowed_schemes=("https", "http"))
        body = {"sequence": head.sequence, "mac": head.mac, "at": shown_time(now), "platform": settings.PLATFORM_URL}
        with httpx.Client(transport=pinned(httpx.HTTPTransport()), timeout=WEBHOOK_SECONDS) as client:
            client.post(url, json=body).raise_for_status()
    except (httpx.HTTPError, Refused) as error:
        log.error("The webhook of audit heads did not take the head: %s", error)


def check(lease: Lease) -> Again:
    """Reads some links more; at the end of a round writes what was found, and begins anew in an hour or when woken."""
    row = lease.read()
    reading = Reading(checked=row.checked, mac=row.mac or START)
    reading.go_on(LINKS_A_PASS)
    if not (reading.is_at_end or reading.problem):
        lease.save(checked=reading.checked, mac=reading.mac)
        return Again(BETWEEN_SECONDS)
    found = conclude(reading)
    if not found.is_whole:
        log.error("The audit log is not whole after %s links. %s", found.checked, " ".join(found.problems))
    lease.save(
        checked=0, mac="", verified=found.checked, waiting=found.unsealed, problem=found.problem, verified_at=db_now()
    )
    return Again(ROUND_SECONDS)
