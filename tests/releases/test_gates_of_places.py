"""Restart, scale, roll back, remove: page, API, click and step give one answer, so a program knows before it asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import transaction
from django.utils import timezone
from django.utils.html import escape

from environments.access import Rights
from environments.models import Space
from foundation.problems import PlatformError
from foundation.runs.choices import RunState
from releases import transitions
from releases.choices import ClosedReason, DeploymentKind, OrderState
from releases.models import Build, Deployment, Placement, ReleaseOrder, ScaleRequest, Snapshot
from releases.placing import create_deployment
from releases.presenters.acts import explain_url
from releases.presenters.place_acts import PlaceAct, acts_there
from releases.services import approvals, deployments
from releases.services.reviews import request_review
from releases.services.scale_requests import ask_scale
from releases.steps.deployment.start import refusal_of
from tests.cast import World, browse
from tests.releases.rows import make_built, make_component, make_success
from tests.releases.test_api import Caller
from tests.releases.test_scaling import WORKLOAD

PLACE = "components/sis-omm/sis-omm-proxy-gw/environments/prd/"
PAGE = "/runtime/sis-omm/sis-omm-proxy-gw/prd/"
AUTOSCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "proxy-gw"},
    "spec": {
        "minReplicas": 2, "maxReplicas": 6,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "proxy-gw"},
    },
}  # fmt: skip
EIGHT = 8


@pytest.fixture
def place(world: World) -> Placement:
    """Two orders of Dana succeeded in PRD, the second stands there with four pods."""
    component = make_component(world)
    for _turn in range(2):
        make_success(make_built(component, world.dana), world.spaces["prd"], world.oskar)
    Snapshot.objects.update(manifests=[WORKLOAD])
    return there()


def there() -> Placement:
    return Placement.objects.select_related("space__environment", "space__project").get()


def policy(**values: Any) -> None:
    Space.objects.filter(environment__slug="prd").update(**values)


# ---------------------------------------------------------------- what closes a gate
def unknown(world: World) -> None:
    Placement.objects.update(unknown_since=timezone.now())


def another_under_way(world: World) -> None:
    place = there()
    good = place.last_succeeded
    assert good
    create_deployment(
        good.order, place.space, place, actor=world.oskar, snapshot=good.snapshot, kind=DeploymentKind.RESTART
    )


def last_one_failed(world: World) -> None:
    Placement.objects.update(last_applied=None)


def an_autoscaler(world: World) -> None:
    Snapshot.objects.update(manifests=[WORKLOAD, AUTOSCALER])


def a_low_ceiling(world: World) -> None:
    policy(pods_ceiling=6)


def narrow_bounds(world: World) -> None:
    policy(scale_maximum=4)


def asked_for(world: World) -> None:
    narrow_bounds(world)
    place = there()
    ask_scale(actor=world.olli, space=place.space, placement=place, replicas=EIGHT, reason="sale")


def built_by_olli(world: World) -> None:
    Build.objects.update(started_by=world.olli)


def returned(world: World) -> None:
    ReleaseOrder.objects.update(state=OrderState.CLOSED, closed_reason=ClosedReason.RETURNED)


def nothing_closed(world: World) -> None:
    policy(scale_maximum=20)


CASES: list[tuple[str, Callable[[World], None], str]] = [
    ("restart", nothing_closed, ""),
    ("restart", unknown, "known"),
    ("restart", another_under_way, "queue"),
    ("restart", last_one_failed, "stands"),
    ("scale", nothing_closed, ""),
    ("scale", unknown, "known"),
    ("scale", an_autoscaler, "autoscaler"),
    ("scale", a_low_ceiling, "ceiling"),
    ("scale", narrow_bounds, "bounds"),
    ("scale", asked_for, "approved"),
    ("roll_back", nothing_closed, ""),
    ("roll_back", another_under_way, "queue"),
    ("roll_back", built_by_olli, "four-eyes"),
    ("roll_back", returned, "open"),
]


@pytest.mark.parametrize(("act", "close", "code"), CASES)
def test_page_api_click_and_step_say_the_same(
    world: World, place: Placement, act: str, close: Callable[[World], None], code: str
) -> None:
    policy(scale_maximum=20)
    close(world)
    said = by_api(world, act)
    assert (said["code"] if said else "") == code
    assert by_page(world, act, said["message"] if said else "", code)
    assert by_click(world, act) == ((f"gate-{code}", said["message"], said["who"]) if said else None)
    step = by_step(world, act)
    # Its own run has the place: nothing else is under way there.
    assert step == (said["message"] if said and code not in ("queue", "stands") else "")


@pytest.mark.parametrize(("act", "close", "code"), CASES)
def test_the_explainer_says_of_each_act_what_its_button_says(
    world: World, place: Placement, act: str, close: Callable[[World], None], code: str
) -> None:
    """Not what it would say of a deployment of the same order."""
    policy(scale_maximum=20)
    close(world)
    shown: PlaceAct = getattr(acts_there(there(), Rights(world.olli)), act)
    query = urlsplit(explain_url("deploy", shown.order, place.space, kind=act)).query
    answer = Caller(world, "olli").get(f"explanations/?{query}").json()
    assert answer["may"] is (shown.closed is None)
    if shown.closed:
        assert urlsplit(shown.refusal.explain).query == query
        assert answer["code"] == f"gate-{shown.closed.code}" and str(shown.closed.message) in answer["detail"]
    gates = {gate["code"]: gate["is_open"] for gate in answer["gates"]}
    assert gates == {gate.code: gate.is_open for gate in shown.gates if gate.code != "role"}
    page = browse(world, "olli").get(f"/explain/?{query}").content.decode()
    assert f'name="kind" value="{act}"' in page and escape(answer["detail"]) in page


def test_the_explainer_knows_no_other_act(world: World, place: Placement) -> None:
    olli = Caller(world, "olli")
    assert olli.get("explanations/?verb=deploy&space=sis-omm/prd&kind=delete").status_code == 400
    assert olli.get("explanations/?verb=promote&space=sis-omm/prd&kind=restart").status_code == 400
    page = browse(world, "olli").get("/explain/?verb=promote&space=sis-omm/prd&kind=restart")
    assert page.status_code == 200, "the form keeps the kind when somebody chooses another act"


def by_step(world: World, act: str) -> str:
    """Why the run of this act goes no further, when its step asks once more."""
    Deployment.objects.exclude(state="succeeded").update(state="cancelled", finished_at=timezone.now())
    Placement.objects.update(in_progress=None)
    place = there()
    good = place.last_succeeded
    assert good
    target, kind, overlay = {
        "restart": (good, DeploymentKind.RESTART, {"restarted_at": "now"}),
        "scale": (good, DeploymentKind.SCALE, {"replicas": EIGHT}),
        "roll_back": (earlier(), DeploymentKind.ROLL_BACK, {}),
    }[act]
    own = create_deployment(
        target.order, place.space, place, actor=world.olli, kind=kind, snapshot=target.snapshot, overlay=overlay
    )
    ScaleRequest.objects.update(deployment=own, state="used", ended_at=timezone.now())
    return str(refusal_of(fresh(own)))


def earlier() -> Deployment:
    return Deployment.objects.select_related("order", "snapshot").earliest("pk")


def fresh(own: Deployment) -> Deployment:
    rows = Deployment.objects.select_related("order__project", "order__component", "space__environment")
    return rows.select_related("space__project", "space__cluster", "snapshot", "deployed_by").get(pk=own.pk)


def by_api(world: World, act: str) -> dict[str, Any] | None:
    """The first closed gate."""
    olli = Caller(world, "olli")
    found = olli.get(PLACE).json()
    gates = found[f"{act}_gates"]
    if act == "scale":
        gates = olli.get(f"{PLACE}scalings/?replicas={EIGHT}").json()["gates"]
    if act == "roll_back":
        assert found["roll_back_deployment"] == earlier().pk
        preview = olli.get(f"{PLACE}roll-backs/?deployment={earlier().pk}").json()
        assert preview["gates"] == gates
    assert gates[0]["code"] == "role" and gates[0]["is_open"]
    return next((gate for gate in gates if not gate["is_open"]), None)


def by_page(world: World, act: str, message: str, code: str) -> bool:
    """Told there; the button is off, but for a number that another one may be typed for."""
    query = {"scale": f"scale/?replicas={EIGHT}", "roll_back": f"roll-back/?to={earlier().pk}", "restart": "restart/"}
    shown = browse(world, "olli").get(PAGE + query[act]).content.decode()
    is_off = bool(message) and code not in ("ceiling", "bounds", "approved")
    return escape(message) in shown and (" disabled" in shown) == is_off


def by_click(world: World, act: str) -> tuple[str, str, str] | None:
    place, olli = there(), world.olli
    acts: dict[str, Callable[[], Any]] = {
        "restart": lambda: deployments.restart(actor=olli, space=place.space, placement=place),
        "scale": lambda: deployments.scale(actor=olli, space=place.space, placement=place, replicas=EIGHT),
        "roll_back": lambda: deployments.roll_back(actor=olli, space=place.space, to=earlier()),
    }
    try:
        made = acts[act]()
    except PlatformError as refused:
        assert refused.asked is not None and refused.asked.verb == "deploy"
        return refused.code, str(refused.message), str(refused.who_can_help)
    assert made.pk
    return None


# ---------------------------------------------------------------- removal
def reviewed(world: World) -> None:
    good = there().last_succeeded
    assert good and good.snapshot
    review = request_review(good.order, world.spaces["prd"], actor=None, taken={}, is_removal=True)
    with transaction.atomic():
        transitions.end_run(review, RunState.SUCCEEDED, actor=None, snapshot=good.snapshot, seen_at=timezone.now())


def approved(world: World) -> None:
    reviewed(world)
    good = there().last_succeeded
    assert good and good.snapshot
    approvals.approve(actor=world.oskar, snapshot=good.snapshot)


def approved_and_under_way(world: World) -> None:
    approved(world)
    another_under_way(world)


@pytest.mark.parametrize(
    ("close", "code", "refused"),
    [
        (lambda world: None, "reviewed", "not-reviewed"),
        (reviewed, "approved", "gate-approved"),
        (approved_and_under_way, "queue", "gate-queue"),
        (approved, "", ""),
    ],
)
def test_a_removal_is_told_alike_everywhere(
    world: World, place: Placement, close: Callable[[World], None], code: str, refused: str
) -> None:
    close(world)
    gates = Caller(world, "olli").get(PLACE).json()["removal_gates"]
    closed = next((gate for gate in gates if not gate["is_open"]), None)
    assert (closed["code"] if closed else "") == code
    shown = browse(world, "olli").get(f"{PAGE}remove/").content.decode()
    assert closed is None or escape(closed["message"]) in shown
    good = there().last_succeeded
    assert good and good.snapshot
    answer = Caller(world, "olli").post(f"{PLACE}removals/", {"snapshot": good.snapshot.hash})
    if closed is None:
        assert answer.status_code == 202
    else:
        assert (answer.json()["code"], answer.json()["detail"]) == (refused, closed["message"])


# ---------------------------------------------------------------- who
def test_who_lacks_the_right_reads_it_first_with_who_has_it(world: World, place: Placement) -> None:
    tess = Caller(world, "tess")
    found = tess.get(PLACE).json()
    for name in ("restart", "scale", "roll_back", "removal"):
        gate = found[f"{name}_gates"][0]
        assert (gate["code"], gate["is_open"], gate["who"]) == ("role", False, "Olli, Oskar")
        assert "four-eyes" not in {one["code"] for one in found[f"{name}_gates"]}
    answer = tess.post(f"{PLACE}restarts/", {})
    assert (answer.status_code, answer.json()["detail"]) == (403, found["restart_gates"][0]["message"])
    assert answer.json()["who_can_help"] == found["restart_gates"][0]["who"]


def test_the_page_lists_each_act_with_its_gates(world: World, place: Placement) -> None:
    unknown(world)
    shown = browse(world, "olli").get(PAGE).content.decode()
    gates = shown[shown.index('id="runtime-gates"') : shown.index('id="runtime-side"')]
    assert gates.count("<details") == gates.count(">Blocked<") == len(("restart", "scale", "roll back", "remove"))
    assert gates.count("What runs here is not known") == 4
    Placement.objects.update(unknown_since=None)
    shown = browse(world, "olli").get(PAGE).content.decode()
    assert shown[shown.index('id="runtime-gates"') : shown.index('id="runtime-side"')].count(">Ready<") == 3


def test_a_roll_back_is_previewed_and_changes_nothing(world: World, place: Placement) -> None:
    olli, count = Caller(world, "olli"), Deployment.objects.count()
    found = olli.get(f"{PLACE}roll-backs/?deployment={earlier().pk}").json()
    assert (found["order"], found["removals"]) == (earlier().order.number, [])
    assert found["snapshot"] == Snapshot.objects.earliest("pk").hash
    Deployment.objects.filter(pk=earlier().pk).update(state="failed")
    failed = olli.get(f"{PLACE}roll-backs/?deployment={earlier().pk}").json()
    closed = next(gate for gate in failed["gates"] if not gate["is_open"])
    assert (closed["code"], closed["message"]) == (
        "proven", "This deployment did not succeed here: choose one that did.",
    )  # fmt: skip
    for wrong, status in (("", 404), ("x", 400), ("0", 404), ("999999", 404)):
        assert olli.get(f"{PLACE}roll-backs/?deployment={wrong}").status_code == status
    assert Deployment.objects.count() == count
    Deployment.objects.filter(pk=earlier().pk).update(state="succeeded")
    Placement.objects.update(last_applied=None, last_succeeded=None)
    nothing = olli.get(PLACE).json()
    assert [gate["code"] for gate in nothing["removal_gates"] if not gate["is_open"]] == ["stands"]
    assert [gate["code"] for gate in nothing["restart_gates"] if not gate["is_open"]] == ["stands"]
