"""What a change of pods and objects does to a quota: scopes, defaults, surge and counts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.interfaces import QuotaLine, QuotaScope
from deployer.quantities import PodCost, RollingPlan
from deployer.quota import (
    Load,
    PodTraits,
    load_of,
    object_counts,
    quota_effect,
    traits_of,
    with_defaults,
)


def line(resource: str, hard: int, used: int, *scopes: QuotaScope) -> QuotaLine:
    return QuotaLine("prism4k", resource, hard, used, scopes)


ONE = PodCost(cpu_request=100, cpu_limit=200, memory_request=2**20, memory_limit=2**21)


def test_a_full_quota_and_no_pod_that_may_leave_means_the_rollout_never_gets_through() -> None:
    (effect,) = quota_effect([line("pods", 3, 3)], Load(ONE, 3), Load(ONE, 3), RollingPlan(1, 0))
    assert (effect.after, effect.peak, effect.short_by, effect.peak_short_by) == (3, 4, 1, 1)


def test_the_same_quota_suffices_when_an_old_pod_may_leave_first() -> None:
    (effect,) = quota_effect([line("pods", 3, 3)], Load(ONE, 3), Load(ONE, 3), RollingPlan(1, 1))
    assert (effect.short_by, effect.peak_short_by) == (0, 1)


def test_others_in_the_namespace_stay_and_the_shortage_is_named() -> None:
    (effect,) = quota_effect([line("requests.cpu", 1000, 700)], Load(ONE, 2), Load(ONE, 6), None)
    assert (effect.used, effect.after, effect.short_by) == (700, 1100, 100)


def test_a_first_deployment_needs_just_its_own_pods() -> None:
    effects = quota_effect(
        [line("limits.memory", 2**22, 0), line("count/services", 5, 1)],
        Load(PodCost(), 0),
        Load(ONE, 2),
        RollingPlan(1, 0),
    )
    assert [(e.after, e.short_by) for e in effects] == [(2**22, 0), (1, 0)]


@given(
    before=st.integers(0, 8),
    after=st.integers(0, 8),
    surge=st.integers(0, 4),
    away=st.integers(0, 4),
    old=st.integers(0, 9),
    new=st.integers(0, 9),
)
def test_the_peak_is_never_below_any_mix_the_controller_may_make(
    before: int, after: int, surge: int, away: int, old: int, new: int
) -> None:
    plan = RollingPlan(surge, away or (0 if surge else 1))
    effect = quota_effect(
        [line("requests.cpu", 0, old * before)],
        Load(PodCost(cpu_request=old), before),
        Load(PodCost(cpu_request=new), after),
        plan,
    )[0]
    recreate = plan.surge == 0 and plan.unavailable >= after
    for new_pods in range(after + 1):
        for old_pods in range(before + 1):
            if old_pods + new_pods <= after + plan.surge and not (recreate and old_pods and new_pods):
                assert effect.peak >= old * old_pods + new * new_pods


def pod(*containers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"containers": list(containers), **more}


def box(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": requests or {}, "limits": limits or {}}, **more}


SMALL = box({"cpu": "100m"})


@pytest.mark.parametrize(
    ("spec", "scope", "is_counted"),
    [
        (pod(SMALL), QuotaScope("BestEffort"), False),
        (pod(SMALL), QuotaScope("NotBestEffort"), True),
        (pod(box()), QuotaScope("BestEffort"), True),
        (pod(box()), QuotaScope("NotBestEffort"), False),
        (pod(box({"cpu": "0"})), QuotaScope("BestEffort"), True),
        (pod(box({"ephemeral-storage": "1Gi"})), QuotaScope("BestEffort"), True),
        (pod(box(), initContainers=[SMALL]), QuotaScope("BestEffort"), False),
        (pod(box(), SMALL), QuotaScope("BestEffort"), False),
        (pod(SMALL), QuotaScope("Terminating"), False),
        (pod(SMALL), QuotaScope("NotTerminating"), True),
        (pod(SMALL, activeDeadlineSeconds=0), QuotaScope("Terminating"), True),
        (pod(SMALL, activeDeadlineSeconds=60), QuotaScope("NotTerminating"), False),
        (pod(SMALL), QuotaScope("PriorityClass"), False),
        (pod(SMALL, priorityClassName="high"), QuotaScope("PriorityClass"), True),
        (pod(SMALL), QuotaScope("PriorityClass", "DoesNotExist"), True),
        (pod(SMALL), QuotaScope("PriorityClass", "In", ("high",)), False),
        (pod(SMALL, priorityClassName="high"), QuotaScope("PriorityClass", "In", ("low", "high")), True),
        (pod(SMALL, priorityClassName="high"), QuotaScope("PriorityClass", "NotIn", ("high",)), False),
        (pod(SMALL), QuotaScope("PriorityClass", "NotIn", ("high",)), True),
        (pod(SMALL), QuotaScope("CrossNamespacePodAffinity"), False),
        (pod(SMALL), QuotaScope("VolumeAttributesClass"), False),
    ],
)
def test_a_pod_outside_the_scope_does_not_count(spec: dict[str, Any], scope: QuotaScope, is_counted: bool) -> None:
    effects = quota_effect([line("pods", 0, 0, scope)], Load(PodCost(), 0), load_of(spec, 2), None)
    assert [effect.short_by for effect in effects] == ([2] if is_counted else [])


def test_an_affinity_to_pods_of_other_namespaces_is_a_scope_of_its_own() -> None:
    term = {"topologyKey": "zone", "namespaceSelector": {}}
    near = {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"podAffinityTerm": term}]}}
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"namespaces": ["other"]}]}}
    home = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "host"}]}}
    assert [traits_of(pod(SMALL, affinity=one)).crosses_namespaces for one in (near, apart, home)] == [
        True,
        True,
        False,
    ]


def test_all_scopes_of_a_quota_must_hold() -> None:
    both = (QuotaScope("NotTerminating"), QuotaScope("PriorityClass", "In", ("high",)))
    spec = pod(SMALL, priorityClassName="high")
    assert quota_effect([line("pods", 1, 0, *both)], Load(PodCost(), 0), load_of(spec, 2), None)[0].short_by == 1
    assert quota_effect([line("pods", 1, 0, *both)], Load(PodCost(), 0), load_of(pod(SMALL), 2), None) == ()


def test_pods_that_leave_a_scope_free_what_they_used_there() -> None:
    before = Load(PodCost(), 3, PodTraits(is_best_effort=True))
    (effect,) = quota_effect([line("pods", 3, 3, QuotaScope("BestEffort"))], before, Load(ONE, 3), RollingPlan(1, 0))
    assert (effect.after, effect.short_by) == (0, 0)


def test_the_needed_figure_holds_the_surge() -> None:
    (effect,) = quota_effect([line("pods", 17, 17)], Load(ONE, 2), Load(ONE, 2), RollingPlan(1, 0))
    assert (effect.after, effect.needed, effect.short_by) == (17, 18, 1)


@pytest.mark.parametrize("pods", [0, 1, 79, 80])
def test_fewer_pods_always_pass_even_where_the_quota_is_over_full(pods: int) -> None:
    (effect,) = quota_effect([line("pods", 10, 95)], Load(ONE, 80), Load(ONE, pods), None)
    assert (effect.short_by, effect.peak_short_by) == (0, 0)


def test_more_pods_are_refused_by_as_many_as_do_not_fit() -> None:
    (effect,) = quota_effect([line("pods", 80, 24)], Load(ONE, 4), Load(ONE, 100), None)
    assert (effect.needed, effect.short_by) == (120, 40)


def test_no_pods_at_all_need_no_quota() -> None:
    (effect,) = quota_effect([line("pods", 10, 95)], Load(ONE, 5), Load(ONE, 0), RollingPlan(1, 0))
    assert effect.short_by == 0


def test_what_the_pods_do_not_ask_for_is_never_short() -> None:
    (effect,) = quota_effect([line("limits.cpu", 100, 500)], Load(PodCost(), 0), load_of(pod(SMALL), 3), None)
    assert effect.short_by == 0


def test_the_other_resources_count_under_the_names_that_quotas_have() -> None:
    spec = pod(
        box({"ephemeral-storage": "1Gi", "nvidia.com/gpu": "1", "hugepages-2Mi": "4Mi"}, {"nvidia.com/gpu": "1"})
    )
    lines = [
        line("ephemeral-storage", 2**30, 0),
        line("requests.ephemeral-storage", 2**30, 0),
        line("limits.ephemeral-storage", 2**30, 0),
        line("requests.nvidia.com/gpu", 1, 0),
        line("hugepages-2Mi", 2**22, 0),
        line("requests.storage", 1, 0),
    ]
    effects = quota_effect(lines, Load(PodCost(), 0), load_of(spec, 2), None)
    assert [effect.short_by for effect in effects] == [2**30, 2**30, 0, 1, 2**22, 0]


def limit_range(name: str = "limits", kind: str = "Container", **item: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"limits": [{"type": kind, **item}]}}


DEFAULTS = limit_range(default={"cpu": "500m", "memory": "1Gi"}, defaultRequest={"cpu": "200m"})


def test_a_limit_range_completes_what_a_container_leaves_out() -> None:
    load = load_of(pod(box()), 1, [DEFAULTS])
    assert load.cost == PodCost(200, 500, 2**30, 2**30)
    assert not load.traits.is_best_effort


@pytest.mark.parametrize(
    ("container", "cost"),
    [
        (box({"cpu": "100m"}), (100, 500)),
        (box(None, {"cpu": "300m"}), (300, 300)),
        (box({"cpu": "1"}, {"cpu": "2"}), (1000, 2000)),
        ({"name": "c"}, (200, 500)),
    ],
)
def test_a_limit_of_its_own_becomes_the_request_before_any_default(
    container: dict[str, Any], cost: tuple[int, int]
) -> None:
    found = load_of(pod(container), 1, [DEFAULTS]).cost
    assert (found.cpu_request, found.cpu_limit) == cost


def test_init_containers_and_sidecars_are_completed_too_and_other_limits_default_nothing() -> None:
    spec = pod(box(), initContainers=[box(restartPolicy="Always")])
    assert load_of(spec, 1, [DEFAULTS]).cost.cpu_request == 400
    assert (
        with_defaults(spec, [limit_range(kind="Pod", max={"cpu": "1"})])["containers"][0]["resources"]["limits"] == {}
    )


def test_of_two_limit_ranges_each_gives_what_the_other_leaves_out() -> None:
    more = limit_range("more", default={"cpu": "2", "ephemeral-storage": "1Gi"})
    cost = load_of(pod(box()), 1, [more, DEFAULTS]).cost
    assert (cost.cpu_limit, cost.others["limits.ephemeral-storage"]) == (500, 2**30)


def thing(kind: str, api_version: str = "v1", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}


def test_objects_count_under_every_name_of_theirs() -> None:
    wanted = [
        thing("Service", type="NodePort", ports=[{}, {}]),
        thing("ConfigMap"),
        thing("Ingress", "networking.k8s.io/v1"),
        thing("Deployment", "apps/v1"),
        thing("NetworkPolicy", "networking.k8s.io/v1"),
    ]
    assert object_counts(wanted, []) == {
        "count/services": 1,
        "services": 1,
        "services.nodeports": 2,
        "services.loadbalancers": 0,
        "count/configmaps": 1,
        "configmaps": 1,
        "count/ingresses.networking.k8s.io": 1,
        "count/deployments.apps": 1,
        "count/networkpolicies.networking.k8s.io": 1,
    }


def test_objects_that_are_there_already_are_not_counted_twice_but_their_new_ports_are() -> None:
    balanced = thing("Service", type="LoadBalancer", ports=[{}])
    counts = object_counts([balanced], [thing("Service", type="ClusterIP", ports=[{}])])
    assert counts == {"count/services": 0, "services": 0, "services.nodeports": 1, "services.loadbalancers": 1}


@pytest.mark.parametrize(("used", "more", "short"), [(5, 1, 0), (6, 1, 1), (9, 0, 0), (9, -1, 0), (5, 3, 2)])
def test_a_count_is_short_only_where_something_is_added(used: int, more: int, short: int) -> None:
    lines = [line("count/configmaps", 6, used)]
    (effect,) = quota_effect(lines, Load(PodCost(), 0), Load(ONE, 1), None, {"count/configmaps": more})
    assert (effect.after, effect.short_by) == (used + more, short)
