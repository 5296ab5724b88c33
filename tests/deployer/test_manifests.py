"""Manifests: what may be applied, what we add, and that one deployment changes only what the overlay lists."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer.errors import Rejected
from deployer.interfaces import Manifest, ObjectRef
from deployer.manifests import (
    Policy,
    check,
    find_workload,
    instance_label,
    order,
    overlay,
    prepare,
    ref_of,
    snapshot_hash,
)
from tests.deployer.manifest_samples import (
    HOSTILE,
    IDENTITY,
    IMAGE,
    POLICY,
    autoscaler,
    config,
    deployment,
    good_set,
    ingress,
    pod,
    service,
)


def test_the_good_set_has_no_problem() -> None:
    assert check(good_set(), POLICY) == ()


def test_the_corpus_is_large() -> None:
    assert len(HOSTILE) >= 100


@pytest.mark.security("hostile-manifests")
@pytest.mark.parametrize("case", sorted(HOSTILE))
def test_a_hostile_set_is_refused(case: str) -> None:
    manifests = good_set()
    HOSTILE[case](manifests)
    problems = check(manifests, POLICY)
    assert problems
    assert all(
        (problem.path and str(problem.message).endswith(".")) or "cannot be counted" in problem.message
        for problem in problems
    )


@pytest.mark.security("hostile-manifests")
def test_what_a_policy_gives_is_allowed() -> None:
    manifests = [*good_set(), ingress(), autoscaler()]
    del manifests[0]["spec"]["replicas"]
    pod(manifests)["serviceAccountName"] = "reader"
    pod(manifests)["imagePullSecrets"] = [{"name": "pull"}]
    pod(manifests)["initContainers"] = [{"name": "init", "image": "harbor.example.com/base/busybox:1"}]
    pod(manifests)["volumes"].append({"name": "data", "persistentVolumeClaim": {"claimName": "gw-data"}})
    manifests[1]["spec"] |= {"type": "NodePort", "ports": [{"port": 8080, "nodePort": 30080}]}
    policy = Policy(
        namespace="omm-fat",
        component="gw",
        image=IMAGE,
        registries=("harbor.example.com/base/",),
        service="gateway",
        service_accounts=frozenset({"reader"}),
        secrets=frozenset({"pull"}),
        claims=frozenset({"gw-data"}),
        service_types=frozenset({"NodePort"}),
        node_ports=frozenset({30080}),
        ingress_hosts=frozenset({"gw.example.com"}),
    )
    assert check(manifests, policy) == ()
    assert len(check(manifests, POLICY)) == 6


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "host", "a", "type"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [path] + [p for key, item in value.items() for p in leaves(item, (*path, key))]
    if isinstance(value, list):
        return [path] + [p for index, item in enumerate(value) for p in leaves(item, (*path, index))]
    return [path]


PATHS = [path for path in leaves([*good_set(), ingress(), autoscaler()]) if path]


@pytest.mark.security("hostile-manifests")
@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PATHS), JSON)
def test_no_shape_of_data_makes_the_check_raise_and_what_passes_can_be_prepared(
    path: tuple[Any, ...], value: Any
) -> None:
    manifests: Any = [*good_set(), ingress(), autoscaler()]
    target = manifests
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = value
    policy = Policy("omm-fat", "gw", IMAGE, ingress_hosts=frozenset({"gw.example.com"}), service="gateway")
    if not check(manifests, policy):
        prepared = overlay(prepare(manifests, IDENTITY), deployment_mark="7", restarted_at="now", replicas=1)
        assert all(m["metadata"]["namespace"] == "omm-fat" for m in prepared)


def prepared_set() -> dict[str, Manifest]:
    return {m["kind"]: m for m in prepare(good_set(), IDENTITY)}


def test_kubectl_shows_the_order_as_the_cause_of_a_revision() -> None:
    workload = prepared_set()["Deployment"]
    cause = workload["metadata"]["annotations"]["kubernetes.io/change-cause"]
    assert cause == f"order {IDENTITY.number}, commit {IDENTITY.commit[:12]}"
    assert "kubernetes.io/change-cause" not in workload["spec"]["template"]["metadata"].get("annotations", {})


def test_labels_name_the_order_and_the_selector_never_does() -> None:
    made = prepared_set()
    workload = made["Deployment"]
    stable = {"app.kubernetes.io/name": "gw", "app.kubernetes.io/instance": "omm-gw-fat"}
    assert workload["spec"]["selector"] == {"matchLabels": stable}
    assert made["Service"]["spec"]["selector"] == stable
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert labels["prism4k.io/order"] == labels["app.kubernetes.io/version"] == IDENTITY.number
    assert labels["tier"] == "front"
    assert stable.items() <= labels.items()
    assert workload["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "prism4k"
    assert workload["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_config_maps_are_named_by_content_and_all_references_follow() -> None:
    made = prepared_set()
    name = made["ConfigMap"]["metadata"]["name"]
    assert name.startswith("gw-config-")
    assert len(name) == len("gw-config-") + 8
    spec = made["Deployment"]["spec"]["template"]["spec"]
    box = spec["containers"][0]
    assert box["envFrom"][0]["configMapRef"]["name"] == name
    assert box["env"][0]["valueFrom"]["configMapKeyRef"]["name"] == name
    assert spec["volumes"][0]["configMap"]["name"] == name
    assert spec["volumes"][1]["projected"]["sources"][0]["configMap"]["name"] == name
    changed = good_set()
    changed[2]["data"]["A"] = "2"
    assert prepare(changed, IDENTITY)[0]["metadata"]["name"] != name
    assert good_set()[2]["metadata"]["name"] == "gw-config"


def test_objects_go_in_the_order_in_which_they_need_each_other() -> None:
    kinds = [m["kind"] for m in order([ingress(), autoscaler(), deployment(), service(), config()])]
    assert kinds == ["ConfigMap", "Service", "Deployment", "HorizontalPodAutoscaler", "Ingress"]


def test_the_overlay_changes_only_its_three_things() -> None:
    frozen = prepare(good_set(), IDENTITY)
    before = copy.deepcopy(frozen)
    changed = overlay(frozen, deployment_mark="41", restarted_at="2026-11-20T10:00:00Z", replicas=5)
    assert frozen == before
    for old, new in zip(frozen, changed, strict=True):
        assert new["metadata"]["annotations"].pop("prism4k.io/deployment") == "41"
        if new["kind"] == "Deployment":
            assert new["spec"]["replicas"] == 5
            new["spec"]["replicas"] = 2
            assert new["spec"]["template"]["metadata"]["annotations"].pop("prism4k.io/restarted-at")
        assert new == old
    plain = find_workload(overlay(frozen, deployment_mark="42"))
    assert plain["spec"]["template"] == find_workload(frozen)["spec"]["template"]
    with pytest.raises(ValueError):
        overlay(frozen, deployment_mark="1", replicas=-1)


def test_the_workload_is_the_one_deployment() -> None:
    assert find_workload(good_set())["kind"] == "Deployment"
    with pytest.raises(Rejected):
        find_workload([service()])
    with pytest.raises(Rejected):
        find_workload([deployment(), deployment()])


def test_a_snapshot_has_one_hash_for_any_order_of_keys() -> None:
    frozen = prepare(good_set(), IDENTITY)
    turned = tuple(dict(reversed(list(m.items()))) for m in frozen)
    assert snapshot_hash(frozen, {"a": 1, "b": "理财"}) == snapshot_hash(turned, {"b": "理财", "a": 1})
    assert snapshot_hash(frozen, {"a": 1}) != snapshot_hash(frozen, {"a": 2})
    assert snapshot_hash(frozen, {}) != snapshot_hash(tuple(reversed(frozen)), {})


def test_long_names_keep_distinct_labels() -> None:
    one, two = (instance_label("p" * 40, "c" * 40, env) for env in ("fat", "uat"))
    assert len(one) == len(two) == 63
    assert one != two


def test_references_are_addresses() -> None:
    assert ObjectRef("apps/v1", "Deployment", "gw") == ref_of(deployment())
