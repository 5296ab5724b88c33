"""A cluster that stays away ends a deployment, and nothing is deployed there before the cluster was read again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from audit.models import AuditEvent
from deployer.errors import Unavailable
from deployer.interfaces import Manifest, Observation
from deployer.manifests import DEPLOYMENT_ANNOTATION
from foundation import breakers
from foundation.models import Remote
from foundation.problems import Refused
from foundation.runs import kinds
from foundation.runs.claim import claim
from foundation.runs.engine import run_step
from foundation.runs.identity import owner
from foundation.runs.models import PARKED
from releases import gates
from releases.api.views.overview import environment_overview
from releases.models import ContactDeadline, Deployment, OrderEvent, Placement, SpaceObservation
from releases.services import deployments, promotions
from releases.steps import contact_deadline
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success

HOURS = timedelta(hours=2)


def run_once(kind: str, pk: int) -> None:
    (lease,) = claim(kinds.get(kind), owner=owner(), limit=1, pk=pk, grace=365 * 24 * 3600.0)
    run_step(lease)


def read_deadlines() -> None:
    row, _made = ContactDeadline.objects.get_or_create(singleton=True)
    run_once("contact_deadline", row.pk)


@pytest.fixture
def under_way(world: World) -> Deployment:
    """A second order being rolled out to FAT, where a first one serves."""
    component, fat = make_component(world), world.spaces["fat"]
    make_success(make_built(component, world.dana), fat, world.olli)
    order = make_built(component, world.dana)
    promotions.promote(actor=world.dana, order=order, space=fat)
    row = deployments.start_deployment(actor=world.olli, order=order, space=fat)
    Deployment.objects.filter(pk=row.pk).update(state="running", phase="rolling")
    return Deployment.objects.select_related("order", "space__cluster", "component", "space__environment").get(
        pk=row.pk
    )


def away(row: Deployment, since: timedelta = HOURS) -> None:
    """The deployment's cluster has not answered for so long, as the engine notes it."""
    lost = timezone.now() - since
    Deployment.objects.filter(pk=row.pk).update(contact_lost_since=lost, created_at=lost - timedelta(minutes=1))


def gate_of(row: Deployment) -> gates.Gate | None:
    found = gates.deployment_gates(row.order, row.space, snapshot=None, deployer=row.deployed_by)
    return next((gate for gate in found if gate.code == "known"), None)


def test_a_deployment_without_contact_ends_and_its_place_is_unknown(world: World, under_way: Deployment) -> None:
    away(under_way)
    read_deadlines()
    under_way.refresh_from_db()
    assert (under_way.state, under_way.reason) == ("errored", "lost")
    assert world.cluster.name in under_way.message and "60 minutes" in under_way.message
    place = Placement.objects.get(space=under_way.space)
    assert place.in_progress is None and place.unknown_since is not None
    event = OrderEvent.objects.filter(order=under_way.order, kind="deployment.errored").get()
    assert event.actor is None and event.data["reason"] == "lost"
    assert AuditEvent.objects.filter(verb="deployment.errored", object_id=str(under_way.pk), reason="lost").count() == 1


def test_nothing_is_deployed_where_nobody_knows_what_runs(world: World, under_way: Deployment) -> None:
    away(under_way)
    read_deadlines()
    gate = gate_of(under_way)
    assert gate and not gate.is_open
    assert world.cluster.name in str(gate.message) and str(gate.who) == world.ada.shown_name
    with pytest.raises(Refused, match="not known"):
        deployments.start_deployment(actor=world.olli, order=under_way.order, space=under_way.space)
    place = Placement.objects.get(space=under_way.space)
    assert place.last_succeeded
    with pytest.raises(Refused, match="not known"):
        deployments.roll_back(actor=world.olli, space=under_way.space, to=place.last_succeeded)
    shown = environment_overview(under_way.order, under_way.space, world.dana)
    assert shown["unknown_since"] == place.unknown_since


def test_the_page_and_the_matrix_say_so(world: World, under_way: Deployment, client: Client) -> None:
    away(under_way)
    read_deadlines()
    client.force_login(world.olli)
    component = under_way.component
    runtime = client.get(reverse("releases:runtime", args=[world.project.slug, component.slug, "fat"]))
    assert "nobody knows what runs here" in runtime.content.decode()
    assert "no contact" in client.get(reverse("desk:home")).content.decode()


