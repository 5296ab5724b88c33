"""Capacity of the nodes is a preview: a review says what is short, and nothing is stopped by it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from deployer.interfaces import NodeFacts, Taint
from deployer.nodes import nodes_as_data
from environments.models import NodeObservation
from releases import scaling
from tests.site import Site

pytestmark = pytest.mark.slow

GIB = 2**30


def only_nodes(*nodes: NodeFacts) -> None:
    """What the last read of the nodes found."""
    NodeObservation.objects.update(nodes=nodes_as_data(nodes), seen_at=timezone.now(), message="")


def node(cpu: int, *taints: Taint) -> NodeFacts:
    return NodeFacts("n1", {}, taints, {"cpu": cpu, "memory": 64 * GIB, "pods": 100, "ephemeral-storage": 64 * GIB})


def capacity(review: Any) -> tuple[str, str]:
    found = review.findings["nodes"]
    return found["outcome"], str(found["message"])


def test_a_review_says_that_there_is_capacity(site: Site) -> None:
    only_nodes(node(64_000))
    review = site.review(site.order_with_image())
    assert review.state == "succeeded"
    assert capacity(review) == ("fits", "The nodes have capacity for it: 1 may take such a pod.")
    assert not [one for one in review.findings["warnings"] if "nodes" in str(one)]


def test_a_review_warns_where_no_node_has_capacity_and_stops_nothing(site: Site) -> None:
    only_nodes(node(1))
    order = site.order_with_image()
    review = site.review(order)
    outcome, message = capacity(review)
    assert (review.state, outcome) == ("succeeded", "short")
    assert "short by" in message and "CPU" in message
    assert message in [str(one) for one in review.findings["warnings"]]
    assert site.deploy(order).state == "succeeded"


def test_a_review_counts_the_taints_that_keep_it_away(site: Site) -> None:
    only_nodes(node(64_000, Taint("dedicated", "db", "NoSchedule")))
    outcome, message = capacity(site.review(site.order_with_image()))
    assert outcome == "none" and "1 with the taint dedicated=db:NoSchedule" in message


def test_a_review_says_that_it_does_not_know(site: Site) -> None:
    NodeObservation.objects.update(nodes=[], seen_at=None, message="the cluster account may not list the nodes")
    review = site.review(site.order_with_image())
    outcome, message = capacity(review)
    assert (review.state, outcome) == ("succeeded", "unknown")
    assert message == (
        "Whether the nodes have capacity for it is not known: the cluster account may not list the nodes."
    )
    assert message not in [str(one) for one in review.findings["warnings"]]


def test_a_scale_is_previewed_by_the_nodes_too(site: Site) -> None:
    assert site.deploy(site.order_with_image()).state == "succeeded"
    place = site.place("fat")
    only_nodes(node(1))
    more = scaling.preview(place, place.wanted + 2)
    assert more.capacity is not None and more.capacity.outcome == "short" and more.capacity.fits is False
    assert "No capacity for 2 of 2 new pods" in str(more.capacity.message)
    only_nodes(node(64_000))
    assert scaling.preview(place, place.wanted + 2).capacity.fits is True  # type: ignore[union-attr]
    assert scaling.preview(place, max(0, place.wanted - 1)).capacity is None
