"""Lists and watches: their frames, their order, their versions, and what is chosen."""

import threading

import pytest

from tests.contract.wire import CORE, DEPLOYMENTS, Wire, steady
from tests.patience import wait_for

pytestmark = pytest.mark.contract


def put(wire: Wire, name: str, **labels: str) -> dict[str, object]:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}}
    answer = wire.apply(f"{CORE}/configmaps", body)
    assert answer.status in (200, 201), answer
    return dict(answer.body)


def names(wire: Wire, **query: str) -> list[str]:
    found = (item["metadata"]["name"] for item in wire.items(f"{CORE}/configmaps", **query))
    return [name for name in found if name != "kube-root-ca.crt"]


def test_a_list_names_its_kind_and_its_items_do_not(wire: Wire) -> None:
    wire.deploy(replicas=0)
    answer = wire.call("GET", DEPLOYMENTS)
    assert (answer.body["kind"], answer.body["apiVersion"]) == ("DeploymentList", "apps/v1")
    assert int(answer.body["metadata"]["resourceVersion"]) > 0
    (item,) = answer.body["items"]
    assert "kind" not in item and "apiVersion" not in item
    assert wire.get(f"{DEPLOYMENTS}/web")["kind"] == "Deployment"


def test_a_list_comes_in_pages(wire: Wire) -> None:
    for name in ("a", "b", "c"):
        wire.apply(DEPLOYMENTS, {**steady(replicas=0), "metadata": {"name": name}})
    first = wire.call("GET", DEPLOYMENTS, limit=2).body
    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 1
    last = wire.call("GET", DEPLOYMENTS, limit=2, continue_=first["metadata"]["continue"]).body
    assert [item["metadata"]["name"] for item in last["items"]] == ["c"]
    assert "continue" not in last["metadata"]


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("app=web", ["a", "b"]),
        ("app==web", ["a", "b"]),
        ("app!=web", ["c", "d"]),
        ("app in (web,db)", ["a", "b", "c"]),
        ("app notin (web)", ["c", "d"]),
        ("app", ["a", "b", "c"]),
        ("!app", ["d"]),
        ("app=web,tier=1", ["a"]),
    ],
)
def test_labels_choose(wire: Wire, selector: str, found: list[str]) -> None:
    put(wire, "a", app="web", tier="1")
    put(wire, "b", app="web")
    put(wire, "c", app="db")
    put(wire, "d")
    assert names(wire, labelSelector=selector) == found


def test_a_selector_that_cannot_be_read_is_400(wire: Wire) -> None:
    answer = wire.call("GET", f"{CORE}/configmaps", labelSelector="app in web")
    assert answer.refusal[:2] == (400, "BadRequest") and "unable to parse requirement" in answer.body["message"]


def test_a_field_chooses_by_name(wire: Wire) -> None:
    put(wire, "a")
    put(wire, "b")
    assert names(wire, fieldSelector="metadata.name=b") == ["b"]


def test_a_watch_goes_on_from_the_list(wire: Wire) -> None:
    put(wire, "a", app="web")
    version = wire.call("GET", f"{CORE}/configmaps").body["metadata"]["resourceVersion"]
    put(wire, "b", app="web")
    put(wire, "a", app="db")
    wire.call("DELETE", f"{CORE}/configmaps/b")
    told = wire.watch(f"{CORE}/configmaps", resourceVersion=version, timeoutSeconds=1)
    seen = [(one["type"], one["object"]["metadata"]["name"], one["object"]["kind"]) for one in told]
    assert [one for one in seen if one[1] != "kube-root-ca.crt"] == [
        ("ADDED", "b", "ConfigMap"), ("MODIFIED", "a", "ConfigMap"), ("DELETED", "b", "ConfigMap"),
    ]  # fmt: skip


def test_a_watch_of_labels_tells_of_coming_and_leaving(wire: Wire) -> None:
    put(wire, "a", app="db")
    version = wire.call("GET", f"{CORE}/configmaps").body["metadata"]["resourceVersion"]
    put(wire, "a", app="web")
    put(wire, "a", app="db")
    told = wire.watch(f"{CORE}/configmaps", resourceVersion=version, labelSelector="app=web", timeoutSeconds=1)
    assert [(one["type"], one["object"]["metadata"]["name"]) for one in told] == [("ADDED", "a"), ("DELETED", "a")]


def test_a_watch_without_a_version_begins_with_what_is_there(wire: Wire) -> None:
    put(wire, "a", app="web")
    told = list(wire.watch(f"{CORE}/configmaps", labelSelector="app=web", timeoutSeconds=1))
    assert [(one["type"], one["object"]["metadata"]["name"]) for one in told] == [("ADDED", "a")]


def test_news_comes_while_the_watch_is_open(wire: Wire) -> None:
    version = wire.call("GET", f"{CORE}/configmaps").body["metadata"]["resourceVersion"]
    seen: list[str] = []

    def follow() -> None:
        for one in wire.watch(f"{CORE}/configmaps", resourceVersion=version, labelSelector="app", timeoutSeconds=20):
            seen.append(one["object"]["metadata"]["name"])
            if len(seen) == 2:
                return

    thread = threading.Thread(target=follow)
    thread.start()
    put(wire, "a", app="web")
    wait_for(lambda: seen == ["a"], "the first is told")
    put(wire, "b", app="web")
    thread.join(15)
    assert seen == ["a", "b"]
