"""The diagnosis table over objects that a real control plane had: see ``tests/controlplane/test_diagnoses.py``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deployer.verdict import cause_message, next_step_message
from tests.controlplane.test_diagnoses import judged

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())


def test_most_rows_were_recorded() -> None:
    assert len(RECORDED) >= 33


@pytest.mark.parametrize("code", sorted(RECORDED))
def test_what_was_seen_there_is_judged_the_same(code: str) -> None:
    found = judged(RECORDED[code]).diagnosis
    assert found is not None and found.code == code
    for message in (cause_message, next_step_message):
        text = str(message(found.code, found.values))
        assert text.strip() and "%(" not in text
