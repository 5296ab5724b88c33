"""A report as one table: a line for each number and each thing, the section in its first column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import datetime
from itertools import chain

from audit.exports import safe_cell
from audit.models import AuditEvent
from desk.audit_rows import act_of, changes_of
from desk.report.reading import Pair, Released, Report, Totals
from releases.models import BreakGlass, Deployment

HEAD = ("section", "at", "order", "component", "environment", "who", "second_person", "what", "reason", "value")
Cells = dict[str, str]


def as_csv(report: Report) -> str:
    """UTF-8 text with a head line; times as ISO 8601 with their offset, durations in seconds."""
    text = io.StringIO()
    writer = csv.DictWriter(text, HEAD, restval="")
    writer.writeheader()
    for line in _lines(report):
        writer.writerow({name: safe_cell(cell) for name, cell in line.items()})
    return text.getvalue()


def _lines(report: Report) -> Iterator[Cells]:
    return chain(
        _totals(report.totals),
        map(_released, report.released.items),
        map(_rule, report.rules.items),
        map(_break_glass, report.break_glasses.items),
        (_deployment("take_over", row, _why(row)) for row in report.taken_over.items),
        (_deployment("automatic", row, str(row.message)) for row in report.automatic.items),
        (_event("force_release", row) for row in report.forced.items),
        chain.from_iterable(map(_pair, report.pairs)),
    )


def _totals(totals: Totals) -> Iterator[Cells]:
    values: dict[str, object] = {
        "orders_created": totals.created,
        "orders_released": totals.released,
        **{f"orders_{reason}": count for reason, count in sorted(totals.closed.items())},
        "production_deployments": totals.deployed,
        "production_deployments_failed": totals.failed,
        "production_deployments_undone": totals.undone,
        "production_roll_backs": totals.rolled_back,
        "production_roll_backs_automatic": totals.automatic,
        "lead_time_median": totals.lead.median,
        "lead_time_9_of_10": totals.lead.ninth,
    }
    for name, value in values.items():
        yield {"section": "totals", "what": name, "value": "" if value is None else str(value)}


def _released(row: Released) -> Cells:
    people = ", ".join(one.username for one in row.approvers)
    return _deployment("released", row.deployment, "") | {"second_person": people, "value": str(row.seconds)}


def _rule(event: AuditEvent) -> Cells:
    changes = "; ".join(f"{one.label}: {one.before} → {one.after}" for one in changes_of(event))
    return _event("rule", event) | {"value": changes}


def _event(section: str, event: AuditEvent) -> Cells:
    return {
        "section": section, "at": _at(event.at), "order": event.object_name, "environment": event.environment,
        "who": event.actor_name, "what": act_of(event.verb), "reason": str(event.shown_reason),
    }  # fmt: skip


def _break_glass(row: BreakGlass) -> Cells:
    reviewer = row.reviewed_by.username if row.reviewed_by else ""
    return {
        "section": "break_glass", "at": _at(row.opened_at), "order": row.order.number,
        "component": row.order.component.slug, "environment": row.space.environment.slug,
        "who": row.opened_by.username, "second_person": reviewer,
        "what": "reviewed" if row.reviewed_at else "not reviewed", "reason": row.reason, "value": row.review_comment,
    }  # fmt: skip


def _deployment(section: str, row: Deployment, reason: str) -> Cells:
    return {
        "section": section, "at": _at(row.finished_at), "order": row.order.number,
        "component": row.order.component.slug, "environment": row.space.environment.slug,
        "who": row.deployed_by.username, "what": f"{row.kind} {row.state}", "reason": reason,
    }  # fmt: skip


def _why(row: Deployment) -> str:
    return str((row.snapshot.take_over if row.snapshot else {}).get("reason", ""))


def _pair(row: Pair) -> Iterator[Cells]:
    for what, count in (("given", row.given), ("rejected", row.rejected)):
        if count:
            yield {
                "section": "approvals", "who": row.approver.username, "second_person": row.author.username,
                "what": what, "value": str(count),
            }  # fmt: skip


def _at(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
