"""Another number of replicas: what the space allows, and what the quota allows, before anybody clicks."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from deployer.interfaces import NodeFacts, QuotaLine, QuotaScope
from deployer.nodes import nodes_as_data
from environments.models import NodeObservation
from environments.services.spaces import record_quota
from foundation.problems import Refused
from releases import scaling
from releases.models import Deployment, Placement, Snapshot
from releases.services import deployments
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success
from tests.releases.test_api import Caller

PLACE = "components/sis-omm/sis-omm-proxy-gw/environments/fat/scalings/"
BOX = {"name": "app", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "200m"}}}
WORKLOAD = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "proxy-gw"},
    "spec": {"replicas": 4, "template": {"spec": {"containers": [BOX]}}},
}


@pytest.fixture
def place(world: World) -> Placement:
    """Four pods serve in FAT."""
    make_success(make_built(make_component(world), world.dana), world.spaces["fat"], world.olli)
    Snapshot.objects.update(manifests=[WORKLOAD])
    return Placement.objects.get()


def bound(world: World, **ceilings: Any) -> Placement:
    type(world.spaces["fat"]).objects.filter(pk=world.spaces["fat"].pk).update(**ceilings)
    return Placement.objects.get()


@pytest.mark.parametrize(
    ("ceilings", "message"),
    [
        ({"pods_ceiling": 6}, "10 pods need 10 of pods; FAT has 6 in all."),
        ({"cpu_request_ceiling": 900}, "10 pods need 1 of requests.cpu; FAT has 900m in all."),
        ({"memory_request_ceiling": 2**28}, "10 pods need 640Mi of requests.memory; FAT has 256Mi in all."),
    ],
)
def test_more_than_the_space_has_in_all_is_refused_at_the_click(
    world: World, place: Placement, ceilings: dict[str, int], message: str
) -> None:
    place = bound(world, **ceilings)
    with pytest.raises(Refused) as refusal:
        deployments.scale(actor=world.olli, space=place.space, placement=place, replicas=10)
    assert (str(refusal.value.message), refusal.value.code) == (message, "gate-ceiling")
    assert Deployment.objects.count() == 1


def test_fewer_pods_pass_even_above_a_ceiling_that_came_later(world: World, place: Placement) -> None:
    place = bound(world, pods_ceiling=2)
    row = deployments.scale(actor=world.olli, space=place.space, placement=place, replicas=3)
    assert row.overlay == {"replicas": 3}


def test_the_preview_says_what_is_short_by_the_last_read(world: World, place: Placement) -> None:
    assert scaling.preview(place, 9).fits is None
    record_quota(place.space, [QuotaLine("tight", "pods", 8, 6), QuotaLine("tight", "requests.cpu", 9000, 600)])
    assert scaling.preview(place, 6).fits is True
    found = scaling.preview(place, 9)
    assert (found.fits, [str(one) for one in found.messages]) == (
        False,
        ["Quota tight is short by 3 of pods: 11 wanted, 8 allowed."],
    )
    record_quota(place.space, [QuotaLine("tight", "pods", 1, 9)])
    assert scaling.preview(place, 3).fits is True, "fewer pods always pass"


def test_the_preview_knows_the_scopes_that_were_read(place: Placement) -> None:
    record_quota(place.space, [QuotaLine("best", "pods", 0, 0, (QuotaScope("BestEffort"),))])
    assert scaling.preview(place, 9).fits is True


def test_the_api_previews_and_changes_nothing(world: World, place: Placement) -> None:
    record_quota(place.space, [QuotaLine("tight", "pods", 8, 6)])
    olli = Caller(world, "olli")
    found = olli.get(f"{PLACE}?replicas=9").json()
    assert (found["fits"], found["messages"]) == (False, ["Quota tight is short by 3 of pods: 11 wanted, 8 allowed."])
    (line,) = found["quota"]
    assert (line["resource"], line["needed"], line["short_by"]) == ("pods", 11, 3)
    assert Deployment.objects.count() == 1
    for wrong in ("", "-1", "x", "201"):
        assert olli.get(f"{PLACE}?replicas={wrong}").status_code == 400
    assert Caller(world, "otto").get(f"{PLACE}?replicas=2").status_code == 404


def test_the_page_says_it_while_one_types(world: World, place: Placement) -> None:
    record_quota(place.space, [QuotaLine("tight", "pods", 8, 6)])
    browser = Client()
    browser.force_login(world.olli, backend="accounts.backends.PasswordBackend")
    url = "/runtime/sis-omm/sis-omm-proxy-gw/fat/scale/"
    part = browser.get(f"{url}?part=preview&replicas=9", headers={"HX-Request": "true"}).content.decode()
    assert "11 wanted, 8 allowed" in part and "<html" not in part
    assert "6 pods fit the quota." in browser.get(f"{url}?replicas=6").content.decode()
    assert browser.get(f"{url}?replicas=junk").status_code == 200


def test_page_and_api_say_whether_the_nodes_have_capacity(world: World, place: Placement) -> None:
    Placement.objects.update(pods=[{"node": "n1", "is_leaving": False}] * 4)
    free = {"cpu": 250, "memory": 2**33, "pods": 90}
    NodeObservation.objects.update(nodes=nodes_as_data([NodeFacts("n1", {}, (), free)]), seen_at=timezone.now())
    olli = Caller(world, "olli")
    found = olli.get(f"{PLACE}?replicas=6").json()["nodes"]
    assert (found["fits"], found["message"]) == (True, "The nodes have capacity for it: 1 may take such a pod.")
    assert olli.get(f"{PLACE}?replicas=4").json()["nodes"] is None
    short = "No capacity for 1 of 3 new pods: short by 50m CPU on the nodes that may take them."
    assert olli.get(f"{PLACE}?replicas=7").json()["nodes"]["message"] == short
    browser = Client()
    browser.force_login(world.olli, backend="accounts.backends.PasswordBackend")
    assert short in browser.get("/runtime/sis-omm/sis-omm-proxy-gw/fat/scale/?replicas=7").content.decode()
    NodeObservation.objects.update(seen_at=None)
    assert olli.get(f"{PLACE}?replicas=7").json()["nodes"]["fits"] is None


def test_a_scale_that_failed_offers_the_number_that_succeeded(world: World, place: Placement) -> None:
    row = deployments.scale(actor=world.olli, space=place.space, placement=place, replicas=100)
    Deployment.objects.filter(pk=row.pk).update(state="failed", applied=[{"kind": "Deployment", "name": "proxy-gw"}])
    Placement.objects.update(in_progress=None, last_applied=row)
    browser = Client()
    browser.force_login(world.olli, backend="accounts.backends.PasswordBackend")
    for page in (f"/deployments/{row.pk}/", "/runtime/sis-omm/sis-omm-proxy-gw/fat/"):
        assert "Back to 4 pods" in browser.get(page).content.decode()
    answer = browser.post("/runtime/sis-omm/sis-omm-proxy-gw/fat/scale/", {"replicas": "4"})
    assert answer.status_code == 302
    assert Deployment.objects.latest("pk").overlay == {"replicas": 4}
