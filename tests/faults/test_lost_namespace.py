"""A namespace that somebody deleted outside is made anew by the next review, which says that it waits for this."""

from __future__ import annotations

from typing import Any

import pytest

from deployer.interfaces import ObjectRef
from environments.models import SpaceSync
from releases.models import Review
from releases.presenters.words import why_waiting
from releases.services import deployments
from releases.services.reviews import start_review
from tests.patience import wait_for
from tests.site import Site

pytestmark = pytest.mark.slow


def delete_namespace(site: Site) -> None:
    space = site.space("fat")
    ref = ObjectRef("v1", "Namespace", space.namespace)
    live = site.cluster.read("", ref)
    assert live is not None
    site.cluster.remove("", ref, uid=live["metadata"]["uid"], deadline=1e12)
    wait_for(lambda: site.cluster.read("", ref) is None, "the namespace is gone")


def test_the_review_has_it_made_and_says_so_meanwhile(site: Site) -> None:
    order = site.order_with_image()
    assert site.deploy(order).state == "succeeded"
    delete_namespace(site)
    review = start_review(actor=site.world.olli, order=order, space=site.space("fat"))
    waiting = site.finish(review, lambda row: row.phase == "namespace")
    assert waiting.is_active
    assert why_waiting(waiting) == "The namespace was deleted outside the platform: it is being made anew."
    assert SpaceSync.objects.latest("pk").requested_by is None
    assert site.finish(review).state == "succeeded"
    again = site.deploy(order)
    assert again.state == "succeeded", again.message
    assert site.live("fat") is not None


def test_a_deployment_without_a_review_of_its_own_goes_through_too(site: Site) -> None:
    order = site.order_with_image()
    assert site.deploy(order).state == "succeeded"
    delete_namespace(site)
    deployment = site.start(order)
    site.finish(Review.objects.latest("pk"), lambda row: row.phase == "namespace")
    deployment.refresh_from_db()
    assert why_waiting(deployment) == "The namespace was deleted outside the platform: it is being made anew."
    assert site.finish(deployment).state == "succeeded"


@pytest.mark.parametrize("act", ["restart", "scale", "roll_back"])
def test_restart_scale_and_roll_back_have_it_made_too(site: Site, act: str) -> None:
    order = site.order_with_image()
    good = site.deploy(order)
    assert good.state == "succeeded"
    delete_namespace(site)
    who: dict[str, Any] = {"actor": site.world.olli, "space": site.space("fat")}
    if act == "roll_back":
        run = deployments.roll_back(**who, to=good)
    elif act == "restart":
        run = deployments.restart(**who, placement=site.place("fat"))
    else:
        run = deployments.scale(**who, placement=site.place("fat"), replicas=2)
    waiting = site.finish(run, lambda row: row.phase == "namespace")
    assert waiting.is_active
    assert why_waiting(waiting) == "The namespace was deleted outside the platform: it is being made anew."
    run = site.finish(run)
    assert run.state == "succeeded", run.message
    assert site.live("fat") is not None


def test_a_namespace_that_cannot_be_made_ends_it_with_the_reason(site: Site) -> None:
    good = site.deploy(site.order_with_image())
    delete_namespace(site)
    run = deployments.roll_back(actor=site.world.olli, space=site.space("fat"), to=good)
    run = site.finish(run, lambda row: row.phase == "namespace")
    SpaceSync.objects.filter(pk=SpaceSync.objects.latest("pk").pk).update(state="failed", reason="refused")
    run = site.finish(run)
    assert (run.state, run.reason) == ("failed", "refused")
    assert f"The namespace {site.space('fat').namespace} is not ready" in str(run.message)


def test_a_restart_finds_a_namespace_that_is_going_away(site: Site) -> None:
    """Its sync waits for the old one to be gone."""
    good = site.deploy(site.order_with_image())
    space = site.space("fat")
    ref = ObjectRef("v1", "Namespace", space.namespace)
    live = site.cluster.read("", ref)
    assert live is not None
    site.cluster.remove("", ref, uid=live["metadata"]["uid"], deadline=1e12)
    run = site.finish(deployments.roll_back(actor=site.world.olli, space=space, to=good))
    assert run.state == "succeeded", run.message
