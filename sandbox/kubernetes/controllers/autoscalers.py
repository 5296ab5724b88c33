"""The HorizontalPodAutoscaler controller: by the CPU that the pods' scenario says, and within the bounds.

As the real one it writes through the ``scale`` subresource, so the number of replicas is then its field, and it looks
at its target every 15 seconds and whenever the autoscaler itself changes.
"""

from __future__ import annotations

import time
from typing import Any

from sandbox.kubernetes import clock
from sandbox.kubernetes.controllers.family import with_status
from sandbox.kubernetes.controllers.rollout import new_condition, set_condition
from sandbox.kubernetes.controllers.scaling import Memory, NoUse, settle, target_of, use_of
from sandbox.kubernetes.events import Recorder
from sandbox.kubernetes.kinds import AUTOSCALER, DEPLOYMENT, POD
from sandbox.kubernetes.quantities import decimal_text
from sandbox.kubernetes.selectors import matches_labels
from sandbox.kubernetes.storage import Store
from sandbox.kubernetes.writes import Write, scale

Obj = dict[str, Any]

MANAGER = "kube-controller-manager"
PERIOD_SECONDS = 15.0
_VALID = (
    "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)"
)
_BELOW = "All metrics below target"


class AutoscalerController:
    """Moves a Deployment's replicas by the CPU that its pods use, and into the bounds where they are outside."""

    def __init__(self, store: Store, period: float) -> None:
        self._store, self._period = store, period
        self._memories: dict[str, Memory] = {}
        self._events = Recorder(store, "horizontal-pod-autoscaler")

    def reconcile(self, namespace: str, name: str) -> float | None:
        """One pass; seconds after which to look again, None when the autoscaler is gone."""
        found = self._store.get(AUTOSCALER, namespace, name)
        if found is None:
            return None
        wanted = found["spec"]["scaleTargetRef"]["name"]
        target = self._store.get(DEPLOYMENT, namespace, wanted)
        if target is None:
            text = (
                "the HPA controller was unable to get the target's current scale: "
                f'deployments.apps "{wanted}" not found'
            )
            self._write(found, {}, _condition("AbleToScale", "False", "FailedGetScale", text))
            return self._period
        self._scale(found, target)
        return self._period

    def _scale(self, found: Obj, target: Obj) -> None:
        current = int(target["spec"]["replicas"])
        numbers: Obj = {"currentReplicas": current, "desiredReplicas": current}
        able = _condition("AbleToScale", "True", "SucceededGetScale", _GOT)
        if current == 0:
            off = _condition("ScalingActive", "False", "ScalingDisabled", _OFF)
            self._write(found, numbers, able, off)
            return
        desired, why = _within(found["spec"], current)
        notes: list[Obj] = []
        if desired == current:
            try:
                desired, why, metrics, notes = self._by_use(found, target, current)
            except NoUse as error:
                blind = _condition("ScalingActive", "False", "FailedGetResourceMetric", str(error))
                self._write(found, numbers, able, blind)
                return
            numbers["currentMetrics"] = metrics
        if desired == current:
            self._write(found, numbers, *notes)
            return
        self._rescale(found, target, desired, why)
        text = f"the HPA controller was able to update the target scale to {desired}"
        done = _condition("AbleToScale", "True", "SucceededRescale", text)
        scaled = {**numbers, "desiredReplicas": desired, "lastScaleTime": clock.stamp()}
        self._write(found, scaled, *notes, done)

    def _by_use(self, found: Obj, target: Obj, current: int) -> tuple[int, str, list[Obj], list[Obj]]:
        """The number that the pods' CPU asks for, why, the metric and the conditions. Raises NoUse."""
        pods = [
            pod
            for pod in self._store.all(POD, target["metadata"]["namespace"])
            if matches_labels(target["spec"]["selector"], pod["metadata"].get("labels") or {})
            and not pod["metadata"].get("deletionTimestamp")
        ]
        use = use_of(pods, current, target_of(found["spec"]))
        memory = self._memories.setdefault(found["metadata"]["uid"], Memory())
        desired, said = settle(found["spec"], memory, current, use.wanted, time.monotonic())
        active = _condition("ScalingActive", "True", "ValidMetricFound", _VALID)
        metric = {
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "current": {
                    "averageUtilization": use.percent,
                    "averageValue": decimal_text(round(use.average, 3)),
                },
            },
        }
        why = "cpu resource utilization (percentage of request) above target" if desired > current else _BELOW
        notes = [_condition(one.type, one.status, one.reason, one.message) for one in said]
        return desired, why, [metric], [active, *notes]

    def _rescale(self, found: Obj, target: Obj, desired: int, why: str) -> None:
        meta = target["metadata"]
        scale(self._store, Write(DEPLOYMENT, meta["namespace"], meta["name"], MANAGER), {"spec": {"replicas": desired}})
        self._events.normal(found, "SuccessfulRescale", f"New size: {desired}; reason: {why}")

    def _write(self, found: Obj, numbers: Obj, *notes: Obj) -> None:
        before = found.get("status") or {}
        conditions = list(before.get("conditions") or [])
        for note in notes:
            conditions = set_condition(conditions, note)
        status = {"currentMetrics": None, "desiredReplicas": 0, **before, **numbers, "conditions": conditions}
        if status != before:
            self._store.put(AUTOSCALER, with_status(found, status))


def _condition(kind: str, status: str, reason: str, message: str) -> Obj:
    note = new_condition(kind, status, reason, message)
    return {name: value for name, value in note.items() if name != "lastUpdateTime"}


_GOT = "the HPA controller was able to get the target's current scale"
_OFF = "scaling is disabled since the replica count of the target is zero"


def _within(spec: Obj, current: int) -> tuple[int, str]:
    """The number that the bounds allow next to ``current``, and the reason in the controller's words."""
    least, most = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
    if current > most:
        return most, "Current number of replicas above Spec.MaxReplicas"
    if current < least:
        return least, "Current number of replicas below Spec.MinReplicas"
    return current, ""
