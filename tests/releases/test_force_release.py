"""Freeing a place whose deployment does not end by itself: by whom, what is left of it, and what comes next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import AuditEvent
from deployer.interfaces import Observation
from foundation.problems import Denied, Invalid, Refused
from foundation.runs import kinds
from foundation.runs.choices import ACTIVE
from foundation.runs.claim import claim
from foundation.runs.identity import owner
from foundation.runs.lease import Lease, LeaseLost
from foundation.runs.wake import wake
from releases import gates
from releases.choices import TurnState
from releases.models import Deployment, SpaceObservation
from releases.services.deployments import cancel_deployment
from releases.services.release import release_place
from releases.steps.contact_deadline import record_read, seconds_until_read, unknown_placements
from releases.steps.deployment import step
from tests.cast import World
from tests.releases.test_turns import Line, line

__all__ = ["line"]
pytestmark = pytest.mark.django_db


def lease_of(row: Deployment) -> Lease:
    wake(Deployment, row.pk)
    (lease,) = claim(kinds.get("deployment"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    return lease


def read(line: Line, world: World) -> None:
    """The pass over the space that finds out what runs there, with nothing on the cluster."""
    row = SpaceObservation.objects.get(space=line.space)
    (lease,) = claim(kinds.get("observe_space"), owner=owner(), limit=1, pk=row.pk, grace=1e9)
    for place in unknown_placements(line.space):
        record_read(lease, place, Observation((), (), (), "1"))


@pytest.mark.security("races")
def test_a_step_that_still_runs_writes_nothing_more(line: Line) -> None:
    first = line.first()
    lease = lease_of(first)
    release_place(actor=line.world.petra, deployment=first, reason="it hangs")
    with pytest.raises(LeaseLost):
        lease.save(phase="checking")
    with pytest.raises(LeaseLost):
        lease.read()
    first.refresh_from_db()
    assert (first.state, first.reason, first.phase) == ("cancelled", "released", "rolling")
    assert str(first.message).startswith("Petra released the place by force: it hangs. What runs there")
    step(lease)
    assert line.place.in_progress is None


def test_the_place_is_unknown_until_the_cluster_was_read_and_then_the_first_in_line_has_it(line: Line) -> None:
    first, turn = line.first(), line.wait(1)
    release_place(actor=line.world.ada, deployment=first, reason="it hangs")
    assert line.place.unknown_since and not Deployment.objects.filter(state__in=ACTIVE).exists()
    turn.refresh_from_db()
    assert turn.state == TurnState.WAITING
    found = gates.deployment_gates(first.order, line.space, snapshot=None, deployer=line.world.olli)
    assert "known" in [gate.code for gate in found if not gate.is_open]
    with pytest.raises(Refused, match="What runs here is not known since a deployment was given up"):
        line.wait(2)
    read(line, line.world)
    turn.refresh_from_db()
    assert turn.state == TurnState.STARTED and line.place.in_progress == turn.deployment
    assert Deployment.objects.filter(state__in=ACTIVE).count() == 1


def test_the_cluster_is_read_only_once_nothing_that_was_sent_can_still_arrive(line: Line) -> None:
    first = line.first()
    assert seconds_until_read(line.space) <= 0
    release_place(actor=line.world.petra, deployment=first, reason="it hangs")
    assert 5 < seconds_until_read(line.space) <= 10
    Deployment.objects.filter(pk=first.pk).update(finished_at=timezone.now() - timedelta(seconds=11))
    assert seconds_until_read(line.space) <= 0


@pytest.mark.parametrize("name", ["olli", "dana", "tess", "uma"])
def test_who_deploys_tests_or_audits_does_not_release(line: Line, name: str) -> None:
    first = line.first()
    with pytest.raises(Denied):
        release_place(actor=getattr(line.world, name), deployment=first, reason="now")
    assert line.place.in_progress == first


def test_a_reason_is_needed_and_is_in_the_audit(line: Line) -> None:
    first = line.first()
    with pytest.raises(Invalid):
        release_place(actor=line.world.petra, deployment=first, reason="  ")
    release_place(actor=line.world.petra, deployment=first, reason="the node is gone")
    row = AuditEvent.objects.get(verb="deployment.released")
    assert (row.reason, row.object_id) == ("the node is gone", str(first.pk))
    with pytest.raises(Refused, match="has ended already"):
        release_place(actor=line.world.petra, deployment=first, reason="again")
    with pytest.raises(Refused):
        cancel_deployment(actor=line.world.olli, deployment=Deployment.objects.get(pk=first.pk))
