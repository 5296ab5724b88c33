"""What runs in a place: acted on as it is under the lock, looked at without inventing anything, never stuck."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from deployer.errors import Unavailable
from deployer.interfaces import ImageFacts, Manifest, ObjectRef, PodView, Verdict
from environments.models import Space
from foundation.problems import Refused
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import GIVE_UP_AFTER, run_step
from foundation.runs.identity import owner
from foundation.runs.slots import slots
from releases import gates, launch, transitions
from releases.models import Deployment, NamespaceWatch, Placement, Snapshot
from releases.services import approvals, deployments, promotions
from releases.steps import observe
from releases.steps.build.ends import succeed
from releases.steps.deployment import step as deployment_step
from releases.steps.deployment.apply import _has_moved
from tests.cast import World
from tests.releases.rows import build, make_built, make_component, make_order, make_review, make_success

MANIFEST: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "proxy-gw", "namespace": "x", "annotations": {}},
    "spec": {"replicas": 1, "template": {"metadata": {}, "spec": {"containers": []}}},
}


@pytest.fixture(autouse=True)
def no_slot_stays() -> Iterator[None]:
    """The engine gives a lease's slot back after its step; here steps are called without it."""
    yield
    slots._taken.clear()


def test_a_restart_takes_what_runs_now_not_what_ran_when_the_page_was_drawn(world: World) -> None:
    component, fat = make_component(world), world.spaces["fat"]
    make_success(make_built(component, world.dana), fat, world.olli)
    drawn = Placement.objects.select_related("good__order", "good__snapshot").get()
    newer = make_success(make_built(component, world.dana), fat, world.olli)
    restarted = deployments.restart(actor=world.olli, space=fat, placement=drawn)
    assert restarted.snapshot_id == newer.snapshot_id
    assert restarted.order_id == newer.order_id


def test_a_restart_is_no_hidden_roll_back(world: World) -> None:
    component, fat = make_component(world), world.spaces["fat"]
    make_success(make_built(component, world.dana), fat, world.olli)
    failed = make_success(make_built(component, world.dana), fat, world.olli)
    # As after a rollout that failed: the cluster has accepted it, the last good one is older.
    older = Deployment.objects.exclude(pk=failed.pk).get()
    Placement.objects.update(good=older, applied=failed)
    place = Placement.objects.select_related("good__order", "good__snapshot").get()
    with pytest.raises(Refused, match="roll back"):
        deployments.restart(actor=world.olli, space=fat, placement=place)
    with pytest.raises(Refused, match="roll back"):
        deployments.scale(actor=world.olli, space=fat, placement=place, replicas=3)


def test_a_place_taken_over_before_it_settled_does_not_say_a_few_seconds_more(world: World) -> None:
    component, fat = make_component(world), world.spaces["fat"]
    first = make_built(component, world.dana)
    make_success(first, fat, world.olli, settled=False)
    second = make_built(component, world.dana)
    with_second = make_success(second, fat, world.olli, settled=False)
    good = Deployment.objects.get(order=first)
    Placement.objects.update(good=good, applied=with_second, settled_at=None)
    gate = gates.first_closed(gates.promotion_gates(first, world.spaces["uat"]))
    assert gate is not None and "few seconds" not in str(gate.sentence)
    assert second.number in str(gate.sentence)


class Away:
    """A cluster that goes away between two requests."""

    def read(self, _namespace: str, _ref: ObjectRef) -> Manifest:
        return MANIFEST

    def dry_run(self, *_args: object, **_named: object) -> None:
        raise Unavailable("The cluster does not answer.")


def test_a_cluster_that_goes_away_is_not_a_drift(world: World) -> None:
    good = make_success(make_built(make_component(world), world.dana), world.spaces["fat"], world.olli)
    Snapshot.objects.update(manifests=[MANIFEST])
    good = Deployment.objects.select_related("snapshot").get(pk=good.pk)
    with pytest.raises(Unavailable):
        observe._drift(Away(), Placement.objects.select_related("space").get(), good)  # type: ignore[arg-type]


def test_what_had_settled_stays_settled_when_it_can_not_be_looked_at(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    place = Placement.objects.get()
    Placement.objects.update(claims=GIVE_UP_AFTER)
    (lease,) = claim(kinds.get("observe"), owner=owner(), limit=1, pk=place.pk, grace=1e9)
    assert run_step(lease) is None
    place.refresh_from_db()
    # Endless: counted anew, never errored.
    assert (place.claims, place.is_active) == (0, True)
    assert gates.first_closed(gates.promotion_gates(order, world.spaces["uat"])) is None


def deploying(world: World, **fields: str) -> Deployment:
    """A deployment in phase ``applying`` of a snapshot that was reviewed."""
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["uat"], world.olli)
    prd = world.spaces["prd"]
    promotions.promote(actor=world.tess, order=order, space=prd, word="passed")
    review = make_review(order, prd)
    assert review.snapshot
    Snapshot.objects.filter(pk=review.snapshot.pk).update(manifests=[MANIFEST])
    approvals.approve(actor=world.oskar, snapshot=review.snapshot)
    row = deployments.start_deployment(
        actor=world.olli, order=order, space=prd, snapshot_hash=review.snapshot.hash, **fields
    )
    Deployment.objects.filter(pk=row.pk).update(phase="applying", state="running")
    return Deployment.objects.get(pk=row.pk)


