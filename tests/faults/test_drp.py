"""A drill of twelve components on a cluster, while production's cluster, Jenkins and Git are gone and workers die."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from components.models import Component, ComponentSettings, JenkinsServer
from environments.access import Rights
from environments.models import Cluster, Space
from foundation.runs.engine import run_step
from releases import drp
from releases.models import Deployment, DrpRun, DrpSwitch, ReleaseOrder
from releases.presenters.drp import shown_switch
from releases.services.drp import ask_drp, confirm_drp, take_back
from tests.faults.test_crashes import Died, dying_at, take
from tests.releases.rows import make_success
from tests.site import Site, make_component

pytestmark = pytest.mark.slow
DEAD = "https://127.0.0.1:9"


def with_images(site: Site, count: int) -> Iterator[tuple[Site, ReleaseOrder]]:
    """So many components in three waves, each with an order that has its image; for each a site of its own."""
    for number in range(count):
        name = f"SIS-OMM-C{number:02d}"
        component = make_component(site.world, site.stand_ins, name)
        ComponentSettings.objects.filter(component=component).update(service_name=f"c{number:02d}")
        Component.objects.filter(pk=component.pk).update(start_wave=number % 3 + 1)
        one = replace(site, component=Component.objects.get(pk=component.pk))
        yield one, one.order_with_image(f"slow 0.{number:02d}")  # a digest of its own


def serving_in_production(site: Site, count: int) -> dict[str, ReleaseOrder]:
    """So many components that served there; then its cluster, Jenkins and Git are gone."""
    found = {}
    for one, order in with_images(site, count):
        make_success(order, site.space("prd"), site.world.olli)
        found[one.component.slug] = order
    gone = Cluster.objects.create(slug="gone", name="Gone", url=DEAD, token="t")
    Space.objects.filter(pk=site.space("prd").pk).update(cluster=gone)
    without_jenkins_and_git()
    return found


def without_jenkins_and_git() -> None:
    """Nobody answers at their addresses."""
    JenkinsServer.objects.update(url=DEAD)
    ComponentSettings.objects.update(git_url=f"{DEAD}/gone.git")


def drive(site: Site, row: DrpSwitch, *ends: str) -> DrpSwitch:
    """Its run and its deployments, pass by pass; every third pass of the run dies at some statement first."""
    limit, passes = time.monotonic() + 90, 0
    while time.monotonic() < limit:
        row = drp.rows().get(pk=row.pk)
        if row.state in ends:
            return row
        passes += 1
        for statement in [passes * 5 % 60] if passes % 3 == 0 else []:
            _die(DrpRun.objects.get(switch=row), statement)
        if passes in (2, 5) and (one := Deployment.objects.filter(state__in=["queued", "running"]).first()):
            _die(one, 7)
        run_step(take(DrpRun.objects.get(switch=row)))
        if not site.step_all():
            time.sleep(0.05)  # nothing is due: the stand-ins work
    raise AssertionError((row.state, list(row.members.values_list("state", "note", "back_state", "back_note"))))


def _die(run: Any, statement: int) -> None:
    lease = take(run)
    try:
        with dying_at(statement):
            run_step(lease)
    except Died:
        pass


def test_twelve_components_serve_by_one_act_and_one_confirmation_and_are_taken_back(site: Site) -> None:
    orders = serving_in_production(site, 12)
    world, space = site.world, site.space("drp")
    asked = ask_drp(actor=world.olli, space=space, kind="drill", reason="quarter four", code="sis-omm")
    row = drive(site, confirm_drp(actor=world.oskar, row=asked, code="sis-omm"), "serves", "stopped")
    assert row.state == "serves", [str(one.note) for one in row.members.all()]

    check_report(site, row, orders)
    row = drive(site, take_back(actor=world.olli, row=row), "returned", "stopped")
    assert row.state == "returned", [str(one.back_note) for one in row.members.all()]
    assert all(site.live("drp", name=slug) is None for slug in orders), "nothing was there before"


def check_report(site: Site, row: DrpSwitch, orders: dict[str, ReleaseOrder]) -> None:
    """What its page says is what the cluster recorded: images, times, waves; each component was deployed once."""
    made = Deployment.objects.filter(space=row.space)
    assert made.count() == len(orders), "nothing is deployed twice"
    assert {one.remote for one in made} == {site.world.cluster.remote_key}, "no other cluster was asked"
    found = shown_switch(row, Rights(site.world.olli))
    assert found.same == len(orders), "what its pods run is what served in production"
    for line in found.lines:
        live = site.live("drp", name=line.row.component.slug)
        image = live["spec"]["template"]["spec"]["containers"][0]["image"]
        assert image.endswith(orders[line.row.component.slug].image_digest)
        assert _seconds(live["metadata"]["creationTimestamp"], line.started_at) <= 2
        ready = next(one for one in live["status"]["conditions"] if one["type"] == "Available")
        assert _seconds(ready["lastTransitionTime"], line.serves_at) <= 3
        assert line.took is not None and line.took > 0
    firsts = {wave: min(one.started_at for one in lines if one.started_at) for wave, lines in found.waves}
    lasts = {wave: max(one.serves_at for one in lines if one.serves_at) for wave, lines in found.waves}
    assert lasts[1] <= firsts[2] and lasts[2] <= firsts[3], "a wave waits for the one before"


def _seconds(text: str, at: datetime | None) -> float:
    """Between a moment of the cluster, which it keeps in whole seconds, and one of ours."""
    assert at is not None
    return abs((datetime.fromisoformat(text).astimezone(UTC) - at).total_seconds())
