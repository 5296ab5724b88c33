"""What would change, by object: where it lies, where it comes from, what only names the order; and in one message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from components.models import Component, ConfigVersion
from releases.models import Approval, Deployment, Placement, ReleaseOrder, Review, Snapshot
from releases.presenters.diff import diff_of, diff_of_snapshots
from releases.presenters.review import bars_of, effect_of
from tests.cast import World
from tests.releases.pages.conftest import MANIFESTS, reviewed
from tests.releases.pages.test_order import HTMX, words
from tests.releases.rows import make_built, make_success

SignIn = Callable[[str], Client]
VERSION = "    app.kubernetes.io/version: "


@pytest.fixture
def order(world: World, component: Component, signed_in: SignIn) -> ReleaseOrder:
    """Succeeded in FAT and UAT, promoted to PRD; dana's."""
    order = make_built(component, world.dana)
    for slug in ("fat", "uat"):
        make_success(order, world.spaces[slug], world.olli)
    assert signed_in("tess").post(f"/orders/{order.number}/promote/prd/", {"test_verdict": "passed"}).status_code == 302
    return order


def change(kind: str, *lines: str, **more: Any) -> dict[str, Any]:
    head = ["--- live", "+++ this order"]
    return {"kind": kind, "name": "gw", "action": "change", "changes": [], "lines": [*head, *lines], **more}


def test_lines_are_numbered_on_their_own_side_and_say_where_they_come_from(world: World, order: ReleaseOrder) -> None:
    row = change(
        "Deployment",
        "@@ -9,4 +9,5 @@ spec", " spec:", "-  replicas: 2", "+  replicas: 4", "   paused: false",
        "+  image: app@{digest}",
        "@@ -31 +32,2 @@ spec.template.spec.containers[app].readinessProbe",
        "-          periodSeconds: 10", "+          periodSeconds: 5", "+          unheard: of",
        changes=[{"path": ".spec.replicas"}, {"path": '.metadata.labels["prism4k.io/order"]'}],
    )  # fmt: skip
    review = reviewed(order, world.spaces["prd"], diff=[row])
    assert review.snapshot
    row["lines"] = [line.replace("{digest}", review.snapshot.digest) for line in row["lines"]]
    origins = [
        [["            periodSeconds: 5", "prism-python-deployment.yaml", 61], ["a: b", "x", 1], ["a: b", "x", 2]]
    ]
    Snapshot.objects.filter(pk=review.snapshot_id).update(origins=origins)
    Review.objects.filter(pk=review.pk).update(findings={"diff": [row]})
    (found,) = diff_of(Review.objects.select_related("snapshot").get(pk=review.pk))
    assert (found.action, found.changes, found.marks) == ("change", 1, []), "labels of the order are not counted"
    first, second = found.hunks
    assert (first.path, second.path) == ("spec", "spec.template.spec.containers[app].readinessProbe")
    assert [(line.kind, line.number, line.origin) for line in first.lines] == [
        ("same", 9, ""), ("del", 10, ""), ("add", 10, "allocation v1"), ("same", 11, ""), ("add", 12, "the order"),
    ]  # fmt: skip
    assert [(line.number, line.origin) for line in second.lines] == [
        (31, ""), (32, "prism-python-deployment.yaml v1 line 61"), (33, ""),
    ]  # fmt: skip


