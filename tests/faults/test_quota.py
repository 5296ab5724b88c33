"""A quota decides before anything is touched, with the figures that the cluster would need."""

from __future__ import annotations

import time
from typing import Any

import pytest

from environments.access import Rights
from releases.models import Deployment
from releases.presenters.rollout import back_act
from releases.services import deployments
from tests.site import Site

pytestmark = pytest.mark.slow


def add_quota(site: Site, name: str, hard: dict[str, str], **spec: Any) -> None:
    """A ResourceQuota that somebody else made in the namespace, once it has counted."""
    manifest = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name},
        "spec": {"hard": hard, **spec},
    }
    namespace = site.space("fat").namespace
    site.cluster.apply(namespace, manifest, force=True, deadline=time.monotonic() + 20)


def test_a_quota_for_other_pods_stops_nothing(site: Site) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    add_quota(site, "best-effort", {"pods": "0"}, scopes=["BestEffort"])
    term = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
    add_quota(site, "high", {"pods": "0"}, scopeSelector={"matchExpressions": [term]})
    run = site.deploy(site.order_with_image("slow 1"))
    assert run.state == "succeeded", run.message


def test_the_surge_is_in_the_figure_that_is_wanted(site: Site) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    before = site.live()
    add_quota(site, "tight", {"pods": "1"})
    run = site.deploy(site.order_with_image("slow 1"))
    assert (run.state, run.reason) == ("failed", "quota")
    assert "Quota tight is short by 1 of pods: 2 wanted, 1 allowed." in run.message
    assert site.live() == before


def test_objects_are_counted_as_a_whole(site: Site) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    add_quota(site, "objects", {"count/replicasets.apps": "1", "count/services": "9"})
    review = site.review(site.order_with_image("slow 1"))
    assert (review.state, review.reason) == ("failed", "quota")
    assert review.message == "Quota objects is short by 1 of count/replicasets.apps: 2 wanted, 1 allowed."


# ---------------------------------------------------------------- scale and restart
def scaled(site: Site, replicas: int) -> Deployment:
    who = {"actor": site.world.olli, "space": site.space("fat"), "placement": site.place("fat")}
    run: Deployment = site.finish(deployments.scale(**who, replicas=replicas))
    return run


def test_a_scale_beyond_the_quota_is_refused_before_anything_is_touched(site: Site) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    add_quota(site, "tight", {"pods": "4"})
    before = site.live()
    run = scaled(site, 6)
    assert (run.state, run.reason, run.applied) == ("failed", "quota", [])
    assert run.message == "Quota tight is short by 2 of pods: 6 wanted, 4 allowed."
    assert site.live() == before
    assert site.place("fat").last_applied_id == site.place("fat").last_succeeded_id
    assert scaled(site, 3).state == "succeeded"


def test_fewer_pods_pass_where_the_quota_is_over_full(site: Site) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    assert scaled(site, 4).state == "succeeded"
    add_quota(site, "tight", {"pods": "1"})
    run = scaled(site, 3)
    assert run.state == "succeeded", run.message
    assert site.live()["spec"]["replicas"] == 3


def test_a_restart_that_could_never_get_through_is_refused(site: Site) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    add_quota(site, "tight", {"pods": "1"})
    before = site.live()
    who = {"actor": site.world.olli, "space": site.space("fat"), "placement": site.place("fat")}
    run = site.finish(deployments.restart(**who))
    assert (run.state, run.reason) == ("failed", "quota")
    assert "2 wanted, 1 allowed" in run.message
    assert site.live() == before


def test_after_a_scale_that_failed_fewer_replicas_are_one_act_away(site: Site) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    stuck = deployments.scale(actor=site.world.olli, space=site.space("fat"), placement=site.place("fat"), replicas=5)
    stuck = site.finish(stuck, lambda row: row.phase == "rolling")
    deployments.cancel_deployment(actor=site.world.olli, deployment=stuck)
    assert site.finish(stuck).state == "cancelled"
    act = back_act(site.place("fat"), Rights(site.world.olli))
    assert act and act.is_allowed and act.values == (("replicas", "1"),) and "1" in str(act.label)
    back = scaled(site, 1)
    assert back.state == "succeeded", back.message
    assert site.live()["spec"]["replicas"] == 1
    assert back_act(site.place("fat"), Rights(site.world.olli)) is None
