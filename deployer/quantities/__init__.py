"""Exact CPU and memory: text to integers (millicores, bytes) and back, sums of pods, and what a quota says to them."""

from deployer.quantities.amounts import (
    LARGEST,
    QuantityError,
    bytes_to_gib,
    cores_to_millicores,
    format_cpu,
    format_memory,
    gib_to_bytes,
    millicores_to_cores,
    parse_count,
    parse_cpu,
    parse_memory,
    parse_quota_value,
)
from deployer.quantities.pods import PodCost, RollingPlan, pod_cost, rolling_plan
from deployer.quantities.quota import Load, QuotaEffect, quota_effect

__all__ = [
    "LARGEST",
    "Load",
    "PodCost",
    "QuantityError",
    "QuotaEffect",
    "RollingPlan",
    "bytes_to_gib",
    "cores_to_millicores",
    "format_cpu",
    "format_memory",
    "gib_to_bytes",
    "millicores_to_cores",
    "parse_count",
    "parse_cpu",
    "parse_memory",
    "parse_quota_value",
    "pod_cost",
    "quota_effect",
    "rolling_plan",
]
