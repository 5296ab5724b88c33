"""The chain that proves the log whole: each link is an HMAC over the link before and the event, in sealing order.

The key (``settings.AUDIT_KEY``) lives outside the database: who can write every table still cannot forge a link.
Cutting the newest links off leaves a valid shorter chain; heads that were logged and exported give that away.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet

import audit
from audit.heads import RESTORED, Gap, Head, gap_of
from audit.models import AuditEvent, AuditLink
from foundation.messages import message as _
from foundation.messages import to_json_data
from foundation.problems import Invalid

START = "0" * 64
"""What stands before the first link."""

NEAR = 10_000
"""How far below the highest sealed id a pass looks for transactions that committed late."""

FIELDS = (
    "actor_id", "actor_name", "verb", "object_type", "object_id", "object_name", "project", "environment",
    "outcome", "reason", "before", "after", "request_number", "address",
)  # fmt: skip


@dataclass(frozen=True)
class Verification:
    """``broken_at`` is the sequence of the first link that does not fit (0: none does not), ``problem`` says how.

    ``restored``: gaps that a restore of the database left and named; they are no problem.
    """

    checked: int
    unsealed: int
    head: Head
    broken_at: int = 0
    problem: str = ""
    restored: tuple[Gap, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True when every link fits."""
        return not self.problem


def event_data(event: AuditEvent) -> dict[str, Any]:
    """An event as plain JSON data; times in UTC with six decimals, so that both databases give the same text."""
    moment = event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    reason_message = to_json_data(event.reason_message)
    return {"id": event.pk, "at": moment, **{name: getattr(event, name) for name in FIELDS}} | {
        "reason_message": reason_message
    }


