"""Which refusals by a quota are about what is left of it, told by the API server's own words."""

from __future__ import annotations

import json

import pytest

from deployer.adapters.kubernetes.refusals import Answer, error_from
from deployer.errors import QuotaExceeded, Rejected


def refusal(why: str) -> Rejected:
    body = {"kind": "Status", "reason": "Forbidden", "message": f'pods "web" is forbidden: {why}', "code": 403}
    found = error_from(Answer(403, {}, json.dumps(body).encode()), is_write=False)
    assert isinstance(found, Rejected)
    return found


@pytest.mark.parametrize(
    ("why", "resources"),
    [
        ("exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4", {"pods"}),
        (
            "exceeded quota: q, requested: limits.cpu=200m,requests.nvidia.com/gpu=1, used: limits.cpu=4,"
            "requests.nvidia.com/gpu=2, limited: limits.cpu=4,requests.nvidia.com/gpu=2",
            {"limits.cpu", "requests.nvidia.com/gpu"},
        ),
        ("status unknown for quota: q, resources: limits.cpu,pods", {"limits.cpu", "pods"}),
    ],
)
def test_what_there_is_too_little_of_is_named(why: str, resources: set[str]) -> None:
    found = refusal(why)
    assert isinstance(found, QuotaExceeded)
    assert (found.reason, found.quota, found.resources) == ("quota", "q", resources)


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("failed quota: q: must specify limits.cpu for: agent; limits.memory for: agent", "quota_unset"),
        ("maximum memory usage per Container is 32Mi, but limit is 128Mi", "limit_range"),
        ("minimum ephemeral-storage usage per Pod is 1Gi.  No request is specified", "limit_range"),
        ('violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false', "pod_security"),
    ],
)
def test_everything_else_is_no_matter_of_what_is_left(why: str, reason: str) -> None:
    found = refusal(why)
    assert not isinstance(found, QuotaExceeded) and found.reason == reason
