"""What runs in a place: acted on as it is under the lock, looked at without inventing anything, never stuck."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from deployer.errors import Unavailable
from deployer.interfaces import ImageFacts, Manifest, ObjectRef, PodView, Verdict
from deployer.manifests import ref_of
from environments.models import Space
from foundation import breakers
from foundation.models import Remote
from foundation.problems import Refused
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import GIVE_UP_AFTER, run_step
from foundation.runs.identity import owner
from releases import gates, transitions
from releases.locks import lock_placement
from releases.models import Deployment, NamespaceWatch, Placement, Snapshot, SpaceObservation
from releases.placing import create_deployment
from releases.services import approvals, deployments, promotions
from releases.steps import observe_space
from releases.steps.build.ends import succeed
from releases.steps.deployment import step as deployment_step
from releases.steps.deployment.apply import _has_moved
from releases.steps.drift import find_drift
from tests.cast import World
from tests.releases.rows import build, make_built, make_component, make_order, make_review, make_success

MANIFEST: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "proxy-gw", "namespace": "x", "annotations": {}},
    "spec": {"replicas": 1, "template": {"metadata": {}, "spec": {"containers": []}}},
}


def test_a_restart_takes_what_runs_now_not_what_ran_when_the_page_was_drawn(world: World) -> None:
    component, fat = make_component(world), world.spaces["fat"]
    make_success(make_built(component, world.dana), fat, world.olli)
    drawn = Placement.objects.select_related("last_succeeded__order", "last_succeeded__snapshot").get()
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
    Placement.objects.update(last_succeeded=older, last_applied=failed)
    place = Placement.objects.select_related("last_succeeded__order", "last_succeeded__snapshot").get()
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
    Placement.objects.update(last_succeeded=good, last_applied=with_second, settled_at=None)
    gate = gates.first_closed(gates.promotion_gates(first, world.spaces["uat"]))
    assert gate is not None and "few seconds" not in str(gate.message)
    assert second.number in str(gate.message)


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
        find_drift(Away(), Placement.objects.select_related("space").get(), good)  # type: ignore[arg-type]


def test_what_had_settled_stays_settled_when_it_cannot_be_read(world: World) -> None:
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    row = SpaceObservation.objects.get()
    SpaceObservation.objects.update(claims=GIVE_UP_AFTER)
    (lease,) = claim(kinds.get("observe_space"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    assert run_step(lease) is None
    row.refresh_from_db()
    # Endless: counted anew, never errored.
    assert (row.claims, row.is_active) == (0, True)
    assert gates.first_closed(gates.promotion_gates(order, world.spaces["uat"])) is None


def deploying(world: World, **fields: str) -> Deployment:
    """A deployment in phase ``applying`` of a snapshot that was reviewed."""
    order = make_built(make_component(world), world.dana)
    make_success(order, world.spaces["uat"], world.olli)
    prd = world.spaces["prd"]
    promotions.promote(actor=world.tess, order=order, space=prd, test_verdict="passed")
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


def test_our_own_object_is_no_move_after_a_kill_between_apply_and_its_record(world: World) -> None:
    row = deploying(world, live_fingerprint="f" * 64)
    row = Deployment.objects.select_related("snapshot", "space").get(pk=row.pk)
    ours = MANIFEST | {"metadata": MANIFEST["metadata"] | {"annotations": {"prism4k.io/deployment": str(row.mark)}}}
    ref = ref_of(MANIFEST)
    assert not _has_moved({ref: ours}, row)
    assert _has_moved({ref: MANIFEST}, row)


@pytest.mark.security("races")
def test_an_approval_that_ended_while_the_cluster_was_away_stops_the_apply(world: World) -> None:
    row = deploying(world)
    row.snapshot.approvals.update(expires_at=timezone.now())  # type: ignore[union-attr]
    (lease,) = claim(kinds.get("deployment"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    # Nobody listens at the cluster of these rows: without the gate the step would report lost contact.
    deployment_step(lease)
    row.refresh_from_db()
    assert (row.state, row.reason) == ("failed", "gate")
    assert Placement.objects.get(space=world.spaces["prd"]).in_progress is None


def test_a_refusal_by_a_gate_does_not_close_the_breaker_of_a_hung_cluster(world: World) -> None:
    row = deploying(world)
    row.snapshot.approvals.update(expires_at=timezone.now())  # type: ignore[union-attr]
    breakers.trip(row.space.cluster.remote_key, Unavailable("The cluster did not answer in time."), was_probe=False)
    Remote.objects.update(probe_at=timezone.now() - timedelta(seconds=1))
    (lease,) = claim(kinds.get("deployment"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    assert lease.is_probe
    run_step(lease)
    row.refresh_from_db()
    assert (row.state, row.reason) == ("failed", "gate")
    assert Remote.objects.get().is_open, "nobody has asked the cluster"
    assert breakers.take_probe(row.space.cluster.remote_key), "the next run may ask at once"


def test_a_watch_never_takes_more_threads_than_one_remote_may(world: World) -> None:
    make_success(make_built(make_component(world), world.dana), world.spaces["fat"], world.olli)
    assert set(NamespaceWatch.objects.values_list("remote", flat=True)) == {""}


def seen(ready: int, restarts: int = 1) -> Verdict:
    """One pod of two that runs, as a step finds it."""
    pod = PodView("p-1", "p-1", True, True, False, "ready", "", restarts, "node-1", "")
    return Verdict("complete" if ready == 2 else "progressing", ready, 2, 2, (pod,), None)


def test_amber_clears_when_nothing_moves_for_as_long_as_settling_takes(world: World) -> None:
    space = world.spaces["fat"]
    make_success(make_built(make_component(world), world.dana), space, world.olli, settled=False)
    Placement.objects.update(unsettled_reason="Pod p-1 restarted.", pods=[{"uid": "p-1", "restarts": 1}])
    place = Placement.objects.select_related("space").get()
    place.space.settle_seconds = 15
    place.changed_at = timezone.now()
    assert 10 < observe_space._until_calm(place, seen(2)) <= 15, "calm, but not for long enough"
    place.changed_at = timezone.now() - timedelta(seconds=20)
    assert observe_space._until_calm(place, seen(2)) <= 0
    assert observe_space._until_calm(place, seen(1)) > 0, "a pod is missing"
    assert observe_space._until_calm(place, seen(2, restarts=2)) > 0, "it has just restarted again"


def test_a_promotion_does_not_take_the_right_from_an_order_that_is_being_deployed(world: World) -> None:
    row = deploying(world)
    prd, component = world.spaces["prd"], row.component
    other = make_built(component, world.dana)
    make_success(other, world.spaces["uat"], world.olli)
    with pytest.raises(Refused, match=r"Olli is deploying order .* here right now: wait for the verdict") as refused:
        promotions.promote(actor=world.tess, order=other, space=prd, test_verdict="passed")
    assert (refused.value.code, refused.value.who_can_help) == ("gate-queue", "Olli, Oskar")  # and who may stop it
    assert row.order.promotions.get(space=prd).state == "current"
    with transaction.atomic():
        transitions.end_run(row, "cancelled", actor=world.olli, reason="cancelled")
    assert promotions.promote(actor=world.tess, order=other, space=prd, test_verdict="passed").state == "current"


def test_a_build_that_ends_meanwhile_is_not_promoted_by_itself_and_says_so(world: World) -> None:
    fat = world.spaces["fat"]
    Space.objects.filter(pk=fat.pk).update(promote_automatically=True)
    component = make_component(world)
    first = make_built(component, world.dana)
    promotions.promote(actor=world.dana, order=first, space=fat)
    with transaction.atomic():
        place = lock_placement(first, fat)
        create_deployment(first, fat, place, actor=world.olli)
    row = build(make_order(component, world.dana))
    (lease,) = claim(kinds.get("build"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    succeed(lease, row, ImageFacts("sha256:" + "a" * 64, {}, "", 0, ()))
    assert not row.order.promotions.exists()
    skipped = row.order.events.get(kind="promotion.skipped")
    assert skipped.data == {"environment": "fat", "gate": "queue"}
