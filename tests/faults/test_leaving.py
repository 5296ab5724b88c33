"""Applying onto an object that somebody deleted and that is still there: waited for or refused, never a success."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from deployer.interfaces import ObjectRef
from releases.models import Deployment
from releases.services import deployments, promotions
from releases.steps.leaving import PATIENCE_SECONDS
from tests.faults.test_outages import is_apply
from tests.faults.test_prune import patch
from tests.faults.test_rollouts import good_first, soon
from tests.site import Site

pytestmark = pytest.mark.slow
HOLD = ["example.com/hold"]


def delete_held(site: Site) -> None:
    """Deleted outside, and held by a finalizer."""
    name = f"Deployment/{site.component.slug}"
    patch(site, name, {"metadata": {"finalizers": HOLD}})
    live = site.live()
    ref = ObjectRef("apps/v1", "Deployment", site.component.slug)
    site.cluster.remove(site.space("fat").namespace, ref, uid=live["metadata"]["uid"], deadline=soon())
    assert site.live()["metadata"]["deletionTimestamp"]


def let_go(site: Site) -> None:
    patch(site, f"Deployment/{site.component.slug}", {"metadata": {"finalizers": None}})


def waiting(site: Site, run: Deployment) -> Deployment:
    """Driven until it waits for the object to go."""
    site.finish(run, lambda row: row.phase == "applying")
    for _pass in range(3):
        run = site.step(run)
        assert (run.phase, run.is_active) == ("applying", True), run.message
    assert not [asked for asked in site.stand_ins.cluster.asked if is_apply(asked) and str(run.mark) in str(asked.body)]
    return run


def test_the_review_refuses_and_says_what_it_waits_for(site: Site) -> None:
    good_first(site)
    delete_held(site)
    order = site.order_with_image("slow 1")
    promotions.promote(actor=site.world.dana, order=order, space=site.space("fat"))
    review = site.review(order)
    assert (review.state, review.reason) == ("failed", "refused")
    said = str(review.message)
    assert "is being deleted since 20" in said and "finalizers example.com/hold" in said and "review again" in said
    let_go(site)
    assert site.review(order).state == "succeeded"


@pytest.mark.parametrize("act", ["restart", "scale", "roll_back"])
def test_without_a_review_it_waits_until_it_is_gone_and_then_goes_on(site: Site, act: str) -> None:
    good = good_first(site)
    delete_held(site)
    who: dict[str, Any] = {"actor": site.world.olli, "space": site.space("fat")}
    if act == "roll_back":
        run = deployments.roll_back(**who, to=good)
    elif act == "restart":
        run = deployments.restart(**who, placement=site.place("fat"))
    else:
        run = deployments.scale(**who, placement=site.place("fat"), replicas=2)
    run = waiting(site, run)
    before = site.live()["metadata"]["uid"]
    let_go(site)
    run = site.finish(run)
    assert run.state == "succeeded", run.message
    assert site.live()["metadata"]["uid"] != before


def test_what_hangs_is_refused_with_what_to_do(site: Site) -> None:
    good = good_first(site)
    delete_held(site)
    run = waiting(site, deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=good))
    # As though it had waited for so long.
    Deployment.objects.filter(pk=run.pk).update(progressed_at=timezone.now() - timedelta(seconds=PATIENCE_SECONDS))
    run = site.finish(run)
    assert (run.state, run.reason) in (("failed", "refused"), ("failed", "partial"))
    assert "finalizers example.com/hold" in str(run.message)


def test_it_waits_as_long_where_the_cluster_was_away_before(site: Site) -> None:
    good = good_first(site)
    delete_held(site)
    run = deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=good)
    site.finish(run, lambda row: row.phase == "applying")
    Deployment.objects.filter(pk=run.pk).update(started_at=timezone.now() - timedelta(hours=1))
    run = waiting(site, run)
    # And away once more while it waited.
    long_ago = timezone.now() - timedelta(hours=1)
    Deployment.objects.filter(pk=run.pk).update(progressed_at=long_ago, contact_lost_since=long_ago)
    run = waiting(site, run)
    let_go(site)
    assert site.finish(run).state == "succeeded"


def test_deleted_after_the_apply_it_is_no_success(site: Site) -> None:
    good_first(site)
    run = site.finish(site.start(site.order_with_image("slow 20")), lambda row: row.phase == "rolling")
    delete_held(site)
    run = site.finish(run)
    assert (run.state, run.reason) == ("failed", "deleted"), run.message


def test_what_serves_and_is_being_deleted_is_drift_at_once(site: Site) -> None:
    good_first(site)
    site.settle("fat")
    delete_held(site)
    place = site.observe("fat", lambda row: row.drift)
    assert "being deleted" in [str(row["after"]) for row in place.drift]
