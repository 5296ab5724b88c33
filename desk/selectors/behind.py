"""How far an environment lies behind the one before it, and which orders lie between; a twin behind its sibling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Count, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from environments.models import Environment
from foundation.runs.choices import RunState
from releases.choices import DeploymentKind
from releases.models import Deployment, Placement

MOST_BETWEEN = 100


@dataclass(frozen=True)
class Between:
    """What ``place`` lacks: it serves ``here``, the environment before it serves ``ahead``.

    ``orders`` are those that succeeded there since ``here`` up to ``ahead``, newest first, each with when it did.
    """

    place: Placement
    before: Environment
    ahead: Deployment
    passed: list[Deployment]
    is_cut: bool


def with_behind(rows: QuerySet[Placement]) -> QuerySet[Placement]:
    """Placements with the number of orders that each lies behind, in ``behind``; 0 for those that do not."""
    return _with_ahead(rows).annotate(behind=Coalesce(Subquery(_passed_count()), 0))


def behind_placements() -> QuerySet[Placement]:
    """Every placement that lies behind."""
    rows = Placement.objects.filter(last_succeeded__isnull=False)
    known: QuerySet[Any] = _with_ahead(rows)
    return known.filter(ahead__gt=F("last_succeeded__order_id"))


def between(place: Placement) -> Between | None:
    """The comparison of a placement with the environment before it; None where it is not behind."""
    if place.last_succeeded is None:
        return None
    environment = place.space.environment
    sibling = Q(space__environment=environment.twin_id)
    is_before = sibling if environment.twin_id else Q(space__environment__followed_by=environment)
    before = (
        Placement.objects.filter(
            is_before,
            component_id=place.component_id,
            space__project_id=place.space.project_id,
            last_succeeded__order_id__gt=place.last_succeeded.order_id,
        )
        .select_related("last_succeeded__order__author", "space__environment")
        .order_by("-last_succeeded__order_id")
        .first()
    )
    if before is None or before.last_succeeded is None:
        return None
    rows = Deployment.objects.filter(
        component_id=place.component_id,
        space_id=before.space_id,
        state=RunState.SUCCEEDED,
        kind=DeploymentKind.DEPLOY,
        order_id__gt=place.last_succeeded.order_id,
        order_id__lte=before.last_succeeded.order_id,
    )
    firsts = rows.select_related("order__author", "deployed_by").order_by("-order_id", "-pk")
    passed: dict[int, Deployment] = {}
    for row in firsts[: MOST_BETWEEN * 2]:
        passed.setdefault(row.order_id, row)
    shown = list(passed.values())[:MOST_BETWEEN]
    return Between(place, before.space.environment, before.last_succeeded, shown, len(passed) > len(shown))


def _with_ahead(rows: QuerySet[Placement]) -> QuerySet[Placement]:
    """Each with the newest order that an environment before it serves, in ``ahead``; None where none does.

    A twin comes after its sibling and after nothing else, also not after those that it follows.
    """
    before = Placement.objects.alias(
        twin_of=ExpressionWrapper(OuterRef("space__environment__twin"), output_field=BigIntegerField(null=True))
    ).filter(
        Q(space__environment=F("twin_of"))
        | Q(twin_of=None, space__environment__followed_by=OuterRef("space__environment")),
        component=OuterRef("component"),
        space__project=OuterRef("space__project"),
        last_succeeded__isnull=False,
    )
    newest = before.order_by("-last_succeeded__order_id").values("last_succeeded__order_id")[:1]
    place = before.order_by("-last_succeeded__order_id").values("space_id")[:1]
    return rows.annotate(ahead=Subquery(newest), before_space=Subquery(place))


def _passed_count() -> QuerySet[Any, Any]:
    """For each such placement: orders that succeeded in the place before it, later than what it serves."""
    passed = Deployment.objects.filter(
        component=OuterRef("component"),
        space=OuterRef("before_space"),
        state=RunState.SUCCEEDED,
        kind=DeploymentKind.DEPLOY,
        order_id__gt=OuterRef("last_succeeded__order_id"),
        order_id__lte=OuterRef("ahead"),
    )
    return passed.order_by().values("component").annotate(n=Count("order", distinct=True)).values("n")