def test_what_only_names_the_order_comes_last_and_folded(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    marks = ["@@ -3 +3 @@ metadata.labels", f"-{VERSION}K8S1", f"+{VERSION}K8S2"]
    real = ["@@ -9 +9 @@ data", "-  LIMIT: '1'", "+  LIMIT: '2'"]
    diff = [change("Service", *marks), change("ConfigMap", *marks, *real), change("Ingress", action="same")]
    review = reviewed(order, world.spaces["prd"], diff=diff)
    config = ConfigVersion.objects.create(
        component_id=order.component_id, environment=world.environments["prd"], number=13, env=[]
    )
    Snapshot.objects.filter(pk=review.snapshot_id).update(config=config)
    found = diff_of(Review.objects.select_related("snapshot").get(pk=review.pk))
    assert [(one.kind, one.action) for one in found] == [
        ("ConfigMap", "change"),
        ("Service", "marks"),
        ("Ingress", "same"),
    ]
    assert found[0].hunks[0].lines[1].origin == "configuration v13" and len(found[0].marks) == 1
    assert found[1].marks[0].lines[1].origin == "Prism4k"
    response = signed_in("olli").get(f"/orders/{order.number}/review/prd/")
    said, content = words(response), response.content.decode()
    assert "only the order's own labels" in said and "and 1 place where only the order's own labels change" in said
    assert 'id="diff-configmap-gw" open' in content and 'id="diff-service-gw">' in content


def test_two_snapshots_are_compared_without_the_cluster(world: World, order: ReleaseOrder) -> None:
    before, after = reviewed(order, world.spaces["fat"]).snapshot, reviewed(order, world.spaces["prd"]).snapshot
    assert before and after
    spec = {"replicas": 4, "template": {"spec": {"containers": [{"name": "app", "image": "i:2"}]}}}
    after.manifests = [{**MANIFESTS[1], "spec": spec}]
    found = diff_of_snapshots(before, after)
    assert [(one.kind, one.action) for one in found] == [("Deployment", "change"), ("Service", "remove")]
    texts = [f"{line.sign}{line.text.strip()}" for hunk in found[0].hunks for line in hunk.lines if line.kind != "same"]
    assert texts == ["-replicas: 3", "+replicas: 4", "-- name: app", "+- image: i:2", "+name: app"]
    assert [one.action for one in diff_of_snapshots(None, after)] == ["create"]


@pytest.mark.parametrize(
    ("strategy", "before", "message"),
    [
        ({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}, 3, "Replace 3 pods in PRD, 1 at a time, about 40 s"),
        ({"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}}, 3, "Replace 3 pods in PRD, 2 at a time, about 40 s"),
        ({"type": "Recreate"}, 5, "Replace 5 pods in PRD by 3, all at once: nothing serves in between, about 40 s"),
        ({"rollingUpdate": {"maxSurge": "nonsense"}}, 3, "Replace 3 pods in PRD, about 40 s"),
        (None, 0, "Start 3 pods in PRD, about 40 s"),
    ],
)
def test_what_will_happen_in_one_message(
    world: World, order: ReleaseOrder, strategy: dict[str, Any] | None, before: int, message: str
) -> None:
    snapshot = reviewed(order, world.spaces["prd"]).snapshot
    running = make_success(order, world.spaces["prd"], world.olli)
    now = timezone.now()
    Deployment.objects.filter(pk=running.pk).update(applied_at=now - timedelta(seconds=41), finished_at=now)
    assert snapshot
    snapshot.manifests = [{**MANIFESTS[1], "spec": {**MANIFESTS[1]["spec"], "strategy": strategy}}]  # type: ignore[dict-item]
    effect = effect_of(snapshot, Placement(wanted=before), running if before else None)
    assert effect and effect.message == message


def test_a_quota_bar_shows_the_peak_and_what_is_left(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    line = {"quota": "q", "hard": 8000, "used": 4000, "after": 4000, "peak": 5000, "short_by": 0, "peak_short_by": 0}
    gib = 2**30
    memory = {**line, "resource": "requests.memory", "hard": 8 * gib, "used": gib, "after": gib, "peak": 2 * gib}
    review = reviewed(order, world.spaces["prd"], quota=[memory, {**line, "resource": "requests.cpu"}])
    cpu, other = bars_of(review)
    assert (str(cpu.resource), cpu.after_percent, cpu.peak_percent, cpu.left) == ("CPU lower", 50, 62, "4")
    assert (str(other.resource), other.peak, other.left) == ("Memory lower", "2", "7")
    said = words(signed_in("olli").get(f"/orders/{order.number}/review/prd/"))
    assert "Quota open Left after it: CPU lower 4 cores." in said and "4 → 5 → 4 / 8 cores" in said


def test_a_review_that_something_was_applied_after_asks_for_a_new_one(
    world: World, order: ReleaseOrder, signed_in: SignIn
) -> None:
    make_success(order, world.spaces["prd"], world.olli)
    review = reviewed(order, world.spaces["prd"])
    assert review.snapshot
    given = {"snapshot": review.snapshot.hash, "decision": "approve"}
    signed_in("oskar").post(f"/orders/{order.number}/review/prd/decide/", given)
    path = f"/orders/{order.number}/review/prd/"
    assert 'id="id_last_four"' in signed_in("olli").get(path).content.decode()
    Deployment.objects.filter(order=order, space=world.spaces["prd"]).update(applied_at=timezone.now())
    response = signed_in("olli").get(path)
    assert "What runs there has changed since this review." in words(response)
    assert 'id="id_last_four"' not in response.content.decode()


def test_who_has_decided_is_led_to_the_next_one(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    review = reviewed(order, world.spaces["prd"])
    assert review.snapshot
    client, path = signed_in("oskar"), f"/orders/{order.number}/review/prd/"
    before = client.get(path).content.decode()
    assert "data-production" in before and 'value="approve" data-key="a"' in before
    client.post(path + "decide/", {"snapshot": review.snapshot.hash, "decision": "approve", "comment": "read"})
    after = client.get(path)
    assert after.context["own_word"] == Approval.objects.get() and 'value="approve"' not in after.content.decode()
    assert "Four eyes" not in str(after.context["decide_why"]) and after.context["decide_why"] == ""


def test_commits_and_layers_that_nobody_can_tell_of_do_not_fail_the_page(
    world: World, component: Component, order: ReleaseOrder, signed_in: SignIn
) -> None:
    make_success(order, world.spaces["prd"], world.olli)
    later = make_built(component, world.dana)
    ReleaseOrder.objects.filter(pk=later.pk).update(commit="ab" * 20)
    reviewed(later, world.spaces["prd"])
    path = f"/orders/{later.number}/review/prd/?part=commits"
    response = signed_in("olli").get(path, headers=HTMX)
    assert response.status_code == 200 and "hx-get" not in response.content.decode(), "asked once"
    assert response.context["commits"].reason and response.context["layers"].reason
