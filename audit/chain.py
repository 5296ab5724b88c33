"""The chain that proves the log whole: each link is an HMAC over the link before and the event, in sealing order.

The key lives outside the database: who can write every table still cannot forge a link. Cutting the newest links off
leaves a valid shorter chain; heads that are kept outside (:mod:`audit.heads`) give that away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, ExpressionWrapper, F, Max, OuterRef, QuerySet, TextField

import audit
from audit.heads import RESTORED, START, Head, newest_kept
from audit.marks import CONTENT, PROOFS, TEXTS, digest_of, link_mac, shown_time
from audit.models import AuditEvent, AuditLink
from foundation.messages import message as _
from foundation.messages import to_json_data
from foundation.problems import Invalid

NEAR = 10_000
"""How far below the highest sealed id a pass looks for transactions that committed late."""

CHUNK = 1000
"""How many rows a reader of the whole log holds at once."""


class StoredEvent(NamedTuple):
    """What the database holds of an event, as proof sees it; ``digest`` is over it as it is now."""

    id: int
    mark: str
    digest: str


def stored(events: QuerySet[AuditEvent]) -> Iterator[StoredEvent]:
    """The events with the digest of their stored columns: texts as they are, no JSON is read."""
    raw = {f"raw_{name}": ExpressionWrapper(F(name), output_field=TextField()) for name in PROOFS}
    for pk, mark, *content in events.annotate(**raw).values_list("pk", "mark", "at", *TEXTS, *raw):
        yield StoredEvent(pk, mark, digest_of(content))


def event_data(event: AuditEvent) -> dict[str, Any]:
    """An event as plain JSON data, with its mark: all that a digest can be made of again."""
    data: dict[str, Any] = {"id": event.pk, "mark": event.mark}
    data |= {name: getattr(event, name) for name in CONTENT}
    return data | {"at": shown_time(event.at), "reason_message": to_json_data(event.reason_message)}


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
    transaction that committed later than ``NEAR`` others is left to the next sweep everywhere. An event whose mark
    does not fit is linked as it is: verification names it for ever.

    Two sealers at once cannot fork the chain: sequence and event id are unique, so one of them fails whole.
    """
    waiting = unsealed_events()
    if not everywhere:
        newest = AuditLink.objects.aggregate(newest=Max("event_id"))["newest"] or 0
        waiting = waiting.filter(pk__gt=newest - NEAR)
    # Read before the transaction: the sweep must not hold SQLite's one write lock.
    events = list(stored(waiting[:limit]))
    if not events:
        return 0
    with transaction.atomic():
        head = read_head()
        AuditLink.objects.bulk_create(new_links(head, events))
    return len(events)


def new_links(head: Head, events: Iterable[StoredEvent]) -> list[AuditLink]:
    """The links that follow a head, one an event."""
    links, mac = [], head.mac
    for sequence, event in enumerate(events, head.sequence + 1):
        before, mac = mac, link_mac(mac, sequence, event.id, event.mark, event.digest)
        links.append(AuditLink(sequence=sequence, event_id=event.id, previous_mac=before, mac=mac))
    return links


def linked_events(*, after: int = 0, size: int = CHUNK) -> Iterator[tuple[AuditLink, AuditEvent | None]]:
    """Links in order with their events (None: it is gone), ``size`` at a time."""
    last = after
    while links := list(AuditLink.objects.filter(sequence__gt=last).order_by("sequence")[:size]):
        events = AuditEvent.objects.in_bulk([link.event_id for link in links])
        for link in links:
            yield link, events.get(link.event_id)
        last = links[-1].sequence


def export_lines(*, after: int, head: Head) -> Iterator[dict[str, Any]]:
    """One dictionary a sealed event (its data, ``sequence``, ``mac``), oldest first, up to that head."""
    for link, event in linked_events(after=after):
        if link.sequence > head.sequence:
            break
        data = event_data(event) if event else {"id": link.event_id, "missing": True}
        yield data | {"sequence": link.sequence, "previous_mac": link.previous_mac, "mac": link.mac}


def record_restore(*, known_head: str, facts: dict[str, Any]) -> Head:
    """Seals what the backup had, then records the restore; returns the last link that the backup had.

    ``known_head``: ``SEQUENCE:MAC`` from outside the database, empty where nobody has one. ``facts`` are kept with
    it. Raises Invalid for a head that is none, or that this log would have to contain and does not, and for one
    behind the newest in the file of heads: the gap would be told shorter than it is.
    """
    while seal_events():
        pass
    kept = read_head()
    try:
        known = Head.parse(known_head)
    except ValueError as error:
        raise Invalid({"audit_head": [str(error)]}) from None
    if known and known.sequence <= kept.sequence and not is_here(known):
        # A platform that ran before this was recorded has made other links of these numbers.
        message = _(
            "Link %(number)s of this log is another one: the head is of another installation or timeline.",
            number=known.sequence,
        )
        raise Invalid({"audit_head": [message]})
    _refuse_older_than_kept(known, kept)
    newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    heads = {"kept_head": str(kept), "known_head": str(known or ""), "last_event": newest}
    audit.record(audit.platform, RESTORED, object_type="platform", after={**heads, **facts})
    seal_events()
    return kept


def _refuse_older_than_kept(known: Head | None, kept: Head) -> None:
    outside = newest_kept()
    last = known.sequence if known else kept.sequence
    if outside and outside.sequence > max(last, kept.sequence):
        message = _("The file of heads knows a later one: give --audit-head %(head)s.", head=str(outside))
        raise Invalid({"audit_head": [message]})


def is_here(head: Head) -> bool:
    """Is it a link of this log?"""
    return head.sequence == 0 or AuditLink.objects.filter(sequence=head.sequence, mac=head.mac).exists()
