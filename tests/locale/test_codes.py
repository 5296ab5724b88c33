"""No code of the program stands on a page as it is: what is stored by code has a label."""

from __future__ import annotations

import re

import pytest
from django.conf import settings
from django.utils.translation import override

from foundation.runs.choices import RunState
from releases.choices import ApprovalState, OrderState, Reason
from releases.models import Approval, Build, Deployment, Promotion, ReleaseOrder, Review
from releases.presenters.activity import _MESSAGES, NOISE
from releases.presenters.states import POD_STATES
from releases.presenters.words import CHECKED, STAGE_STATES
from releases.transitions import NAMES

# What goes to the audit alone is no event of an order.
_APPENDED = re.compile(r"(?<!audit\.)(?:append_event|record_act)\(\s*[\w.]+,\s*f?\"([\w.{}]+)\"", re.DOTALL)
_DECIDED = re.compile(r"\"(placement\.\w+)\"")


def kinds() -> set[str]:
    """Kinds of event that the releases app writes; those of a state are spelled out."""
    found: set[str] = set()
    for path in (settings.BASE_DIR / "releases").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        found |= set(_APPENDED.findall(source))
        if path.name == "observe_space.py":
            found |= set(_DECIDED.findall(source))
    written = {kind for kind in found if "{" not in kind}
    written |= {f"{name}.{state}" for model, name in NAMES.items() for state in _states(model)}
    return written | {f"approval.{state}" for state in ApprovalState.values}


def _states(model: type) -> list[str]:
    # An order is created and a run is queued by its launcher, not by a move.
    return list(OrderState.values) if model is ReleaseOrder else list(RunState.values)


def test_every_kind_of_event_is_a_message_or_drawn_elsewhere() -> None:
    written = kinds()
    assert {"order.created", "build.waiting", "placement.unsettled", "deployment.failed", "comment"} <= written
    assert written - set(_MESSAGES) - NOISE == set()


@pytest.mark.parametrize("model", [ReleaseOrder, Build, Review, Deployment, Promotion, Approval])
def test_every_state_has_a_word_in_chinese(model: type) -> None:
    (field,) = [field for field in model._meta.get_fields() if field.name == "state"]  # type: ignore[attr-defined]
    with override("zh-hans"):
        words = {value: str(label) for value, label in field.choices}
    assert words
    assert [value for value, label in words.items() if not re.search(r"[\u4e00-\u9fff]", label)] == []


@pytest.mark.parametrize("words", [POD_STATES, STAGE_STATES, CHECKED], ids=["pods", "stages", "checked"])
def test_what_other_systems_name_by_code_has_words(words: dict[str, object]) -> None:
    with override("zh-hans"):
        assert [code for code, word in words.items() if not re.search(r"[\u4e00-\u9fff]", str(word))] == []


def test_every_reason_has_words() -> None:
    with override("zh-hans"):
        labels = {reason.value: str(reason.label) for reason in Reason if reason.value}
    assert [value for value, label in labels.items() if not re.search(r"[\u4e00-\u9fff]", label)] == []
