"""Which components differ between two spaces, and in what: found, counted and paged by the database.

What counts is what serves: the order of the last success in each place, and the versions in its snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Count,
    ExpressionWrapper,
    F,
    FilteredRelation,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Greatest, Least

from components.models import Component
from components.selectors import newest_settings
from components.services.allocations import AMOUNTS
from components.services.scaling_rules import NUMBERS
from environments.models import Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.choices import DeploymentKind
from releases.models import Deployment

PAGE = 50
MOST_NAMED = 4
"""So many of those that are the same are named."""
SAME = "none"
OUT_OF_LINE = "line"
"""What a pair of twins should have alike: all but the amounts, which are each environment's own."""
KINDS: dict[str, MessageLike] = {
    "version": _("Version"),
    "configuration": _("Configuration"),
    "allocation": _("Allocation"),
    "template": _("Template"),
}
"""In what two places of one component may differ."""

RULE = ("is_on", *NUMBERS)
TEMPLATES = ("deployment_template", "service_template")

_VERSION = Q(unlike_order=True)
_BOTH = Q(left_snapshot__isnull=False, right_snapshot__isnull=False)
_BY_KIND: dict[str, Q] = {
    "version": _VERSION,
    "configuration": _BOTH & (Q(unlike_env=True) | Q(unlike_files=True)),
    "allocation": _BOTH & (Q(unlike_amounts=True) | Q(unlike_rule=True)),
    "template": _BOTH & Q(unlike_templates=True),
}
_UNLIKE_TWIN = _VERSION | _BY_KIND["configuration"] | _BY_KIND["template"]
_ANY = _UNLIKE_TWIN | _BY_KIND["allocation"]
_NOWHERE = Q(left_order=None, right_order=None)


@dataclass(frozen=True)
class Counts:
    """How many components of the project differ, by kind and at all; ``same`` serve alike, ``nowhere`` do not serve.

    ``out_of_line``: those that differ in more than their amounts.
    """

    by_kind: dict[str, int]
    differ: int
    same: int
    nowhere: int
    out_of_line: int = 0

    @property
    def total(self) -> int:
        """All of the project."""
        return self.differ + self.same + self.nowhere


def components_of(left: Space, right: Space) -> QuerySet[Component]:
    """The project's, each with what serves in both places and flags of what is unlike."""
    return side_by_side([left], [right])


def side_by_side(lefts: Sequence[Space], rights: Sequence[Space]) -> QuerySet[Component]:
    """The same of many projects, each of which has one space on either side."""
    rows: QuerySet[Any] = Component.objects.filter(project__in=[row.project_id for row in lefts], is_archived=False)
    rows = rows.alias(
        at_left=FilteredRelation("placements", condition=Q(placements__space__in=[row.pk for row in lefts])),
        at_right=FilteredRelation("placements", condition=Q(placements__space__in=[row.pk for row in rights])),
    )
    rows = rows.annotate(
        left_order=F("at_left__last_succeeded__order"),
        right_order=F("at_right__last_succeeded__order"),
        left_snapshot=F("at_left__last_succeeded__snapshot"),
        right_snapshot=F("at_right__last_succeeded__snapshot"),
        unlike_order=_unlike("order"),
        unlike_env=_unlike("snapshot__config__env", nothing=[]),
        unlike_files=_unlike("snapshot__config__files", nothing={}),
        unlike_amounts=_unlike(*(f"snapshot__allocation__{name}" for name in AMOUNTS)),
        unlike_rule=_unlike(*(f"snapshot__scaling_rule__{name}" for name in RULE)),
        unlike_templates=_unlike(*(f"snapshot__{name}" for name in TEMPLATES)),
    )
    return rows


_NOT_GIVEN = object()


def _unlike(*paths: str, nothing: Any = _NOT_GIVEN) -> Case:
    """True where one of these columns is not the same in both places; ``nothing`` counts as a row that is not there."""
    alike = Q()
    for path in paths:
        one, other = (f"{side}__last_succeeded__{path}" for side in ("at_left", "at_right"))
        same = Q(**{one: F(other)}) | Q(**{f"{one}__isnull": True, f"{other}__isnull": True})
        if nothing is not _NOT_GIVEN:
            same |= Q(**{one: nothing, f"{other}__isnull": True}) | Q(**{other: nothing, f"{one}__isnull": True})
        alike &= same
    return Case(When(alike, then=Value(False)), default=Value(True), output_field=BooleanField())


