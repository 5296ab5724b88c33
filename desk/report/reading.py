"""What a report holds: the rows of a project within a period, in a fixed number of queries for any number of them.

``MOST`` rows a section are shown, the newest of them; a section that has more says so, and the audit's export has all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import Count, F, Prefetch, Q, QuerySet

from accounts.models import Project, User
from audit.choices import Outcome
from audit.models import AuditEvent
from desk.figures.changes import first_successes, is_bad
from desk.figures.spreads import Seconds, Spread, spreads
from desk.report.period import Period
from environments.access import Rights, require
from environments.models import Space
from foundation.clock import db_now
from foundation.runs.choices import RunState
from releases.choices import ApprovalState, DeploymentKind
from releases.models import Approval, BreakGlass, Deployment, OrderEvent, ReleaseOrder

T = TypeVar("T")

MOST = 500
RULE_VERBS = (
    "rule_change.proposed", "rule_change.in_force", "rule_change.refused", "rule_change.withdrawn",
    "rule_change.expired", "space.policy_changed", "space.grants_changed", "space.created", "space.archived",
    "space.restored", "project.changed", "project.archived", "project.restored", "member.added", "member.ended",
)  # fmt: skip
"""Changes of who may do what, and on which conditions."""


@dataclass(frozen=True)
class Rows(Generic[T]):
    """The newest first, and whether there were more."""

    items: list[T]
    has_more: bool = False


@dataclass(frozen=True)
class Totals:
    """Numbers of the whole period; ``lead`` in seconds, from an order's creation to its first success in production."""

    created: int
    released: int
    closed: dict[str, int]
    deployed: int
    failed: int
    undone: int
    rolled_back: int
    automatic: int
    lead: Spread


@dataclass(frozen=True)
class Released:
    """An order that came to production for the first time, by ``deployment``."""

    deployment: Deployment
    approvers: list[User]

    @property
    def order(self) -> ReleaseOrder:
        return self.deployment.order

    @property
    def seconds(self) -> int:
        """Of its lead time."""
        assert self.deployment.finished_at is not None
        return round((self.deployment.finished_at - self.order.created_at).total_seconds())


@dataclass(frozen=True)
class Pair:
    """How often somebody decided about what somebody else made."""

    approver: User
    author: User
    given: int
    rejected: int


@dataclass(frozen=True)
class Report:
    """``rules``: events of the audit; ``forced``: deployments whose place was released by force, with the event."""

    project: Project
    period: Period
    made_at: datetime
    totals: Totals
    released: Rows[Released]
    rules: Rows[AuditEvent]
    break_glasses: Rows[BreakGlass]
    taken_over: Rows[Deployment]
    automatic: Rows[Deployment]
    forced: Rows[AuditEvent]
    pairs: list[Pair]


def read_report(rights: Rights, project: Project, period: Period) -> Report:
    """For those who may read it; raises Denied, and Missing for who does not see the project."""
    require(rights.user, "read_report", project_id=project.pk, rights=rights)
    production = dict(
        Space.objects.filter(project=project, environment__is_production=True).values_list("pk", "environment_id")
    )
    deployments = _deployments(project, period)
    there = deployments.filter(space__in=list(production))
    first = first_successes(there, set(production.values()))
    return Report(
        project=project,
        period=period,
        made_at=db_now(),
        totals=_totals(project, period, there, first),
        released=_released(first),
        rules=_newest(_events(project, period).filter(verb__in=RULE_VERBS)),
        break_glasses=_newest(_break_glasses(project, period)),
        taken_over=_newest(_shown(deployments.exclude(snapshot=None).exclude(snapshot__take_over={}))),
        automatic=_newest(_shown(deployments.filter(is_automatic=True))),
        forced=_newest(_events(project, period).filter(verb="deployment.released")),
        pairs=_pairs(project, period),
    )


def _newest(rows: QuerySet[Any]) -> Rows[Any]:
    found = list(rows.order_by("-pk")[: MOST + 1])
    return Rows(found[:MOST], len(found) > MOST)


def _events(project: Project, period: Period) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(
        project=project.slug, at__gte=period.start, at__lt=period.end, outcome=Outcome.DONE
    )


