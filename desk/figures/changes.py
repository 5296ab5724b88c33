"""Changes of production: which of them failed or were undone, and which brought an order there first."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import BooleanField, Case, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When

from desk.figures.spreads import Seconds
from foundation.runs.choices import RunState
from releases.choices import DeploymentKind
from releases.models import Deployment

UNDONE_WITHIN_SECONDS = 24 * 3600
SUCCESSES = Deployment.objects.filter(
    state=RunState.SUCCEEDED, kind__in=[DeploymentKind.DEPLOY, DeploymentKind.ROLL_BACK]
)


def is_bad() -> Case:
    """True of a deployment that failed, or whose next success in the same place is a roll back begun within a day.

    Not where that roll back applies the deployment's own snapshot: it answers a later deployment that failed.
    """
    back = Deployment.objects.filter(
        ~Q(snapshot=OuterRef("snapshot")), pk=Subquery(_next()), kind=DeploymentKind.ROLL_BACK
    ).annotate(waited=Seconds(F("created_at"), OuterRef("finished_at")))
    return Case(
        When(state=RunState.FAILED, then=Value(True)),
        When(Exists(back.filter(waited__lte=UNDONE_WITHIN_SECONDS)), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )


def _next() -> QuerySet[Deployment, tuple[int]]:
    """Of the outermost deployment: the id of the next success in its place."""
    place = {name: OuterRef(OuterRef(name)) for name in ("component", "space")}
    return SUCCESSES.filter(**place, pk__gt=OuterRef(OuterRef("pk"))).order_by("pk").values_list("pk")[:1]


def first_successes(rows: QuerySet[Deployment], production: Collection[int]) -> QuerySet[Deployment]:
    """Of the rows those that brought their order to production; a second place there is not the first."""
    before = SUCCESSES.filter(
        order=OuterRef("order"), pk__lt=OuterRef("pk"), kind=DeploymentKind.DEPLOY,
        space__environment__in=production,
    )  # fmt: skip
    return rows.filter(~Exists(before), state=RunState.SUCCEEDED, kind=DeploymentKind.DEPLOY)
