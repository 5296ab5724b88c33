"""The log of all pods of a place: who is asked for what, who came and who went, what is told where something lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from deployer.errors import DeployerError, Forbidden, Unavailable
from deployer.interfaces import LogWanted, TimedLog
from foundation.messages import message as _
from releases import live_reads
from releases.models import Placement
from tests.cast import World
from tests.releases.logs.conftest import POD

S = "2026-11-20T10:00:"
PAGE = "/runtime/sis-omm/sis-omm-proxy-gw/fat/log/"
API = "/api/v1/components/sis-omm/sis-omm-proxy-gw/environments/fat/log/"
NUMBER = "K8S20261120100000AB"


class FakeCluster:
    """Says what it is told to; an error in the place of a log is raised."""

    def __init__(self) -> None:
        self.logs: dict[str, TimedLog | DeployerError] = {}
        self.asked: list[tuple[str, LogWanted]] = []

    def timed_log(self, _namespace: str, pod: str, wanted: LogWanted) -> TimedLog:
        self.asked.append((pod, wanted))
        found = self.logs.get(pod, TimedLog((), ()))
        if isinstance(found, DeployerError):
            raise found
        return found


def log(*lines: tuple[str, str], is_cut: bool = False) -> TimedLog:
    return TimedLog(tuple(f"{S}{at}.000000000Z" for at, _text in lines), tuple(text for _at, text in lines), is_cut)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    found = FakeCluster()
    monkeypatch.setattr(live_reads, "cluster_target", lambda _cluster: None)
    monkeypatch.setattr("releases.live_reads.kubernetes.connect", lambda _target: found)
    monkeypatch.setattr(live_reads, "_LOGS", live_reads._Kept(live_reads.LOGS_KEPT_SECONDS))
    yield found


@pytest.fixture
def two(place: Placement, cluster: FakeCluster) -> FakeCluster:
    """An old pod and a new one, each with two lines."""
    put(place, ("gw-6d9f-aaaaa", "01"), ("gw-7c55-bbbbb", "05"))
    cluster.logs = {
        "gw-6d9f-aaaaa": log(("02", "INFO one"), ("07", "ERROR no datasource")),
        "gw-7c55-bbbbb": log(("06", "WARN slow"), ("08", "INFO two")),
    }
    return cluster


def put(place: Placement, *pods: tuple[str, str], **more: Any) -> None:
    rows = [POD | {"name": name, "started_at": f"{S}{at}Z", "order": NUMBER} | more for name, at in pods]
    Placement.objects.filter(pk=place.pk).update(pods=rows)


def client_of(world: World, who: str) -> Client:
    client = Client()
    client.force_login(world.people[who], backend="accounts.backends.PasswordBackend")
    return client


def read(world: World, **query: Any) -> dict[str, Any]:
    answer = client_of(world, "olli").get(API, query)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def told(found: dict[str, Any]) -> list[tuple[str, str]]:
    return [(line["pod"][-5:], line["text"]) for line in found["lines"]]


def test_lines_of_all_pods_stand_in_the_order_of_their_times(world: World, two: FakeCluster) -> None:
    found = read(world)
    assert told(found) == [
        ("aaaaa", "pod …6d9f-aaaaa of order 1120-1000·AB has joined"), ("aaaaa", "INFO one"),
        ("bbbbb", "pod …7c55-bbbbb of order 1120-1000·AB has joined"), ("bbbbb", "WARN slow"),
        ("aaaaa", "ERROR no datasource"), ("bbbbb", "INFO two"),
    ]  # fmt: skip
    assert [line["kind"] for line in found["lines"]] == ["joined", "", "joined", "", "", ""]
    assert [line["level"] for line in found["lines"]][3:] == ["warning", "error", ""]
    assert [(pod["short_name"], pod["state"], pod["trouble"]) for pod in found["pods"]] == [
        ("aaaaa", "ready", ""), ("bbbbb", "ready", ""),
    ]  # fmt: skip
    assert len({pod["colour"] for pod in found["pods"]}) == 2
    assert told(read(world, text="DATASOURCE")) == [("aaaaa", "ERROR no datasource")]
    only = read(world, pod="gw-7c55-bbbbb", previous="true", container="side")
    assert told(only) == [("bbbbb", "WARN slow"), ("bbbbb", "INFO two")], "an earlier container has not just come"
    assert [(pod, wanted.previous, wanted.container) for pod, wanted in two.asked[2:]] == [
        ("gw-7c55-bbbbb", True, "side")
    ], "and the search above was answered by what was there"


def test_who_follows_is_told_only_what_is_new_and_who_came_and_went(
    world: World, place: Placement, two: FakeCluster
) -> None:
    put(place, ("gw-7c55-bbbbb", "05"), ("gw-8f00-ccccc", "27"))
    two.logs["gw-7c55-bbbbb"] = log(("06", "WARN slow"), ("21", "INFO late"), ("24", "INFO three"))
    two.logs["gw-8f00-ccccc"] = log(("28", "INFO new"))
    found = read(world, since=f"{S}21Z", known=["gw-6d9f-aaaaa", "gw-7c55-bbbbb"])
    assert told(found)[:4] == [
        ("bbbbb", "INFO late"), ("bbbbb", "INFO three"),
        ("ccccc", "pod …8f00-ccccc of order 1120-1000·AB has joined"), ("ccccc", "INFO new"),
    ]  # fmt: skip
    assert told(found)[4:] == [("aaaaa", "pod …6d9f-aaaaa has left")]
    since = {pod: wanted.since for pod, wanted in two.asked}
    assert since == {"gw-7c55-bbbbb": f"{S}20Z", "gw-8f00-ccccc": ""}, "whole tens of seconds; of a new pod, all"
    read(world, since=f"{S}29.5Z", known=["gw-7c55-bbbbb"])
    assert len(two.asked) == 2, "who is a little further reads the same answer"


def test_a_pod_without_lines_says_why_and_the_others_go_on(world: World, two: FakeCluster) -> None:
    two.logs["gw-7c55-bbbbb"] = Forbidden(_("The cluster says: no."))
    found = read(world)
    assert [pod["trouble"] for pod in found["pods"]] == ["", "The cluster says: no."]
    assert ("aaaaa", "INFO one") in told(found)
    page = client_of(world, "olli").get(PAGE)
    assert page.status_code == 200 and "bbbbb: The cluster says: no." in page.content.decode()


def test_a_cluster_that_does_not_answer_is_said(world: World, two: FakeCluster) -> None:
    two.logs = dict.fromkeys(two.logs, Unavailable(_("The cluster cannot be reached.")))
    client = client_of(world, "olli")
    answer = client.get(API)
    assert (answer.status_code, answer.json()["code"]) == (502, "pod-log")
    page = client.get(PAGE)
    assert page.status_code == 502 and 'class="note error"' in page.content.decode()
    assert "?container=app&amp;previous=1" in page.content.decode(), "another log is a click away"


@pytest.mark.security("floods")
def test_pods_lines_and_bytes_are_bounded_and_what_lacks_is_told(
    world: World, place: Placement, cluster: FakeCluster
) -> None:
    put(place, *[(f"gw-6d9f-{n:05}", f"{n:02}") for n in range(20)])
    cluster.logs = {f"gw-6d9f-{n:05}": log(("59", "x"), is_cut=True) for n in range(20)}
    found = read(world)
    assert (len(found["pods"]), found["left_out"]) == (12, 8)
    assert {wanted.tail_lines for _pod, wanted in cluster.asked} == {500}
    assert {line["kind"] for line in found["lines"]} == {""}, "where older lines are not here, nobody is seen to join"
    page = client_of(world, "olli").get(PAGE).content.decode()
    assert "8 more pods are not here: at most 12 are read." in page and "Older lines of these pods are not here" in page
    client = client_of(world, "olli")
    cluster.asked.clear()
    whole = b"".join(client.get(API, {"raw": "1"})).decode()
    assert sum(wanted.limit_bytes for _pod, wanted in cluster.asked) <= 4 * 1024 * 1024
    assert "# 8 more pods are not here" in whole and "# Older lines" in whole
    for name in ("pod", "known"):
        assert client.get(API, {name: ["p"] * 65}).status_code == 400
    for query in ({"since": "yesterday"}, {"since": "2026-13-45T00:00:00Z"}, {"since": "2026-11-20T10:00:00"}):
        assert client.get(API, query).status_code == 400, query
    assert client.get(API, {"text": "x" * 201}).status_code == 400


@pytest.mark.security("secrets-that-leak")
def test_secrets_are_masked_also_over_several_lines(world: World, two: FakeCluster) -> None:
    secret = "cAnArY0123456789"
    two.logs["gw-6d9f-aaaaa"] = log(
        ("02", "token="), ("02", secret), ("03", "-----BEGIN PRIVATE KEY-----"), ("03", f"{secret}AAAA"),
        ("04", "-----END PRIVATE KEY-----"), ("04", f"password={secret}"), ("05", "fine"),
    )  # fmt: skip
    client = client_of(world, "olli")
    for answer in (client.get(API).content, client.get(PAGE).content, b"".join(client.get(API, {"raw": "1"}))):
        assert secret.encode() not in answer and b"fine" in answer
    assert len([line for line in read(world)["lines"] if line["pod"].endswith("aaaaa")]) == 8


@pytest.mark.security("hostile-logs")
def test_what_turns_or_hides_text_is_shown_as_a_mark(world: World, two: FakeCluster) -> None:
    two.logs["gw-6d9f-aaaaa"] = log(("02", "<script>\x1b[32mready\x1b[0m \u202edeliaf"))
    page = client_of(world, "olli").get(PAGE).content.decode()
    assert "&lt;script&gt;ready ⟨U+202E⟩deliaf" in page and "\x1b" not in page


def test_the_whole_is_a_text_with_times_and_pods(world: World, two: FakeCluster) -> None:
    answer = client_of(world, "olli").get(API, {"raw": "1"})
    assert answer["Content-Disposition"] == 'attachment; filename="sis-omm-proxy-gw-fat.log"'
    assert b"".join(answer).decode().splitlines() == [
        f"{S}02.000000000Z gw-6d9f-aaaaa INFO one",
        f"{S}06.000000000Z gw-7c55-bbbbb WARN slow",
        f"{S}07.000000000Z gw-6d9f-aaaaa ERROR no datasource",
        f"{S}08.000000000Z gw-7c55-bbbbb INFO two",
    ]


def test_who_may_not_see_the_place_is_told_nothing(world: World, two: FakeCluster) -> None:
    client = client_of(world, "otto")
    assert [client.get(path).status_code for path in (PAGE, API, f"{API}?raw=1")] == [404, 404, 404]
    assert two.asked == []


def test_a_place_without_pods_asks_nobody(world: World, place: Placement, cluster: FakeCluster) -> None:
    Placement.objects.filter(pk=place.pk).update(pods=[])
    assert (read(world)["lines"], cluster.asked) == ([], [])
    assert "No pod is running." in client_of(world, "olli").get(PAGE).content.decode()