def _order_events(project: Project, period: Period) -> QuerySet[OrderEvent]:
    rows = OrderEvent.objects.filter(order__project=project, at__gte=period.start, at__lt=period.end)
    return rows.order_by()


def _deployments(project: Project, period: Period) -> QuerySet[Deployment]:
    """All that ended within the period."""
    return Deployment.objects.filter(
        order__project=project, finished_at__gte=period.start, finished_at__lt=period.end
    ).order_by()


def _shown(rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
    rows = rows.select_related("order__component", "order__author", "space__environment", "deployed_by", "snapshot")
    return rows.defer("applied", "progress", "snapshot__manifests", "snapshot__origins")


# ---------------------------------------------------------------- numbers
def _totals(project: Project, period: Period, there: QuerySet[Deployment], first: QuerySet[Deployment]) -> Totals:
    """``there``: what ended in production within the period; ``first``: those of it that brought their order there."""
    orders = ReleaseOrder.objects.filter(project=project)
    created = orders.filter(created_at__gte=period.start, created_at__lt=period.end)
    closed = _order_events(project, period).filter(kind="order.closed").exclude(order__closed_reason="")
    timed = first.annotate(seconds=Seconds(F("finished_at"), F("order__created_at")), all=F("space__project_id"))
    changes = there.filter(kind=DeploymentKind.DEPLOY, state__in=[RunState.SUCCEEDED, RunState.FAILED])
    counts = changes.annotate(bad=is_bad()).aggregate(
        deployed=Count("pk", filter=Q(state=RunState.SUCCEEDED)),
        failed=Count("pk", filter=Q(state=RunState.FAILED)),
        undone=Count("pk", filter=Q(state=RunState.SUCCEEDED, bad=True)),
    )
    back = there.filter(kind=DeploymentKind.ROLL_BACK, state=RunState.SUCCEEDED)
    backs = back.aggregate(rolled_back=Count("pk"), automatic=Count("pk", filter=Q(is_automatic=True)))
    return Totals(
        created=created.count(),
        released=first.count(),
        closed=dict(closed.values_list("order__closed_reason").annotate(Count("order", distinct=True))),
        lead=next((spread for _number, _group, spread in spreads(timed, ["all"])), Spread()),
        **counts,
        **backs,
    )


# ---------------------------------------------------------------- what was released
def _released(first: QuerySet[Deployment]) -> Rows[Released]:
    consents = Approval.objects.filter(state=ApprovalState.GIVEN, scale_request=None).select_related("by")
    prefetch = Prefetch("snapshot__approvals", consents.order_by("pk"), to_attr="consents")
    rows = _newest(_shown(first).prefetch_related(prefetch))
    return Rows([Released(row, _approvers(row)) for row in rows.items], rows.has_more)


def _approvers(row: Deployment) -> list[User]:
    """Whose consent it had when it was deployed."""
    found: list[Approval] = getattr(row.snapshot, "consents", []) if row.snapshot else []
    return [one.by for one in found if one.created_at <= row.created_at]


# ---------------------------------------------------------------- exceptions and consents
def _break_glasses(project: Project, period: Period) -> QuerySet[BreakGlass]:
    rows = BreakGlass.objects.filter(space__project=project, opened_at__gte=period.start, opened_at__lt=period.end)
    return rows.select_related(
        "order__component", "space__environment", "opened_by", "ended_by", "reviewed_by"
    )  # fmt: skip


def _pairs(project: Project, period: Period) -> list[Pair]:
    """Words that were said within the period, also those that were withdrawn or voided later."""
    rows = _order_events(project, period).filter(kind__in=["approval.given", "approval.rejected"], actor__isnull=False)
    counts = rows.values_list("actor", "order__author").annotate(
        given=Count("pk", filter=Q(kind="approval.given")), rejected=Count("pk", filter=Q(kind="approval.rejected"))
    )
    found = list(counts)
    people = User.objects.in_bulk({pk for by, author, *_counts in found for pk in (by, author)})
    pairs = [Pair(people[by], people[author], given, rejected) for by, author, given, rejected in found]
    return sorted(pairs, key=lambda one: (-one.given - one.rejected, one.approver.username, one.author.username))
