"""A cluster that says no: the cause is on the row at once, not "the platform could not finish it" minutes later."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from deployer.errors import Forbidden
from environments.models import SpaceSync
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from releases.logs.storage import append_log
from releases.models import Build, Deployment, LogChunk, Placement, Review, Snapshot
from releases.services.reviews import request_review
from tests.cast import World
from tests.releases.rows import build, make_built, make_component, make_order, make_review, make_success

MESSAGE = "The cluster does not accept the platform's credentials: token or certificate is wrong or has expired."


class Refusing:
    """A cluster whose token was revoked."""

    def __getattr__(self, _name: str) -> Any:
        def refuse(*_args: object, **_named: object) -> None:
            raise Forbidden(MESSAGE)

        return refuse


@pytest.fixture(autouse=True)
def revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cluster refuses us."""
    monkeypatch.setattr("deployer.adapters.kubernetes.connect", lambda _target, **_named: Refusing())


def step(kind: str, row: Any) -> Any:
    (lease,) = claim(kinds.get(kind), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    run_step(lease)
    return type(row).objects.get(pk=row.pk)


def test_a_rollout_under_way(world: World) -> None:
    order, fat = make_built(make_component(world), world.dana), world.spaces["fat"]
    row = make_success(order, fat, world.olli)
    Deployment.objects.update(state="running", phase="rolling", finished_at=None, next_at=timezone.now())
    Placement.objects.update(in_progress=row)
    row = step("deployment", row)
    assert (row.state, row.reason, row.message) == ("errored", "refused", MESSAGE)
    assert Placement.objects.get().in_progress is None


def test_a_review(world: World) -> None:
    order, fat = make_built(make_component(world), world.dana), world.spaces["fat"]
    snapshot = make_review(order, fat).snapshot
    assert snapshot
    Snapshot.objects.update(
        manifests=[{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {}}]
    )
    SpaceSync.objects.create(space=fat, state="succeeded")
    review: Review = step("review", request_review(order, fat, actor=world.olli, of=snapshot))
    assert (review.state, review.reason, review.message) == ("failed", "refused", MESSAGE)


def test_a_log_with_a_byte_that_postgresql_cannot_store(world: World) -> None:
    row: Build = build(make_order(make_component(world), world.dana))
    sizes = append_log(row, "before\x00after\n")
    assert LogChunk.objects.get().text == "beforeafter\n"
    assert (sizes["log_size"], sizes["log_lines"]) == (12, 1)
