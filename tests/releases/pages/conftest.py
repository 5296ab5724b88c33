"""A component with its rows, and browsers of the cast."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from components.models import Component
from environments.models import Membership, Space
from releases.models import ReleaseOrder, Review, Snapshot
from tests.cast import World, browse
from tests.releases.rows import make_component, make_review

MANIFESTS = [
    {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "proxy-gw"}},
    {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "proxy-gw"},
        "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "app"}]}}},
    },
]


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Nobody signs in with a password here: hashing nine of them slowly would be most of every test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def component(world: World) -> Component:
    return make_component(world)


@pytest.fixture
def signed_in(world: World) -> Callable[[str], Client]:
    """A signed-in browser of one of the cast."""
    return partial(browse, world)


def reviewed(order: ReleaseOrder, space: Space, **findings: Any) -> Review:
    """A review that found this, of a snapshot with a workload of three pods."""
    review = make_review(order, space)
    Snapshot.objects.filter(pk=review.snapshot_id).update(manifests=MANIFESTS)
    Review.objects.filter(pk=review.pk).update(findings=findings)
    review.refresh_from_db()
    return review


@pytest.fixture
def grant(world: World) -> Callable[[str, Space], None]:
    """Give somebody of the cast a grant in a space, for an hour."""

    def give(username: str, space: Space) -> None:
        Membership.objects.create(
            user=world.people[username],
            role="grant",
            project=space.project,
            environment=space.environment,
            ends_at=timezone.now() + timedelta(hours=1),
            granted_by=world.petra,
        )

    return give
