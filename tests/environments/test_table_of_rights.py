"""``docs/permissions.csv`` and ``environments/verbs.py`` say the same."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from environments.choices import Role
from environments.verbs import STILL_IN_ARCHIVE, VERBS

pytestmark = pytest.mark.security("rights-on-every-way-in")

ROOT = Path(__file__).resolve().parents[2]
PAPER = {
    row["verb"]: row
    for row in csv.DictReader((ROOT / "docs" / "permissions.csv").read_text(encoding="utf-8").splitlines())
}


def test_both_tables_have_the_same_verbs() -> None:
    assert set(PAPER) == set(VERBS)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_both_tables_agree(verb: str) -> None:
    rule, row = VERBS[verb], PAPER[verb]
    assert rule.where.value == row["where"]
    assert set(rule.roles) == set(row["roles"].split())
    assert rule.own == bool(row["own"])
    assert set(rule.unless_operations_only) == set(row["unless operations only"].split())
    assert rule.where_creators_may == bool(row["where creators may promote"])


def test_the_paper_names_only_roles_that_exist() -> None:
    named = {role for row in PAPER.values() for role in (row["roles"] + " " + row["unless operations only"]).split()}
    assert named <= set(Role.values)
    assert {"developer", "grant", "auditor"} <= named


def test_nothing_but_reading_is_left_in_an_archive() -> None:
    assert set(VERBS) >= STILL_IN_ARCHIVE
    assert {"see", "read_project_audit", "read_report"} == STILL_IN_ARCHIVE
