"""What an autoscaler shows and what it means; statuses as Kubernetes 1.36 writes them."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.autoscaling import autoscaler_view, decision, find_of


def condition(kind: str, status: str, reason: str, message: str = "as the controller says") -> dict[str, Any]:
    times = {"lastTransitionTime": "2026-11-30T06:00:00Z"}
    return {"type": kind, "status": status, "reason": reason, "message": message, **times}


def live(*conditions: dict[str, Any], **status: Any) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": 70}
    return {
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 2,
            "maxReplicas": 6,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
        "status": {"desiredReplicas": 0, "currentMetrics": None, "conditions": list(conditions), **status},
    }


ABLE = condition("AbleToScale", "True", "ReadyForNewScale")
ACTIVE = condition("ScalingActive", "True", "ValidMetricFound")
FREE = condition("ScalingLimited", "False", "DesiredWithinRange")


def test_numbers_are_read_as_they_are_written() -> None:
    current = {"averageUtilization": 93, "averageValue": "93m"}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
    view = autoscaler_view(
        live(ABLE, currentReplicas=3, desiredReplicas=4, currentMetrics=metrics, lastScaleTime="2026-11-30T06:01:00Z")
    )
    assert (view.minimum, view.maximum, view.current, view.wanted) == (2, 6, 3, 4)
    assert (view.cpu_percent, view.target_percent, view.scaled_at) == (93, 70, "2026-11-30T06:01:00Z")


def test_before_its_controller_saw_it_there_is_nothing_to_say() -> None:
    fresh = live()
    del fresh["status"]
    view = autoscaler_view(fresh)
    assert (view.current, view.wanted, view.cpu_percent, view.scaled_at) == (0, 0, None, "")
    assert decision(view.conditions).state == "unknown"


@pytest.mark.parametrize(
    ("conditions", "state", "said"),
    [
        ([ABLE, ACTIVE, FREE], "fits", "fits the use"),
        ([ABLE, ACTIVE, condition("ScalingLimited", "True", "TooManyReplicas")], "limited", "raise the maximum"),
        ([ABLE, ACTIVE, condition("ScalingLimited", "True", "TooFewReplicas")], "limited", "the minimum holds"),
        ([ABLE, ACTIVE, condition("ScalingLimited", "True", "ScaleUpLimit")], "limited", "as its steps allow"),
        ([ABLE, ACTIVE, condition("ScalingLimited", "True", "Later")], "limited", "may not have"),
        ([condition("AbleToScale", "True", "ScaleDownStabilized"), ACTIVE, FREE], "waits", "fewer pods"),
        ([condition("AbleToScale", "True", "ScaleUpStabilized"), ACTIVE, FREE], "waits", "more pods"),
        ([condition("AbleToScale", "True", "SucceededRescale"), ACTIVE, FREE], "fits", "has just set"),
        ([ABLE, condition("ScalingActive", "False", "FailedGetResourceMetric")], "unknown", "No metrics"),
        ([ABLE, condition("ScalingActive", "False", "ScalingDisabled")], "failed", "has 0 replicas"),
        ([ABLE, condition("ScalingActive", "False", "AmbiguousSelector")], "failed", "More than one autoscaler"),
        ([ABLE, condition("ScalingActive", "False", "NeverHeardOf")], "failed", "cannot work"),
        ([condition("AbleToScale", "False", "FailedGetScale"), ACTIVE], "failed", "cannot read"),
        ([condition("AbleToScale", "False", "FailedUpdateScale"), ACTIVE], "failed", "cannot set"),
    ],
)
def test_the_gravest_condition_is_told(conditions: list[dict[str, Any]], state: str, said: str) -> None:
    found = decision(autoscaler_view(live(*conditions)).conditions)
    assert found.state == state
    assert said in str(found.message)
    assert bool(found.text) == (state in ("failed", "unknown") or "may not have" in said)


def test_the_autoscaler_of_a_workload_is_found_by_its_target() -> None:
    assert find_of([live()], "web") is not None
    assert find_of([live()], "other") is None
    assert find_of([{"metadata": {"name": "x"}, "spec": {}}], "web") is None
