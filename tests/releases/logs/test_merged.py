"""The logs of several pods as one: order, colours, which pods are followed."""

from __future__ import annotations

from typing import Any

from deployer.interfaces import TimedLog
from releases.logs.merged import COLOURS, JOINED, MOST_PODS, MergedLine, chosen_pods, colours_of, merged

S = "2026-11-20T10:00:0"


def pod(name: str, started_at: str = "2026-11-20T10:00:00Z", *, is_ready: bool = True) -> dict[str, Any]:
    return {"name": name, "started_at": started_at, "is_ready": is_ready}


def test_lines_stand_by_time_and_those_of_one_pod_in_their_order() -> None:
    one = TimedLog((f"{S}1.000000001Z", f"{S}3.000000000Z", f"{S}3.000000000Z"), ("a1", "ERROR a2", "a3"))
    two = TimedLog((f"{S}1.000000002Z", f"{S}3.000000000Z"), ("b1", "b2"))
    said = [MergedLine(f"{S}1.000000001Z", "a", "a has joined", kind=JOINED)]
    lines = merged({"a": one, "b": two}, said)
    assert [(line.pod, line.text) for line in lines] == [
        ("a", "a has joined"), ("a", "a1"), ("b", "b1"), ("a", "ERROR a2"), ("a", "a3"), ("b", "b2"),
    ]  # fmt: skip
    assert [line.level for line in lines if line.text == "ERROR a2"] == ["error"]
    assert merged({}) == []


def test_of_too_many_pods_those_in_trouble_and_the_new_ones_are_followed() -> None:
    pods = [pod(f"old-{n:02}", f"2026-11-20T10:00:{n:02}Z") for n in range(20)]
    pods += [pod("sick", "2026-11-19T10:00:00Z", is_ready=False)]
    followed, left_out = chosen_pods(pods)
    names = [one["name"] for one in followed]
    assert (len(names), left_out) == (MOST_PODS, 9)
    assert names == ["sick", *(f"old-{n:02}" for n in range(9, 20))], "oldest first"
    assert chosen_pods(pods, {"old-03", "nobody"}) == ([pods[3]], 0)
    assert chosen_pods([]) == ([], 0)


def test_each_pod_has_a_colour_that_a_new_pod_does_not_change() -> None:
    pods = [pod(f"p-{n}", f"2026-11-20T10:00:{n:02}Z") for n in range(MOST_PODS)]
    found = colours_of(pods)
    assert sorted(found.values()) == sorted(COLOURS)
    for many in range(1, MOST_PODS):
        assert colours_of(pods[:many]).items() <= found.items()
