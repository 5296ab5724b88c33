"""Lists, watches, logs, and who may ask."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

from kubernetes import client

from tests.patience import at_most

from .conftest import Kube, Obj, StandIn

Web = Callable[..., Obj]


def config_map(name: str, **labels: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}, "data": {"a": "1"}}


def watch(kube: Kube, **options: object) -> Iterator[Obj]:
    answer = kube.core.list_namespaced_config_map(
        kube.namespace, watch=True, _preload_content=False, _request_timeout=(5, 10), **options
    )
    try:
        for line in answer:
            yield json.loads(line)
    finally:
        answer.close()


def names(kube: Kube, **options: object) -> list[str]:
    body = kube.call(kube.core.list_namespaced_config_map, kube.namespace, **options)[1]
    return [item["metadata"]["name"] for item in body["items"]]


def test_a_wrong_token_is_refused(stand_in: StandIn) -> None:
    outsider = Kube(stand_in.url, "default", token="wrong")
    status, refusal = outsider.call(outsider.core.list_namespace)
    assert (status, refusal["reason"], refusal["kind"]) == (401, "Unauthorized", "Status")
    assert outsider.call(client.VersionApi(outsider.api).get_code)[0] == 401


def test_the_token_knows_itself(kube: Kube) -> None:
    reviews = client.AuthenticationV1Api(kube.api)
    status, answer = kube.call(
        reviews.create_self_subject_review, {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    )
    assert (status, answer["status"]["userInfo"]["username"]) == (201, "stand-in-admin")
    access = client.AuthorizationV1Api(kube.api)
    attributes = {"namespace": kube.namespace, "verb": "patch", "group": "apps", "resource": "deployments"}
    body = {"spec": {"resourceAttributes": attributes}}
    status, answer = kube.call(access.create_self_subject_access_review, body)
    assert (status, answer["status"]["allowed"]) == (201, True)


def test_lists_select_by_label_and_field(kube: Kube) -> None:
    for body in (config_map("a", app="x", tier="1"), config_map("b", app="y"), config_map("c", app="x")):
        kube.apply(body)
    assert names(kube, label_selector="app=x") == ["a", "c"]
    assert names(kube, label_selector="app!=x") == ["b"]
    assert names(kube, label_selector="app in (x,y),tier") == ["a"]
    assert names(kube, label_selector="app notin (x)") == ["b"]
    assert names(kube, label_selector="!tier") == ["b", "c"]
    assert names(kube, field_selector="metadata.name=b") == ["b"]
    status, refusal = kube.call(kube.core.list_namespaced_config_map, kube.namespace, field_selector="foo=b")
    assert (status, refusal["message"]) == (400, "field label not supported: foo")


def test_the_shape_of_a_list(kube: Kube) -> None:
    for name in ("a", "b", "c"):
        kube.apply(config_map(name))
    body = kube.call(kube.core.list_namespaced_config_map, kube.namespace)[1]
    assert (body["kind"], body["apiVersion"]) == ("ConfigMapList", "v1")
    assert int(body["metadata"]["resourceVersion"]) >= int(body["items"][2]["metadata"]["resourceVersion"])
    assert all("kind" not in item and "apiVersion" not in item for item in body["items"])
    first = kube.call(kube.core.list_namespaced_config_map, kube.namespace, limit=2)[1]
    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 1
    token = first["metadata"]["continue"]
    rest = kube.call(kube.core.list_namespaced_config_map, kube.namespace, limit=2, _continue=token)[1]
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]


def test_a_watch_tells_what_is_newer_than_its_position(kube: Kube) -> None:
    old = kube.apply(config_map("a", app="x"))[1]["metadata"]["resourceVersion"]
    kube.apply(config_map("b", app="x"))
    kube.apply(config_map("b", app="y"))
    kube.call(kube.core.delete_namespaced_config_map, "a", kube.namespace)
    seen = [(e["type"], e["object"]["metadata"]["name"]) for e in watch(kube, resource_version=old, timeout_seconds=1)]
    assert seen == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")]
    # leaving the selection looks like a deletion
    chosen = list(watch(kube, resource_version=old, timeout_seconds=1, label_selector="app=x"))
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in chosen] == [
        ("ADDED", "b"),
        ("DELETED", "b"),
        ("DELETED", "a"),
    ]
    assert chosen[0]["object"]["kind"] == "ConfigMap"
    # without a position the present comes first
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in watch(kube, timeout_seconds=1)] == [("ADDED", "b")]


def test_a_watch_sends_headers_at_once_and_news_as_it_comes(kube: Kube) -> None:
    position = kube.call(kube.core.list_namespaced_config_map, kube.namespace)[1]["metadata"]["resourceVersion"]
    start = time.monotonic()
    answer = kube.core.list_namespaced_config_map(
        kube.namespace,
        watch=True,
        resource_version=position,
        timeout_seconds=5,
        _preload_content=False,
        _request_timeout=(5, 10),
    )
    assert time.monotonic() - start < at_most(1)
    threading.Timer(0.3, kube.apply, [config_map("late")]).start()
    line = next(iter(answer.stream(decode_content=False)))
    assert json.loads(line)["object"]["metadata"]["name"] == "late"
    assert time.monotonic() - start < at_most(2)
    answer.release_conn()


def test_a_watch_misses_nothing_while_it_sends(kube: Kube, stand_in: StandIn) -> None:
    position = kube.call(kube.core.list_namespaced_config_map, kube.namespace)[1]["metadata"]["resourceVersion"]
    seen: list[str] = []

    def read() -> None:
        for event in watch(Kube(stand_in.url, kube.namespace), resource_version=position, timeout_seconds=60):
            seen.append(event["object"]["metadata"]["name"])
            if len(seen) == 240:
                return

    def write(part: int) -> None:
        mine = Kube(stand_in.url, kube.namespace)
        for count in range(80):
            mine.apply(config_map(f"m{part}-{count}"))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(part,)) for part in range(3)]
    for thread in [reader, *writers]:
        thread.start()
    for thread in [*writers, reader]:
        thread.join()
    assert len(seen) == 240
    assert set(seen) == set(names(kube))


def test_a_bookmark_comes_before_the_end(kube: Kube) -> None:
    kube.apply(config_map("a"))
    seen = list(watch(kube, timeout_seconds=3, allow_watch_bookmarks=True))
    assert [e["type"] for e in seen] == ["ADDED", "BOOKMARK"]
    assert int(seen[1]["object"]["metadata"]["resourceVersion"]) >= int(
        seen[0]["object"]["metadata"]["resourceVersion"]
    )


def test_a_forgotten_position_is_told_in_the_stream(kube: Kube) -> None:
    old = kube.apply(config_map("a"))[1]["metadata"]["resourceVersion"]
    patch = {"_content_type": "application/merge-patch+json"}
    for count in range(301):
        kube.call(kube.core.patch_namespaced_config_map, "a", kube.namespace, {"data": {"n": str(count)}}, **patch)
    (line,) = watch(kube, resource_version=old, timeout_seconds=5)
    assert line["type"] == "ERROR"
    assert (line["object"]["code"], line["object"]["reason"]) == (410, "Expired")
    assert line["object"]["message"].startswith(f"too old resource version: {old} (")


def test_logs_and_their_parameters(kube: Kube, web: Web) -> None:
    kube.apply(web(container={"env": [{"name": "MODE", "value": "secret-value"}]}))
    kube.complete()
    name = kube.pods()[0]["metadata"]["name"]
    _, text = kube.log(name)
    assert text.splitlines()[0].startswith("INFO app starting, image ")
    assert "environment: MODE" in text
    assert "secret-value" not in text
    assert len(kube.log(name, tail_lines=1)[1].splitlines()) == 1
    assert kube.log(name, tail_lines=0)[1] == ""
    assert kube.log(name, limit_bytes=10)[1] == text[:10]
    assert kube.log(name, timestamps=True)[1].split(" ")[0].endswith("Z")
    assert kube.log(name, container="z") == (400, f"container z is not valid for pod {name}")
    status, message = kube.log(name, previous=True)
    assert (status, message) == (400, f'previous terminated container "app" in pod "{name}" not found')
    assert kube.log("nobody")[0] == 404


def test_a_pod_of_two_containers_wants_to_know_which(kube: Kube, web: Web, image: str) -> None:
    body = web()
    body["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": image})
    kube.apply(body)
    kube.complete()
    name = kube.pods()[0]["metadata"]["name"]
    expected = f"a container name must be specified for pod {name}, choose one of: [app side]"
    assert kube.log(name) == (400, expected)
    assert kube.log(name, container="side")[1].startswith("INFO side starting")


def test_a_followed_log_goes_on_until_the_container_ends(kube: Kube, web: Web) -> None:
    kube.apply(web(annotations={"prism4k.io/scenario": "slow 3"}))
    name = kube.until(kube.pods)[0]["metadata"]["name"]
    kube.until(lambda: kube.log(name)[0] == 200)
    answer = kube.core.read_namespaced_pod_log(
        name, kube.namespace, follow=True, _preload_content=False, _request_timeout=(5, 20)
    )
    chunks = answer.stream(decode_content=False)
    assert b"starting" in next(chunks)
    kube.call(kube.core.delete_namespaced_pod, name, kube.namespace)
    start = time.monotonic()
    list(chunks)
    assert time.monotonic() - start < at_most(5)


def test_init_containers_run_first(kube: Kube, web: Web, image: str) -> None:
    body = web()
    body["spec"]["template"]["spec"]["initContainers"] = [{"name": "migrate", "image": image}]
    kube.apply(body)
    kube.complete()
    (pod,) = kube.pods()
    (init,) = pod["status"]["initContainerStatuses"]
    assert init["state"]["terminated"]["reason"] == "Completed"
    assert (
        init["state"]["terminated"]["finishedAt"]
        <= pod["status"]["containerStatuses"][0]["state"]["running"]["startedAt"]
    )


def test_events_are_found_by_their_object(kube: Kube, web: Web) -> None:
    kube.apply(web())
    kube.complete()
    (pod,) = kube.pods()
    selector = f"involvedObject.uid={pod['metadata']['uid']}"
    items = kube.call(kube.core.list_namespaced_event, kube.namespace, field_selector=selector)[1]["items"]
    assert [event["reason"] for event in sorted(items, key=lambda e: int(e["metadata"]["resourceVersion"]))] == [
        "Scheduled",
        "Pulling",
        "Pulled",
        "Created",
        "Started",
    ]
    assert all(event["count"] == 1 and event["type"] == "Normal" for event in items)
