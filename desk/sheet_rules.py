"""What an order sheet says of rules: those in force at each deployment beside today's, and what passed them by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.text import capfirst

from desk.selectors.order_sheet import SheetRows
from desk.sheet_words import join, moment
from environments.models import Space
from environments.policy import policy_in_force
from environments.selectors.places import policy_words
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.choices import DeploymentKind
from releases.models import BreakGlass, Deployment

RULES = (
    "approvals",
    "approver_roles",
    "approver_groups",
    "approvals_per_group",
    "four_eyes",
    "operations_only",
    "asks_review",
)
"""What of a policy the sheet always says; of the rest only what has changed since."""


def policies_today(rows: SheetRows) -> list[str]:
    """A line a place."""
    return [join(space.environment.label, *_said(vars(space))) for space in rows.spaces.values()]


def policies_then(rows: SheetRows) -> list[str]:
    """A line a deployment: when its gates were asked last, the rules of that moment, and what has changed since."""
    return [_then(rows.spaces[row.space_id], row) for row in rows.deployments]


def _then(space: Space, row: Deployment) -> str:
    at, what = moment(row.started_at or row.created_at), DeploymentKind(row.kind).label
    if not row.policy:
        return join(space.environment.label, what, at, _("the rules of that moment were not recorded"))
    now = policy_in_force(space)
    changed = [name for name, value in row.policy.items() if name in now and now[name] != value]
    since = [
        f"{_label(name)}: {policy_words(name, row.policy[name])} → {policy_words(name, now[name])}" for name in changed
    ]
    end = _("since then %(changes)s", changes=since) if since else _("as today")
    return join(space.environment.label, what, at, *_said(row.policy), end)


def _said(policy: Mapping[str, Any]) -> Iterable[str]:
    # What is kept of an earlier deployment has the rules that there were then.
    for name in RULES:
        is_said = policy.get("approver_groups") if name == "approvals_per_group" else True
        if is_said and policy.get(name, "") not in ([], ""):
            yield f"{_label(name)}: {policy_words(name, policy[name])}"


def _label(name: str) -> str:
    if name == "is_production":
        return str(_("Production"))
    if name == "change_ticket_pattern":
        return str(_("Pattern of change tickets"))
    return capfirst(str(Space._meta.get_field(name).verbose_name))  # type: ignore[union-attr]  # a column


# ---------------------------------------------------------------- break-glass
def break_glass_lines(rows: SheetRows) -> list[str]:
    """Each use: who opened it, when, why, how it ended, what was deployed under it, and its review."""
    return [_use(rows, row) for row in rows.break_glasses]


def _use(rows: SheetRows, row: BreakGlass) -> str:
    under = [
        f"{DeploymentKind(one.kind).label} {moment(one.created_at)} {RunState(one.state).label}"
        for one in rows.deployments
        if one.break_glass_id == row.pk
    ]
    deployed = _("deployed under it: %(what)s", what=under) if under else _("nothing deployed under it")
    opened = join(row.opened_by.shown_name, moment(row.opened_at), row.reason)
    return join(rows.spaces[row.space_id].environment.label, opened, _end(row), deployed, _review(row))


def _end(row: BreakGlass) -> Any:
    if row.ended_at and row.ended_by:
        return _("ended by %(who)s %(at)s", who=row.ended_by.localized_name, at=moment(row.ended_at))
    if row.expired_at:
        return _("over %(at)s", at=moment(row.expired_at))
    return _("until %(at)s", at=moment(row.ends_at))


def _review(row: BreakGlass) -> Any:
    if row.reviewed_at is None or row.reviewed_by is None:
        return _("not reviewed yet")
    values = {"who": row.reviewed_by.localized_name, "at": moment(row.reviewed_at), "said": row.review_comment}
    return _("reviewed by %(who)s %(at)s: %(said)s", **values)


def passed_by(rows: SheetRows) -> list[str]:
    """Deployments that the flow would have stopped."""
    glasses = {row.pk: row for row in rows.break_glasses}
    return [
        join(
            rows.spaces[row.space_id].environment.label,
            _("by break-glass of %(who)s", who=glasses[row.break_glass_id].opened_by.localized_name),
            moment(row.created_at),
        )
        for row in rows.deployments
        if row.break_glass_id in glasses
    ]
