"""A scaling rule on a real control plane: its controller scales by load, and the API says what it did."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.kubernetes.metrics import CPU_ANNOTATION
from tests.controlplane.stage import COMPONENT, Stage
from tests.patience import wait_for

pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.timeout(600)]
PATH = f"components/{COMPONENT}/"
PATIENCE = 120
"""Seconds: the controller looks every 15, the product after it."""


def save_rule(stage: Stage, *, is_on: bool = True) -> None:
    numbers = {"minimum": 1, "maximum": 3, "cpu_percent": 50, "scale_down_seconds": 20}
    stage.crew.operator.send("PUT", f"{PATH}scaling-rules/fat/", is_on=is_on, note="tried", **numbers)


def load(stage: Stage, cpu: str) -> None:
    """From now on the component's pods use so much together."""
    chosen = ("pods", "-l", f"app.kubernetes.io/name={stage.name}")
    stage.kubectl("annotate", *chosen, f"{CPU_ANNOTATION}={cpu}", "--overwrite")


def replicas(stage: Stage) -> int:
    live = stage.live()
    return int(live["spec"]["replicas"]) if live else 0


def told(stage: Stage) -> dict[str, Any]:
    """What page and API say of the autoscaler."""
    return dict(stage.crew.operator.get(f"{PATH}environments/fat/")["autoscaler"] or {})


@pytest.fixture(scope="module")
def ruled(stage: Stage) -> Stage:
    """An order that came through with the rule's autoscaler."""
    save_rule(stage)
    stage.order().to_fat()
    return stage


def test_load_is_followed_up_and_down_and_the_decision_is_told(ruled: Stage) -> None:
    load(ruled, "32")
    wait_for(lambda: replicas(ruled) == 3, "the controller scales up", PATIENCE)
    seen = wait_for(
        lambda: found if (found := told(ruled)).get("state") == "limited" and found["current"] == 3 else {},
        "the decision is told",
        PATIENCE,
    )
    assert seen is not None
    assert (seen["minimum"], seen["maximum"], seen["wanted"], seen["target_percent"]) == (1, 3, 3, 50)
    assert seen["cpu_percent"] > 100 and seen["scaled_at"]
    assert "raise the maximum" in seen["decision"]
    wait_for(ruled.is_sure, "what the autoscaler does is no change by others", PATIENCE)
    load(ruled, "1m")
    wait_for(lambda: replicas(ruled) == 1, "the cool-down is over", PATIENCE)
    wait_for(lambda: told(ruled).get("current") == 1, "that is told", PATIENCE)


def test_without_metrics_it_says_so_and_the_rule_can_be_taken_away(ruled: Stage) -> None:
    load(ruled, "none")
    wait_for(lambda: told(ruled).get("state") == "unknown", "it has no metrics", PATIENCE)
    assert "No metrics" in told(ruled)["decision"]
    save_rule(ruled, is_on=False)
    ruled.order().to_fat()
    wait_for(lambda: not ruled.kubectl("get", "hpa", "-o", "name").strip(), "the autoscaler goes", PATIENCE)
    allocated = ruled.crew.operator.get(f"{PATH}environments/fat/")["allocated"]
    wait_for(lambda: replicas(ruled) == allocated, "the allocation says the number again", PATIENCE)
    wait_for(ruled.is_sure, "and that is ours", PATIENCE)
    assert not told(ruled)
