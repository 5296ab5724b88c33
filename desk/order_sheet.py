"""The order sheet 发布存证单 as plain values: the life of one order, laid out by the clauses that a broker answers for.

The numbers are those of the regulator's chapters on risk (3.03), tests under load (3.05), independent control (4.01),
integrity (4.02), stable running (4.03) and emergencies (4.04). Page and API show the same values.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.fields import canonical_json
from audit.models import AuditEvent
from desk.audit_rows import act_of, changes_of
from desk.selectors.order_sheet import SheetRows
from desk.sheet_checks import four_eyes_lines, snapshot_lines
from desk.sheet_rules import break_glass_lines, passed_by, policies_then, policies_today
from desk.sheet_words import join, moment
from environments.models import Space
from environments.selectors.rule_changes import ShownRuleChange, rule_lines, state_of
from foundation.messages import MessageLike, localized_list
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.choices import ApprovalState, DeploymentKind, TestVerdict
from releases.models import Approval, Deployment, Promotion
from releases.presenters.entry import entry_of
from releases.presenters.facts import amounts_of
from releases.presenters.words import reason_of


@dataclass(frozen=True)
class Row:
    """``name`` is the same in every language; no lines: there is none."""

    name: str
    label: MessageLike
    lines: list[str]
    is_code: bool = False


@dataclass(frozen=True)
class Clause:
    """One chapter."""

    number: str
    title: MessageLike
    rows: list[Row]


@dataclass(frozen=True)
class AuditLine:
    """One act of the order in the audit; ``sequence`` and ``mac`` are of its link, None while it waits for it."""

    sequence: int | None
    at: datetime
    who: str
    act: str
    environment: str
    is_refused: bool
    mac: str | None


@dataclass(frozen=True)
class Sheet:
    """The whole; ``hash`` is over what the sheet proves, the same in every language until something happens."""

    rows: SheetRows
    clauses: list[Clause]
    audit: list[AuditLine]
    hash: str

    @property
    def places(self) -> list[Space]:
        """Where the order has been, or may go."""
        return list(self.rows.spaces.values())


def make_sheet(rows: SheetRows) -> Sheet:
    """Everything of an order's sheet, in the reader's language and time zone."""
    clauses = [_risk(rows), _tests(rows), _control(rows), _integrity(rows), _running(rows), _emergency(rows)]
    return Sheet(rows, clauses, [_audit_line(event) for event in rows.events], _hash(rows))


# ---------------------------------------------------------------- the clauses
def _risk(rows: SheetRows) -> Clause:
    changes = [_rule_change(row) for row in rows.rule_changes]
    changes += [
        join(event.environment.upper(), _changed(event), event.actor_name, moment(event.at))
        for event in rows.policy_events
    ]
    return Clause(
        "3.03",
        _("Risk management"),
        [
            Row("policy_then", _("Policy at each deployment"), policies_then(rows)),
            Row("policy", _("Policy today"), policies_today(rows)),
            Row("rule_changes", _("Rule changes"), changes),
            Row("exceptions", _("Exceptions"), list(_exceptions(rows))),
        ],
    )


def _rule_change(row: Any) -> str:
    change = ShownRuleChange(row, state_of(row), rule_lines(row))
    where = change.environment.label if change.environment else row.project.slug.upper()
    second = row.decided_by.shown_name if row.decided_by else ""
    return join(where, change.in_short, row.proposed_by.shown_name, change.word, second, moment(row.decided_at))


def _changed(event: AuditEvent) -> str:
    return localized_list(f"{change.label} {change.before} → {change.after}" for change in changes_of(event))


def _exceptions(rows: SheetRows) -> Iterable[str]:
    if rows.order.changes_database:
        yield str(_("The order changes the database."))
    yield from passed_by(rows)
    for row in rows.deployments:
        if row.snapshot and row.snapshot.take_over:
            taken = row.snapshot.take_over
            label = rows.spaces[row.space_id].environment.label
            yield join(label, _("fields of others taken over"), taken.get("by"), taken.get("reason"))
    for approval in rows.approvals:
        if approval.is_after_reset:
            label = rows.spaces[approval.space_id].environment.label
            yield join(label, approval.by.shown_name, _("decided within a day of a password reset"))


def _tests(rows: SheetRows) -> Clause:
    said = [row for row in rows.promotions if row.test_verdict or row.note]
    return Clause(
        "3.05",
        _("Tests under load"),
        [
            Row("test_verdicts", _("Test verdict"), [_verdict(rows, row) for row in said]),
            Row("reports", _("Report"), [row.report_link for row in rows.promotions if row.report_link]),
            Row("capacity", _("Capacity"), list(_capacity(rows))),
        ],
    )


def _verdict(rows: SheetRows, row: Promotion) -> str:
    word = TestVerdict(row.test_verdict).label if row.test_verdict else ""
    label = rows.spaces[row.space_id].environment.label
    return join(f"→ {label}", word, row.promoted_by.shown_name, moment(row.created_at), row.note)


def _capacity(rows: SheetRows) -> Iterable[str]:
    newest = {row.space_id: row for row in rows.deployments if row.snapshot}
    for pk, space in rows.spaces.items():
        if row := newest.get(pk):
            amounts = amounts_of(row.snapshot.allocation if row.snapshot else None)
            amounts["replicas"] = str(row.overlay.get("replicas", amounts["replicas"]))
            text = _("%(replicas)s replicas, CPU %(cpu)s cores, memory %(memory)s GiB", **amounts)
            yield join(space.environment.label, text)


def _control(rows: SheetRows) -> Clause:
    duties = {
        _("created"): [rows.order.author.shown_name],
        _("built"): [row.started_by.shown_name for row in rows.builds],
        _("promoted"): [row.promoted_by.shown_name for row in rows.promotions],
        _("approved"): [row.by.shown_name for row in rows.approvals if row.state == ApprovalState.GIVEN],
        _("deployed"): [row.deployed_by.shown_name for row in rows.deployments],
    }
    done = [f"{word} {localized_list(dict.fromkeys(names))}" for word, names in duties.items() if names]
    return Clause(
        "4.01",
        _("Independent control"),
        [
            Row("duties", _("Who did what"), [join(*done)]),
            Row("approvals", _("Approvals"), [_approval(rows, row) for row in rows.approvals]),
            Row("four_eyes", _("Four eyes"), four_eyes_lines(rows)),
        ],
    )


def _approval(rows: SheetRows, row: Approval) -> str:
    label, word = rows.spaces[row.space_id].environment.label, ApprovalState(row.state).label
    scaled = _("of %(count)s pods", count=row.scale_request.replicas) if row.scale_request else ""
    return join(label, row.by.shown_name, word, scaled, moment(row.created_at), row.snapshot.short_hash, row.comment)


def _integrity(rows: SheetRows) -> Clause:
    order = rows.order
    commit = f"{order.branch} @ {order.commit}" if order.commit else order.branch
    return Clause(
        "4.02",
        _("Integrity and safe data"),
        [
            Row("commit", _("Commit"), [commit], is_code=True),
            Row("image_digest", _("Image digest"), [order.image_digest] if order.image_digest else [], is_code=True),
            Row("snapshots", _("Snapshot"), snapshot_lines(rows), is_code=True),
        ],
    )


def _running(rows: SheetRows) -> Clause:
    built = [join(f"#{row.attempt}", _ended(row), row.started_by.shown_name, _span(row)) for row in rows.builds]
    return Clause(
        "4.03",
        _("Stable running"),
        [
            Row("builds", _("Builds"), built),
            Row("deployments", _("Deployments"), [_deployment(rows, row) for row in rows.deployments]),
        ],
    )


def _deployment(rows: SheetRows, row: Deployment) -> str:
    entry = entry_of(row)
    ready = ""
    if row.progress.get("wanted"):
        ready = str(_("%(ready)s of %(wanted)s ready", ready=row.progress["ready"], wanted=row.progress["wanted"]))
    what = DeploymentKind(row.kind).label
    where, who = rows.spaces[row.space_id].environment.label, row.deployed_by.shown_name
    return join(where, what, _ended(row), who, _span(row), ready, entry.word if entry else "")


def _ended(run: Any) -> str:
    why = reason_of(run)
    word = str(RunState(run.state).label)
    return f"{word} ({why})" if why else word


def _span(run: Any) -> str:
    return f"{moment(run.created_at)} – {moment(run.finished_at)}".removesuffix(" – ")


def _emergency(rows: SheetRows) -> Clause:
    first = {row.space_id: row.pk for row in reversed(rows.deployments)}
    backs = [row for row in rows.deployments if row.kind == DeploymentKind.ROLL_BACK]
    backs += [row for row in rows.others if row.kind == DeploymentKind.ROLL_BACK and row.pk > first[row.space_id]]
    return Clause(
        "4.04",
        _("Emergency plan"),
        [
            Row(
                "roll_backs", _("Roll backs"), [_roll_back(rows, row) for row in sorted(backs, key=lambda one: one.pk)]
            ),
            Row("break_glass", _("Break-glass"), break_glass_lines(rows)),
            Row("back_to", _("Can go back to"), list(_earlier(rows, first))),
        ],
    )


def _roll_back(rows: SheetRows, row: Deployment) -> str:
    label = rows.spaces[row.space_id].environment.label
    by = _("by itself") if row.is_automatic else row.deployed_by.shown_name
    return join(label, f"→ {row.order.number}", _ended(row), by, _span(row))


def _earlier(rows: SheetRows, first: dict[int, int]) -> Iterable[str]:
    for pk, space in rows.spaces.items():
        earlier = (
            row for row in rows.others
            if row.space_id == pk and row.state == RunState.SUCCEEDED and row.pk < first.get(pk, 0)
        )  # fmt: skip
        if row := next(earlier, None):
            yield join(space.environment.label, row.order.number, row.snapshot.short_hash if row.snapshot else "")


# ---------------------------------------------------------------- the chain
def _audit_line(event: Any) -> AuditLine:
    return AuditLine(
        event.sequence, event.at, event.actor_name, act_of(event.verb), event.environment.upper(),
        event.outcome == "refused", event.mac,
    )  # fmt: skip


def _hash(rows: SheetRows) -> str:
    facts = {
        "order": [rows.order.number, rows.order.state, rows.order.commit, rows.order.image_digest],
        "promotions": [[row.pk, row.state] for row in rows.promotions],
        "approvals": [[row.pk, row.state, row.snapshot.hash] for row in rows.approvals],
        "deployments": [
            [row.pk, row.state, row.snapshot.hash if row.snapshot else ""] for row in rows.deployments
        ],
        "policies": [[row.pk, row.policy] for row in rows.deployments],
        "break_glasses": [
            [row.pk, *(str(at or "") for at in (row.ended_at, row.expired_at, row.reviewed_at))]
            for row in rows.break_glasses
        ],
        "links": [[event.sequence, event.mac] for event in rows.events],
    }  # fmt: skip
    return hashlib.sha256(canonical_json(facts).encode()).hexdigest()