def count(rows: QuerySet[Component]) -> Counts:
    """Of :func:`components_of`: one query, which reads each component of the project once."""
    return _counts(rows.aggregate(**_counted()))


def count_by_project(rows: QuerySet[Component]) -> dict[int, Counts]:
    """Of :func:`side_by_side`, by the id of the project: one query."""
    found: QuerySet[Any, Any] = rows.order_by("project").values("project").annotate(**_counted())
    return {row["project"]: _counts(row) for row in found}


def _counted() -> dict[str, Count]:
    by_kind = {kind: Count("pk", filter=condition) for kind, condition in _BY_KIND.items()}
    return by_kind | {
        "everything": Count("pk"),
        "differ": Count("pk", filter=_ANY),
        "nowhere": Count("pk", filter=_NOWHERE),
        "out_of_line": Count("pk", filter=_UNLIKE_TWIN),
    }


def _counts(found: Mapping[str, int]) -> Counts:
    same = found["everything"] - found["differ"] - found["nowhere"]
    by_kind = {kind: found[kind] for kind in KINDS}
    return Counts(by_kind, found["differ"], same, found["nowhere"], found["out_of_line"])


def with_rank(rows: QuerySet[Component]) -> QuerySet[Any]:
    """With ``rank``: 0 where the right-hand place lies behind, 1 where it serves another order, 2 otherwise."""
    rank = Case(
        When(Q(left_order__gt=F("right_order")) | Q(left_order__isnull=False, right_order=None), then=Value(0)),
        When(_VERSION, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return rows.annotate(rank=rank)


def page_of(rows: QuerySet[Component], *, kind: str, start: str) -> list[Any]:
    """One more than :data:`PAGE` where more follow: what lies behind first, then other versions, then the rest.

    ``start`` is :func:`cursor` of the last one of the page before.
    """
    found = narrowed(with_rank(rows), kind)
    number, _slash, slug = start.partition("/")
    if number.isascii() and number.isdigit() and slug:
        found = found.filter(Q(rank__gt=int(number[:1])) | Q(rank=int(number[:1]), slug__gt=slug))
    return list(found.order_by("rank", "slug")[: PAGE + 1])


def narrowed(rows: QuerySet[Any], kind: str) -> QuerySet[Any]:
    """Those that differ in this: of :data:`KINDS`, :data:`SAME` or :data:`OUT_OF_LINE`; in anything otherwise."""
    others = {SAME: ~_ANY & ~_NOWHERE, OUT_OF_LINE: _UNLIKE_TWIN}
    wanted = others.get(kind) or _BY_KIND.get(kind, _ANY)
    return rows.filter(ExpressionWrapper(wanted, BooleanField()))


def cursor(row: Any) -> str:
    """Where the next page begins."""
    return f"{row.rank}/{row.slug}"


def same_names(rows: QuerySet[Component]) -> list[str]:
    """The first few of those that are the same in both."""
    same = rows.filter(ExpressionWrapper(~_ANY & ~_NOWHERE, BooleanField()))
    return list(same.order_by("slug").values_list("name", flat=True)[:MOST_NAMED])


def with_distance(ids: list[int], left: Space, right: Space) -> dict[int, tuple[int, str]]:
    """By component: how many orders one place lies behind the other, and the newest Chinese name; one query."""
    rows: QuerySet[Any] = components_of(left, right).filter(pk__in=ids)
    is_left_newer = Q(left_order__gt=F("right_order")) | Q(right_order=None)
    rows = rows.annotate(
        low=Least("left_order", "right_order"),
        high=Greatest("left_order", "right_order"),
        newer=Case(When(is_left_newer, then=Value(left.pk)), default=Value(right.pk), output_field=IntegerField()),
    )
    passed = Deployment.objects.filter(
        component=OuterRef("pk"), space=OuterRef("newer"), state=RunState.SUCCEEDED, kind=DeploymentKind.DEPLOY,
        order_id__gt=OuterRef("low"), order_id__lte=OuterRef("high"),
    )  # fmt: skip
    counted = passed.order_by().values("component").annotate(n=Count("order", distinct=True)).values("n")
    name = newest_settings().values("name_zh")[:1]
    found = rows.values_list("pk", Coalesce(Subquery(counted), 0), Coalesce(Subquery(name), Value("")))
    return {pk: (distance, name_zh) for pk, distance, name_zh in found}
