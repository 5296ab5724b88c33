"""The audit for who may read it: rows that fit filters, and what the last check found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from accounts.models import Project, User
from audit.chain import NEAR
from audit.choices import Outcome
from audit.models import AuditCheck, AuditEvent, AuditLink
from environments.access import Rights, require
from foundation.days import read_day
from releases.filtering import LAST_CHARACTER, midnight

STALE = timedelta(hours=2)
"""The log is verified each hour: an older result says that no watcher does it."""


@dataclass(frozen=True)
class AuditFilters:
    """What narrows the audit; blank: everything. Days (``2026-11-20``, both count) are of the viewer's zone."""

    since: str = ""
    until: str = ""
    actor: str = ""
    verb: str = ""
    project: str = ""
    environment: str = ""
    subject: str = ""
    outcome: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> AuditFilters:
        """What an address asks for."""
        return cls(**{name: str(query.get(name, "")).strip()[:200] for name in FILTERS})

    @property
    def given(self) -> dict[str, str]:
        """Those that narrow."""
        return {name: value for name, value in asdict(self).items() if value}


FILTERS = tuple(AuditFilters.__dataclass_fields__)


def readable_events(user: User, rights: Rights) -> QuerySet[AuditEvent]:
    """All for auditors and platform administrators, those of own projects for project administrators.

    Raises Denied for everybody else.
    """
    if rights.can("read_audit"):
        return AuditEvent.objects.all()
    slugs = [slug for pk, slug in _own_projects(rights) if rights.can("read_project_audit", project_id=pk)]
    if not slugs:
        require(user, "read_audit")
    return AuditEvent.objects.filter(project__in=slugs)


def may_read_audit(rights: Rights) -> bool:
    """Is there any of it for this person?"""
    return rights.can("read_audit") or any(
        rights.can("read_project_audit", project_id=pk) for pk in rights.project_ids() or ()
    )


def readable_projects(rights: Rights) -> list[str]:
    """Short names of the projects whose audit this person reads."""
    if rights.can("read_audit"):
        return list(Project.objects.order_by("slug").values_list("slug", flat=True))
    return sorted(slug for pk, slug in _own_projects(rights) if rights.can("read_project_audit", project_id=pk))


def _own_projects(rights: Rights) -> Iterable[tuple[int, str]]:
    return Project.objects.filter(pk__in=rights.project_ids() or ()).values_list("pk", "slug")


def filter_events(events: QuerySet[AuditEvent], filters: AuditFilters) -> QuerySet[AuditEvent]:
    """``actor``: user name, or the name as it was recorded; ``verb``: whole, or its beginning up to the dot;
    ``subject``: order number, object, or request number.
    """
    if filters.actor:
        known = User.objects.filter(username=filters.actor).values_list("pk", flat=True).first()
        actor = Q(actor_name=filters.actor) | Q(actor_id=filters.actor)
        events = events.filter(Q(actor_id=str(known)) if known is not None else actor)
    if filters.verb:
        begins = Q(verb__gte=f"{filters.verb}.", verb__lt=f"{filters.verb}.{LAST_CHARACTER}")
        events = events.filter(Q(verb=filters.verb) | begins)
    if filters.subject:
        same = Q(object_name=filters.subject) | Q(request_number=filters.subject.upper())
        events = events.filter(same | Q(object_name=filters.subject.upper()))
    for name in ("project", "environment"):
        if value := getattr(filters, name):
            events = events.filter(**{name: value})
    if filters.outcome in Outcome.values:
        events = events.filter(outcome=filters.outcome)
    return _between(events, filters)


def _between(events: QuerySet[AuditEvent], filters: AuditFilters) -> QuerySet[AuditEvent]:
    """Time and id grow together but for transactions that commit late: an id near the moment bounds what is read."""
    if (day := read_day(filters.since)) is not None:
        since = midnight(day)
        events = events.filter(at__gte=since)
        first = AuditEvent.objects.filter(at__gte=since).order_by("at").values_list("pk", flat=True).first()
        if first is not None:
            events = events.filter(pk__gte=first - NEAR)
    if (day := read_day(filters.until)) is not None:
        until = midnight(day + timedelta(days=1))
        events = events.filter(at__lt=until)
        last = AuditEvent.objects.filter(at__lt=until).order_by("-at").values_list("pk", flat=True).first()
        if last is not None:
            events = events.filter(pk__lte=last + NEAR)
    return events


def with_links(events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    """With ``sequence`` and ``mac`` of each one's link; None while it waits."""
    link = AuditLink.objects.filter(event_id=OuterRef("pk"))
    return events.annotate(sequence=Subquery(link.values("sequence")[:1]), mac=Subquery(link.values("mac")[:1]))


def last_check() -> AuditCheck | None:
    """The run that verifies; None before the first migrate."""
    return AuditCheck.objects.first()


def is_stale(check: AuditCheck) -> bool:
    """True when nobody has verified for two hours."""
    return check.verified_at is None or timezone.now() - check.verified_at > STALE
