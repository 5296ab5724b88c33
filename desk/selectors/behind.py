"""How far an environment lies behind the one before it; a twin behind its sibling."""

from __future__ import annotations

from typing import Any

from django.db.models import BigIntegerField, Count, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from foundation.runs.choices import RunState
from releases.choices import DeploymentKind
from releases.models import Deployment, Placement


def with_behind(rows: QuerySet[Placement]) -> QuerySet[Placement]:
    """Placements with the number of orders that each lies behind, in ``behind``; 0 for those that do not."""
    return _with_ahead(rows).annotate(behind=Coalesce(Subquery(_passed_count()), 0))


def behind_placements() -> QuerySet[Placement]:
    """Every placement that lies behind."""
    rows = Placement.objects.filter(last_succeeded__isnull=False)
    known: QuerySet[Any] = _with_ahead(rows)
    return known.filter(ahead__gt=F("last_succeeded__order_id"))


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
