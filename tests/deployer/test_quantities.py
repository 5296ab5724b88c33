"""Exact quantities: what is accepted, refused, printed and summed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.quantities import (
    LARGEST,
    PodCost,
    QuantityError,
    RollingPlan,
    bytes_to_gib,
    cores_to_millicores,
    format_cpu,
    format_memory,
    gib_to_bytes,
    millicores_to_cores,
    parse_cpu,
    parse_memory,
    parse_quota_value,
    pod_cost,
    rolling_plan,
)

REFUSED = [
    "1K",
    "NaN",
    "nan",
    "Infinity",
    "inf",
    "1_000",
    "２",
    "１Gi",
    "-1",
    "+1",
    "",
    " ",
    "1 Gi",
    " 1",
    "1\n",
    "1ki",
    "1KI",
    "Gi",
    ".",
    "m",
    "1e",
    "1e1000000000",
    "1.2.3",
    "0x10",
    "1Gi1",
    "1mi",
    "1E+",
    "9" * 40,
    "9" * 200,
    "8Ei",
    "1g",
    "½",
    "٣",
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_the_server_refuses_is_refused_with_a_message(text: str) -> None:
    with pytest.raises(QuantityError) as refusal:
        parse_memory(text)
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("value", [True, None, 1.5, b"1", -3, 2**70])
def test_only_text_and_whole_numbers_are_quantities(value: object) -> None:
    with pytest.raises(QuantityError):
        parse_cpu(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "millicores"),
    [
        ("100u", 1),
        ("100m", 100),
        ("0.1", 100),
        ("2", 2000),
        (2, 2000),
        ("1.0001", 1001),
        ("1e3", 1_000_000),
        ("0", 0),
        (".5", 500),
        ("2.", 2000),
        ("1k", 1_000_000),
        ("1n", 1),
    ],
)
def test_cpu_in_millicores_rounds_up(text: str | int, millicores: int) -> None:
    assert parse_cpu(text) == millicores


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.5Gi", 1536 * 2**20),
        ("1k", 1000),
        ("1Ki", 1024),
        ("1e9", 10**9),
        ("100m", 1),
        ("0.1Gi", 107374183),
        ("7Ei", 7 * 2**60),
        ("1E3", 1000),
    ],
)
def test_memory_in_bytes(text: str, amount: int) -> None:
    assert parse_memory(text) == amount


def test_canonical_text_is_what_the_server_prints() -> None:
    assert [format_cpu(parse_cpu(t)) for t in ("0.1", "1.5", "2000m", "0")] == ["100m", "1500m", "2", "0"]
    assert [format_memory(parse_memory(t)) for t in ("1.5Gi", "4Gi", "1000", "0")] == ["1536Mi", "4Gi", "1000", "0"]


@given(st.integers(min_value=0, max_value=LARGEST // 1000))
def test_cpu_survives_both_ways(millicores: int) -> None:
    assert parse_cpu(format_cpu(millicores)) == millicores
    assert parse_cpu(f"{millicores}m") == millicores


@given(st.integers(min_value=0, max_value=10**14))
def test_typed_cores_survive_both_ways(millicores: int) -> None:
    assert cores_to_millicores(millicores_to_cores(millicores)) == millicores


@given(st.integers(min_value=0, max_value=2**50))
def test_memory_survives_both_ways(amount: int) -> None:
    assert parse_memory(format_memory(amount)) == amount
    assert gib_to_bytes(bytes_to_gib(amount)) == amount


@given(st.decimals(min_value=0, max_value=9999, places=2))
def test_a_typed_number_of_gib_comes_back_as_typed(number: object) -> None:
    text = f"{number:f}".rstrip("0").rstrip(".")
    assert bytes_to_gib(gib_to_bytes(text)) == text


@given(st.text(max_size=12))
def test_any_text_is_a_whole_number_or_a_message(text: str) -> None:
    try:
        assert parse_memory(text) >= 0
    except QuantityError as refusal:
        assert str(refusal)


@pytest.mark.parametrize("text", ["1e3", "2Gi", "-1", "１", "1,5", "", "0.0001", "1_0", "NaN"])
def test_cores_as_typed_are_plain_decimals(text: str) -> None:
    with pytest.raises(QuantityError):
        cores_to_millicores(text)


def test_quota_values_by_resource() -> None:
    assert parse_quota_value("limits.cpu", "1500m") == 1500
    assert parse_quota_value("requests.memory", "1Gi") == 2**30
    assert parse_quota_value("pods", "10") == 10


def container(cpu: str, memory: str, **more: object) -> dict[str, object]:
    return {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


def test_a_pod_costs_its_containers_or_its_hungriest_init_container() -> None:
    spec = {
        "containers": [container("100m", "1Gi"), container("200m", "1Gi")],
        "initContainers": [container("1", "1Gi"), container("2", "512Mi")],
    }
    assert pod_cost(spec) == PodCost(cpu_request=2000, memory_request=2 * 2**30)


def test_a_sidecar_counts_while_the_pod_runs_and_beside_later_init_containers() -> None:
    spec = {
        "containers": [container("500m", "1Gi")],
        "initContainers": [
            container("300m", "0", restartPolicy="Always"),
            container("1", "0"),
        ],
    }
    assert pod_cost(spec).cpu_request == 1300
    spec["initContainers"].reverse()
    assert pod_cost(spec).cpu_request == 1000


def test_an_absent_request_is_the_limit_and_overhead_adds_to_limits_only_where_there_is_one() -> None:
    spec = {
        "containers": [{"resources": {"limits": {"cpu": "1"}}}],
        "overhead": {"cpu": "250m", "memory": "64Mi"},
    }
    assert pod_cost(spec) == PodCost(cpu_request=1250, cpu_limit=1250, memory_request=64 * 2**20, memory_limit=0)


@pytest.mark.parametrize(
    ("replicas", "strategy", "expected"),
    [
        (4, None, RollingPlan(1, 1)),
        (3, None, RollingPlan(1, 0)),
        (1, None, RollingPlan(1, 0)),
        (3, {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}, RollingPlan(0, 1)),
        (10, {"rollingUpdate": {"maxSurge": "33%", "maxUnavailable": "33%"}}, RollingPlan(4, 3)),
        (2, {"type": "Recreate"}, RollingPlan(0, 2)),
    ],
)
def test_surge_is_rounded_up_and_unavailable_down(replicas: int, strategy: dict | None, expected: RollingPlan) -> None:
    assert rolling_plan(replicas, strategy) == expected


def test_a_strategy_that_is_no_number_is_refused() -> None:
    with pytest.raises(QuantityError):
        rolling_plan(3, {"rollingUpdate": {"maxSurge": "many"}})