def canonical(event: AuditEvent) -> bytes:
    """The one byte string that stands for an event: JSON with sorted keys and no spaces."""
    return json.dumps(event_data(event), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def link_mac(previous_mac: str, sequence: int, event: AuditEvent) -> str:
    """The HMAC-SHA256 (hex) of one link."""
    message = f"{sequence}\n{previous_mac}\n".encode() + canonical(event)
    return hmac.new(settings.AUDIT_KEY.encode(), message, hashlib.sha256).hexdigest()


def read_head() -> Head:
    """The newest link, or sequence 0 before the first."""
    link = AuditLink.objects.order_by("-sequence").first()
    return Head(link.sequence, link.mac) if link else Head(0, START)


def unsealed_events() -> QuerySet[AuditEvent]:
    """Committed events without a link, in any order of ids: a transaction that began early may commit late."""
    return AuditEvent.objects.filter(~Exists(AuditLink.objects.filter(event_id=OuterRef("pk")))).order_by("pk")


def seal_events(*, limit: int = 500, everywhere: bool = True) -> int:
    """Links events that have none, lowest id first; returns how many. For the one sealing run.

    Without ``everywhere`` it looks only at the newest ids, so that a pass costs the same with a million events: a
    transaction that committed later than ``NEAR`` others is left to the next sweep everywhere.

    Two sealers at once cannot fork the chain: sequence and event id are unique, so one of them fails whole.
    """
    waiting = unsealed_events()
    if not everywhere:
        newest = AuditLink.objects.aggregate(newest=Max("event_id"))["newest"] or 0
        waiting = waiting.filter(pk__gt=newest - NEAR)
    # Read before the transaction: the sweep must not hold SQLite's one write lock.
    events = list(waiting[:limit])
    if not events:
        return 0
    with transaction.atomic():
        head = read_head()
        links, mac = [], head.mac
        for sequence, event in enumerate(events, head.sequence + 1):
            before, mac = mac, link_mac(mac, sequence, event)
            links.append(AuditLink(sequence=sequence, event_id=event.pk, previous_mac=before, mac=mac))
        AuditLink.objects.bulk_create(links)
    return len(links)


def verify(*, known_head: str = "") -> Verification:
    """Recomputes the whole chain from the events; the first link that does not fit ends it.

    ``known_head`` ("sequence:mac" from a log line or an export) must be in it, or in a gap that a restore of the
    database named: that finds a chain cut short. Raises ValueError for a head that is none.
    """
    wanted = Head.parse(known_head)
    checked, mac, problem, broken_at = 0, START, "", 0
    gaps: list[Gap] = []
    found: Head | None = Head(0, START)
    for link, event in linked_events():
        problem = _problem(link, event, checked + 1, mac)
        if not problem and event and (gap := gap_of(event)):
            gaps.append(gap)
            problem = _problem_of_gap(gap, link)
        if problem:
            broken_at = checked + 1
            break
        checked, mac = checked + 1, link.mac
        if wanted and link.sequence == wanted.sequence:
            found = Head(link.sequence, link.mac)
    if not problem and wanted and found != wanted and not any(gap.holds(wanted) for gap in gaps):
        problem, broken_at = _problem_of_head(wanted, checked), min(wanted.sequence, checked + 1)
    return Verification(
        checked=checked,
        unsealed=unsealed_events().count(),
        head=Head(checked, mac),
        broken_at=broken_at,
        problem=problem,
        restored=tuple(gaps),
    )


def _problem_of_head(wanted: Head, checked: int) -> str:
    if wanted.sequence > checked:
        return f"The chain ends at link {checked}, but the known head is link {wanted.sequence}."
    return f"Link {wanted.sequence} is not the one that the known head names."


def _problem_of_gap(gap: Gap, link: AuditLink) -> str:
    """A gap begins where the chain was when the restore was recorded: one that begins elsewhere explains nothing."""
    kept = gap.kept
    is_here = kept.sequence == 0 or AuditLink.objects.filter(sequence=kept.sequence, mac=kept.mac).exists()
    return "" if is_here and kept.sequence < link.sequence else f"The restore of link {link.sequence} names no link."


def export_lines(*, after: int = 0) -> Iterator[dict[str, Any]]:
    """One dictionary a sealed event (its data, ``sequence``, ``mac``), oldest first; the last is ``{"head": …}``."""
    head = read_head()
    for link, event in linked_events(after=after):
        if link.sequence > head.sequence:
            break
        data = event_data(event) if event else {"id": link.event_id, "missing": True}
        yield data | {"sequence": link.sequence, "previous_mac": link.previous_mac, "mac": link.mac}
    yield {"head": {"sequence": head.sequence, "mac": head.mac}}


def linked_events(*, after: int = 0, size: int = 1000) -> Iterator[tuple[AuditLink, AuditEvent | None]]:
    """Links in order with their events (None: it is gone), ``size`` at a time."""
    last = after
    while links := list(AuditLink.objects.filter(sequence__gt=last).order_by("sequence")[:size]):
        events = AuditEvent.objects.in_bulk([link.event_id for link in links])
        for link in links:
            yield link, events.get(link.event_id)
        last = links[-1].sequence


def _problem(link: AuditLink, event: AuditEvent | None, expected: int, previous_mac: str) -> str:
    if link.sequence != expected:
        return f"Link {expected} is missing."
    if event is None:
        return f"Event {link.event_id} of link {expected} is missing."
    if link.previous_mac != previous_mac:
        return f"Link {expected} does not follow the link before it."
    if not hmac.compare_digest(link_mac(previous_mac, expected, event), link.mac):
        return f"Event {link.event_id} of link {expected} was changed, or another AUDIT_KEY sealed it."
    return ""


def record_restore(*, known_head: str, facts: dict[str, Any]) -> Head:
    """Seals what the backup had, then records the restore; returns the last link that the backup had.

    ``known_head``: ``SEQUENCE:MAC`` from outside the database, empty where nobody has one. ``facts`` are kept with
    it. Raises Invalid for a head that is none, or that this log would have to contain and does not.
    """
    while seal_events():
        pass
    kept = read_head()
    try:
        known = Head.parse(known_head)
    except ValueError as error:
        raise Invalid({"audit_head": [str(error)]}) from None
    if known and known.sequence <= kept.sequence and not _is_here(known):
        # A platform that ran before this was recorded has made other links of these numbers.
        sentence = _(
            "Link %(number)s of this log is another one: the head is of another installation or timeline.",
            number=known.sequence,
        )
        raise Invalid({"audit_head": [sentence]})
    newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    heads = {"kept_head": str(kept), "known_head": str(known or ""), "last_event": newest}
    audit.record(audit.platform, RESTORED, object_type="platform", after={**heads, **facts})
    seal_events()
    return kept


def _is_here(head: Head) -> bool:
    return head.sequence == 0 or AuditLink.objects.filter(sequence=head.sequence, mac=head.mac).exists()
