"""What an order sheet is made of: the rows of one order, in the same number of queries for every order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from audit.models import AuditCheck, AuditEvent
from desk.selectors.audit import last_check, with_links
from environments.models import RuleChange, Space
from foundation.clock import db_now
from foundation.runs.choices import RunState
from releases.choices import DeploymentKind
from releases.models import Approval, BreakGlass, Build, Deployment, Promotion, ReleaseOrder
from releases.presenters.activity import NOISE

MOST = 40
"""Newest rows of a kind; what is beyond is counted out in words."""


@dataclass(frozen=True)
class SheetRows:
    """Oldest first, but for ``earlier``; ``has_more`` where the audit holds more acts of the order than are here."""

    order: ReleaseOrder
    builds: list[Build]
    promotions: list[Promotion]
    approvals: list[Approval]
    deployments: list[Deployment]
    others: list[Deployment]
    """Of other orders in the same places: successes and roll backs, newest first."""
    spaces: dict[int, Space]
    """Where the order was promoted, decided on, deployed or let through by break-glass, in flow order."""
    break_glasses: list[BreakGlass]
    rule_changes: list[RuleChange]
    policy_events: list[Any]
    """Changes of those spaces' policies since the order was made that needed no second person."""
    events: list[Any]
    """Audit events of the order with ``sequence`` and ``mac``."""
    has_more: bool
    check: AuditCheck | None


def read_sheet(order: ReleaseOrder) -> SheetRows:
    """Of an order that its reader may see."""
    promotions = _newest(Promotion.objects.filter(order=order).select_related("promoted_by"))
    approvals = _newest(Approval.objects.filter(order=order).select_related("by", "snapshot", "scale_request"))
    deployments = _newest(_deployments().filter(order=order))
    glasses = BreakGlass.objects.filter(order=order).select_related("opened_by", "ended_by", "reviewed_by")
    break_glasses = _newest(glasses)
    spaces = _spaces({row.space_id for row in [*promotions, *approvals, *deployments, *break_glasses]})
    events = AuditEvent.objects.filter(object_name=order.number).exclude(verb__in=NOISE)
    found = list(with_links(events).order_by("-pk")[: MOST + 1])
    return SheetRows(
        order=order,
        builds=_newest(Build.objects.filter(order=order).select_related("started_by")),
        promotions=promotions,
        approvals=approvals,
        deployments=deployments,
        others=_others(order, deployments),
        spaces=spaces,
        break_glasses=break_glasses,
        rule_changes=_rule_changes(order, spaces),
        policy_events=_policy_events(order, spaces),
        events=found[:MOST][::-1],
        has_more=len(found) > MOST,
        check=last_check(),
    )


def _newest(rows: Any) -> list[Any]:
    return list(rows.order_by("-pk")[:MOST])[::-1]


def _deployments() -> Any:
    return Deployment.objects.select_related(
        "order", "deployed_by", "snapshot__allocation", "snapshot__entry_check", "review"
    ).defer("snapshot__manifests", "snapshot__origins", "applied")


def _spaces(ids: set[int]) -> dict[int, Space]:
    rows = Space.objects.filter(pk__in=ids).select_related("project", "environment")
    return {row.pk: row for row in rows.order_by("environment__position", "environment__slug")}


def _others(order: ReleaseOrder, deployments: list[Deployment]) -> list[Deployment]:
    places = {row.space_id for row in deployments}
    rows = _deployments().filter(component=order.component_id, space__in=places).exclude(order=order)
    ends = Q(state=RunState.SUCCEEDED, kind__in=[DeploymentKind.DEPLOY, DeploymentKind.ROLL_BACK])
    return list(rows.filter(ends | Q(kind=DeploymentKind.ROLL_BACK)).order_by("-pk")[:MOST])


def _rule_changes(order: ReleaseOrder, spaces: dict[int, Space]) -> list[RuleChange]:
    """Those that were open or decided while the order was on its way."""
    places = {space.environment_id for space in spaces.values()}
    mine = Q(space__in=list(spaces)) | Q(environment__in=places) | Q(project=order.project_id)
    rows = RuleChange.objects.filter(mine).select_related(
        "space__environment", "space__project", "environment", "project", "proposed_by", "decided_by"
    )
    return _newest(rows.filter(Q(decided_at__gte=order.created_at) | Q(decided_at=None, expires_at__gt=db_now())))


def _policy_events(order: ReleaseOrder, spaces: dict[int, Space]) -> list[AuditEvent]:
    rows = AuditEvent.objects.filter(
        object_type="space", object_id__in=[str(pk) for pk in spaces], verb="space.policy_changed"
    )
    return _newest(rows.filter(at__gte=order.created_at))