def test_a_deployment_that_began_while_the_cluster_was_away_ends_too(under_way: Deployment) -> None:
    """It waits for its review, which waits behind the breaker: the engine never noted a loss of its own."""
    Deployment.objects.filter(pk=under_way.pk).update(
        state="queued", phase="start", next_at=PARKED, created_at=timezone.now() - HOURS
    )
    breakers.trip(under_way.remote, Unavailable("The cluster did not answer in time."), was_probe=False)
    read_deadlines()
    under_way.refresh_from_db()
    assert under_way.state == "queued", "the cluster is away for a moment only"
    Remote.objects.update(opened_at=timezone.now() - HOURS)
    read_deadlines()
    under_way.refresh_from_db()
    assert (under_way.state, under_way.reason) == ("errored", "lost")


def test_a_deployment_of_now_says_since_when_the_cluster_is_silent_and_has_its_own_hour(under_way: Deployment) -> None:
    breakers.trip(under_way.remote, Unavailable("The cluster did not answer in time."), was_probe=False)
    Remote.objects.update(opened_at=timezone.now() - HOURS)
    under_way.pk, under_way.nonce, under_way._state.adding = None, "another", True
    Deployment.objects.update(state="failed")
    under_way.save()
    assert under_way.contact_lost_since == Remote.objects.get().opened_at
    read_deadlines()
    under_way.refresh_from_db()
    assert under_way.state == "running"


@pytest.mark.parametrize("since", [timedelta(minutes=59), None])
def test_contact_within_the_hour_ends_nothing(under_way: Deployment, since: timedelta | None) -> None:
    if since:
        away(under_way, since)
    read_deadlines()
    under_way.refresh_from_db()
    assert under_way.state == "running" and gate_of(under_way) is None


def test_a_deployment_heard_of_in_the_meantime_is_not_given_up(under_way: Deployment) -> None:
    contact_deadline.give_up(under_way.pk)
    under_way.refresh_from_db()
    assert under_way.state == "running"


class Cluster:
    """A namespace with these workloads, or a cluster that is away."""

    def __init__(self, *workloads: Manifest, is_away: bool = False) -> None:
        self.workloads, self.is_away = workloads, is_away

    def observe(self, _namespace: str, _selector: str) -> Observation:
        if self.is_away:
            raise Unavailable("The cluster did not answer in time.")
        return Observation(self.workloads, (), (), "1")


def put(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> None:
    monkeypatch.setattr("deployer.adapters.kubernetes.connect", lambda _target, **_named: cluster)


def workload_of(row: Deployment) -> Manifest:
    return {"metadata": {"name": "web", "annotations": {DEPLOYMENT_ANNOTATION: str(row.mark)}}}


def read(row: Deployment) -> Placement:
    run_once("observe_space", SpaceObservation.objects.get(space=row.space).pk)
    return Placement.objects.get(component=row.component, space=row.space)


def test_a_cluster_that_is_still_away_leaves_the_place_unknown(
    under_way: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(under_way)
    read_deadlines()
    put(monkeypatch, Cluster(is_away=True))
    place = read(under_way)
    assert place.unknown_since is not None and SpaceObservation.objects.get().contact_lost_since is not None
    assert gate_of(under_way) is not None


def test_a_read_tells_that_the_lost_deployment_had_arrived(
    under_way: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    away(under_way)
    read_deadlines()
    put(monkeypatch, Cluster(workload_of(under_way)))
    place = read(under_way)
    assert place.unknown_since is None and place.last_applied_id == under_way.pk
    assert place.last_succeeded_id != under_way.pk
    assert OrderEvent.objects.get(order=under_way.order, kind="placement.read").data["applied"] == under_way.pk
    assert gate_of(under_way) is None
    deployments.start_deployment(actor=under_way.deployed_by, order=under_way.order, space=under_way.space)


def test_a_read_tells_that_the_one_before_still_serves(under_way: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Placement.objects.get(space=under_way.space).last_succeeded
    assert before
    away(under_way)
    read_deadlines()
    put(monkeypatch, Cluster(workload_of(before)))
    place = read(under_way)
    assert place.unknown_since is None and place.last_applied_id == before.pk == place.last_succeeded_id


def test_a_place_where_nothing_ever_succeeded_is_read_too(
    under_way: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    Placement.objects.update(last_succeeded=None, last_applied=None)
    away(under_way)
    read_deadlines()
    put(monkeypatch, Cluster())
    place = read(under_way)
    assert place.unknown_since is None and place.last_applied is None
