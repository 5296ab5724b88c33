"""A field may have any shape: the check of manifests answers: findings, never an error of its own."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.manifests import check
from tests.controlplane.full_set import every_field
from tests.deployer.other_shapes import cases_of, changed
from tests.deployer.test_manifest_rules import WITH_INGRESS


@pytest.mark.parametrize("selector", [["x"], "x", 1, [{}], {"matchLabels": ["x"]}, {"matchExpressions": "x"}])
def test_a_selector_of_pods_that_is_none_is_a_finding(selector: Any) -> None:
    manifests = every_field()
    manifests[0]["spec"]["template"]["spec"]["topologySpreadConstraints"][0]["labelSelector"] = selector
    assert any("labelSelector" in finding.path for finding in check(manifests, WITH_INGRESS))


def test_a_value_of_any_other_shape_is_judged() -> None:
    for path, shape in cases_of(every_field(), 400):
        made = changed(every_field(), path, shape)
        assert made is None or check(made, WITH_INGRESS) is not None
