"""A drill on two real control planes: production's is killed, Jenkins and Git are gone, and DRP serves what it ran."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from environments.models import Cluster, Space
from releases.models import Deployment, Placement, ReleaseOrder
from releases.services.drp import ask_drp, confirm_drp, take_back
from tests.controlplane.plane import Plane, running_plane
from tests.faults.test_drp import check_report, drive, with_images, without_jenkins_and_git
from tests.releases.rows import make_success
from tests.site import Site, empty_database, site, site_database, stand_ins
from tests.stand_ins import StandIns

__all__ = ["empty_database", "site", "site_database", "stand_ins"]

pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.timeout(300)]

COUNT = 12


@pytest.fixture
def production(stand_ins: StandIns) -> Iterator[Plane]:
    with running_plane("--registry", f"{stand_ins.registry}={stand_ins.images.url}") as made:
        yield made


@pytest.fixture
def recovery(stand_ins: StandIns) -> Iterator[Plane]:
    with running_plane("--registry", f"{stand_ins.registry}={stand_ins.images.url}") as made:
        yield made


def on_planes(site: Site, production: Plane, recovery: Plane) -> None:
    """Production's space on a cluster of its own, everything else on the other one."""
    target = recovery.target()
    Cluster.objects.filter(pk=site.world.cluster.pk).update(url=target.url, ca_pem=target.ca_pem, verify_tls=True)
    site.world.cluster.refresh_from_db()
    site.world.cluster.token = target.token
    site.world.cluster.save()
    there = production.target()
    prd = Cluster.objects.create(
        slug="prd", name="Production", url=there.url, token=there.token, ca_pem=there.ca_pem, verify_tls=True
    )
    Space.objects.filter(pk=site.space("prd").pk).update(cluster=prd)


def deployed_to_production(site: Site) -> dict[str, ReleaseOrder]:
    """Each component by its own review, approval and deployment there."""
    started = []
    for one, order in with_images(site, COUNT):
        for before in ("fat", "uat"):
            make_success(order, one.space(before), one.world.olli)
        started.append((one, one.start(order, "prd")))
    for one, deployment in started:
        assert one.finish(deployment).state == "succeeded"
        one.settle("prd")
    return {one.component.slug: deployment.order for one, deployment in started}


def test_drp_serves_what_production_ran_while_its_control_plane_is_dead(
    site: Site, production: Plane, recovery: Plane
) -> None:
    on_planes(site, production, recovery)
    orders = deployed_to_production(site)
    production.destroy()
    without_jenkins_and_git()
    world, space = site.world, site.space("drp")

    asked = ask_drp(actor=world.olli, space=space, kind="drill", reason="quarter four", code="sis-omm")
    row = drive(site, confirm_drp(actor=world.oskar, row=asked, code="sis-omm"), "serves", "stopped")
    assert row.state == "serves", [str(one.note) for one in row.members.all()]
    check_report(site, row, orders)
    pods = json.loads(recovery.kubectl("get", "pods", "-n", space.namespace, "-o", "json"))["items"]
    run = {pod["status"]["containerStatuses"][0]["imageID"].partition("@")[2] for pod in pods}
    assert run == {order.image_digest for order in orders.values()} and len(run) == COUNT

    row = drive(site, take_back(actor=world.olli, row=row), "returned", "stopped")
    assert row.state == "returned", [str(one.back_note) for one in row.members.all()]
    assert recovery.kubectl("get", "deployments", "-n", space.namespace, "-o", "name") == "", "nothing was there before"
    assert Placement.objects.filter(space=site.space("prd"), last_succeeded__isnull=False).count() == COUNT
    assert not Deployment.objects.filter(space=site.space("prd"), drp_switch=row).exists()
