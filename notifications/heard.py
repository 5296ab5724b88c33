"""What was done, as the audit has it, with the rows that it speaks of: what is worth telling, and about what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Project
from audit.choices import Outcome
from audit.models import AuditEvent, AuditLink
from environments.models import Space
from releases.models import ReleaseOrder

LINKS_A_PASS = 500
EVENTS_A_PASS = 20
"""So many are told of in one pass: who is told takes some queries each."""


@dataclass(frozen=True)
class Heard:
    """One act or end; ``subject`` is the id of the row that it is about, ``actor`` None for the platform.

    ``link``: its number in the audit's chain.
    """

    event: int
    verb: str
    at: datetime
    actor: int | None
    subject: int
    project: Project | None
    order: ReleaseOrder | None = None
    space: Space | None = None
    link: int = 0


@dataclass(frozen=True)
class Passage:
    """What a pass has read: up to which link, whether there is more, and what of it is worth telling."""

    up_to: int
    is_all: bool
    events: list[Heard]


def listen(after: int, verbs: frozenset[str]) -> Passage:
    """What was sealed after this link, in the order of the seal, as far as one pass goes.

    Links have no gaps and none comes late, as ids of events do: a transaction that began early may commit late, and is
    sealed when it is there.
    """
    links = list(AuditLink.objects.filter(sequence__gt=after).order_by("sequence")[:LINKS_A_PASS])
    wanted = AuditEvent.objects.filter(
        pk__in=[link.event_id for link in links], verb__in=verbs, outcome=Outcome.DONE
    ).in_bulk()
    told = [link for link in links if link.event_id in wanted]
    chosen = told[:EVENTS_A_PASS]
    is_all = len(links) < LINKS_A_PASS and len(told) <= EVENTS_A_PASS
    up_to = chosen[-1].sequence if len(told) > EVENTS_A_PASS else (links[-1].sequence if links else after)
    return Passage(up_to, is_all, _with_rows({link.sequence: wanted[link.event_id] for link in chosen}))


def _with_rows(by_link: Mapping[int, AuditEvent]) -> list[Heard]:
    """With what they name, in three queries; what is there no more is left out."""
    if not by_link:
        return []
    events = by_link.values()
    orders = ReleaseOrder.objects.filter(number__in={event.object_name for event in events})
    by_number = {row.number: row for row in orders.select_related("component__project", "project", "author")}
    by_slug = {row.slug: row for row in Project.objects.filter(slug__in={event.project for event in events})}
    slugs = {event.environment for event in events}
    rows = Space.objects.filter(project__in=list(by_slug.values()), environment__slug__in=slugs)
    spaces = {
        (row.project.slug, row.environment.slug): row
        for row in rows.select_related("project", "environment__twin", "cluster")
    }
    return [
        Heard(
            event.pk, event.verb, event.at, _number(event.actor_id), _number(event.object_id) or 0,
            by_slug.get(event.project), by_number.get(event.object_name),
            spaces.get((event.project, event.environment)), link,
        )
        for link, event in by_link.items()
    ]  # fmt: skip


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None
