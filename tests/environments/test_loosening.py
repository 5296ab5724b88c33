"""The table of what loosens a rule of production, field by field."""

from __future__ import annotations

from typing import Any

import pytest

from environments.loosening import ENVIRONMENT, POLICY, PROJECT, loosened
from environments.policy import POLICY_FIELDS

pytestmark = pytest.mark.security("skipped-steps")


def test_the_table_speaks_of_fields_of_the_policy() -> None:
    assert set(POLICY) <= set(POLICY_FIELDS)
    assert set(POLICY_FIELDS) - set(POLICY) == {"settle_seconds", "deploy_deadline_seconds", "auto_rollback"}


@pytest.mark.parametrize(
    ("name", "looser", "stricter"),
    [
        ("creators_may_promote", (False, True), (True, False)),
        ("promote_automatically", (False, True), (True, False)),
        ("asks_review", (True, False), (False, True)),
        ("approvals", (2, 1), (1, 2)),
        ("approver_roles", (["operations"], []), (["operations", "project_admin"], [])),
        ("approver_roles", ([], ["project_admin"]), (["operations"], ["operations"])),
        ("approver_groups", (["risk"], []), (["risk"], ["risk"])),
        ("approver_groups", ([], ["risk"]), ([], [])),
        ("approvals_per_group", (1, 0), (0, 1)),
        ("approvals_per_group", (2, 1), (1, 1)),
        ("approval_hours", (24, 72), (72, 24)),
        ("approval_hours", (24, 0), (0, 24)),
        ("approval_needs_comment", (True, False), (False, True)),
        ("four_eyes", (True, False), (False, True)),
        ("operations_only", (True, False), (False, True)),
        ("force_conflicts", (False, True), (True, False)),
        ("branch_pattern", ("release/.*", ".*"), ("", "release/.*")),
        ("branch_pattern", ("release/.*", ""), ("main", "main")),
        ("change_ticket_required", (True, False), (False, True)),
    ],
)
def test_each_field_is_judged(name: str, looser: tuple[Any, Any], stricter: tuple[Any, Any]) -> None:
    assert loosened(POLICY, {name: looser[0]}, {name: looser[1]}) == [name]
    assert loosened(POLICY, {name: stricter[0]}, {name: stricter[1]}) == []


def test_environments_and_projects_are_judged_too() -> None:
    now = {"is_production": True, "follows": ["uat"], "twin": ""}
    for after in ({"is_production": False}, {"follows": []}, {"follows": ["uat", "fat"]}, {"twin": "prd"}):
        assert loosened(ENVIRONMENT, now, after) == list(after)
    assert loosened(ENVIRONMENT, now | {"follows": ["fat", "uat"]}, {"follows": ["uat"], "is_production": True}) == []
    twin = {"is_production": True, "follows": [], "twin": "prd"}
    assert loosened(ENVIRONMENT, twin, {"twin": ""}) == ["twin"], "it would take every built order"
    assert loosened(ENVIRONMENT, twin, {"twin": "prd"}) == []
    assert loosened(PROJECT, {"change_ticket_pattern": ""}, {"change_ticket_pattern": "CHG[0-9]+"}) == []