def test_what_was_seen_is_remembered_although_the_caller_did_not_repeat_it(world: World) -> None:
    assert deploying(world).live_fingerprint == "f" * 64


class Cluster:
    """A cluster that has this object and accepts everything."""

    def __init__(self, live: Manifest | None) -> None:
        self.live = live

    def read(self, _namespace: str, _ref: ObjectRef) -> Manifest | None:
        return self.live


def test_our_own_object_is_no_move_after_a_kill_between_apply_and_its_record(world: World) -> None:
    row = deploying(world, live_fingerprint="f" * 64)
    row = Deployment.objects.select_related("snapshot", "space").get(pk=row.pk)
    ours = MANIFEST | {"metadata": MANIFEST["metadata"] | {"annotations": {"prism4k.io/deployment": str(row.pk)}}}
    assert not _has_moved(Cluster(ours), row)  # type: ignore[arg-type]
    assert _has_moved(Cluster(MANIFEST), row)  # type: ignore[arg-type]


def test_an_approval_that_ended_while_the_cluster_was_away_stops_the_apply(world: World) -> None:
    row = deploying(world)
    row.snapshot.approvals.update(expires_at=timezone.now())  # type: ignore[union-attr]
    (lease,) = claim(kinds.get("deployment"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    # Nobody listens at the cluster of these rows: without the gate the step would report lost contact.
    deployment_step(lease)
    row.refresh_from_db()
    assert (row.state, row.reason) == ("failed", "gate")
    assert Placement.objects.get(space=world.spaces["prd"]).active is None


def test_a_watch_never_takes_more_threads_than_one_remote_may(world: World) -> None:
    make_success(make_built(make_component(world), world.dana), world.spaces["fat"], world.olli)
    assert set(NamespaceWatch.objects.values_list("remote", flat=True)) == {"watch"}


def seen(ready: int, restarts: int = 1) -> Verdict:
    """One pod of two that runs, as a look finds it."""
    pod = PodView("p-1", "p-1", True, True, False, "ready", "", restarts, "node-1", "")
    return Verdict("complete" if ready == 2 else "progressing", ready, 2, 2, (pod,), None)


def test_amber_clears_when_nothing_moves_for_as_long_as_settling_takes(world: World) -> None:
    space = world.spaces["fat"]
    make_success(make_built(make_component(world), world.dana), space, world.olli, settled=False)
    Placement.objects.update(unsettled_reason="Pod p-1 restarted.", pods=[{"uid": "p-1", "restarts": 1}])
    place = Placement.objects.select_related("space").get()
    place.space.settle_seconds = 15
    place.changed_at = timezone.now()
    assert 10 < observe._until_calm(place, seen(2)) <= 15, "calm, but not for long enough"
    place.changed_at = timezone.now() - timedelta(seconds=20)
    assert observe._until_calm(place, seen(2)) <= 0
    assert observe._until_calm(place, seen(1)) > 0, "a pod is missing"
    assert observe._until_calm(place, seen(2, restarts=2)) > 0, "it has just restarted again"


def test_a_promotion_does_not_take_the_right_from_an_order_that_is_being_deployed(world: World) -> None:
    row = deploying(world)
    prd, component = world.spaces["prd"], row.component
    other = make_built(component, world.dana)
    make_success(other, world.spaces["uat"], world.olli)
    with pytest.raises(Refused, match=r"Olli is deploying order .* here right now: wait for the verdict") as refused:
        promotions.promote(actor=world.tess, order=other, space=prd, word="passed")
    assert (refused.value.code, refused.value.who_can_help) == ("gate-free", "Olli")
    assert row.order.promotions.get(space=prd).state == "current"
    with transaction.atomic():
        transitions.end_run(row, "cancelled", actor=world.olli, reason="cancelled")
    assert promotions.promote(actor=world.tess, order=other, space=prd, word="passed").state == "current"


def test_a_build_that_ends_meanwhile_is_not_promoted_by_itself_and_says_so(world: World) -> None:
    fat = world.spaces["fat"]
    Space.objects.filter(pk=fat.pk).update(promote_automatically=True)
    component = make_component(world)
    first = make_built(component, world.dana)
    promotions.promote(actor=world.dana, order=first, space=fat)
    with transaction.atomic():
        place = launch.take_place(first, fat)
        launch.launch_deployment(first, fat, place, actor=world.olli)
    row = build(make_order(component, world.dana))
    (lease,) = claim(kinds.get("build"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    succeed(lease, row, ImageFacts("sha256:" + "a" * 64, {}, "", 0, ()))
    assert not row.order.promotions.exists()
    skipped = row.order.events.get(kind="promotion.skipped")
    assert skipped.data == {"environment": "fat", "gate": "free"}
