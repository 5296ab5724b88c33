"""A review asks the cluster while it renders; what is wrong with the templates is told without the cluster, too."""

from __future__ import annotations

from typing import Any

import pytest

from components.models import Allocation
from deployer.errors import Unavailable
from deployer.messages import message as _
from environments.models import SpaceSync
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from releases.models import Review, Snapshot
from releases.services.reviews import request_review
from tests.cast import World
from tests.releases.rows import allocate, make_built, make_component


class Silent:
    """A cluster that never answers."""

    def __getattr__(self, _name: str) -> Any:
        def wait(*_args: object, **_named: object) -> None:
            raise Unavailable(_("The cluster did not answer in time."))

        return wait


@pytest.fixture
def review(world: World, monkeypatch: pytest.MonkeyPatch) -> Review:
    """One that is due, of a component without allocation."""
    monkeypatch.setattr("deployer.adapters.kubernetes.connect", lambda _target, **_named: Silent())
    order, fat = make_built(make_component(world), world.dana), world.spaces["fat"]
    SpaceSync.objects.create(space=fat, state="succeeded")
    Allocation.objects.filter(component=order.component).delete()
    return request_review(order, fat, actor=world.olli)


def _step(review: Review) -> Review:
    (lease,) = claim(kinds.get("review"), owner=owner(), limit=1, pk=review.pk, grace=1e9)
    run_step(lease)
    return Review.objects.get(pk=review.pk)


def test_what_is_missing_is_told_at_once(review: Review) -> None:
    assert _step(review).reason == "incomplete"


def test_what_can_be_rendered_waits_for_the_cluster(world: World, review: Review) -> None:
    allocate(world, review.order.component, replicas=1)
    seen = _step(review)
    assert seen.contact_lost_since is not None
    assert not seen.is_terminal
    assert Snapshot.objects.filter(order=review.order).count() == 1
