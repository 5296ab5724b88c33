"""部署进度 and 运行态: pods, the diagnosis in words, and acting on what runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils.dateparse import parse_datetime

from components.models import Component
from deployer.verdict import MESSAGES, NEXT_STEPS
from foundation.runs.choices import RunState
from releases import transitions
from releases.locks import lock_placement
from releases.models import Deployment, Placement, ReleaseOrder
from releases.placing import create_deployment
from releases.presenters.words import diagnosis_of
from tests.cast import World
from tests.releases.pages.test_order import words
from tests.releases.rows import make_built, make_review, make_success

SignIn = Callable[[str], Client]
PLACE = "/runtime/sis-omm/sis-omm-proxy-gw"


def pod(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name, "uid": name, "is_new": True, "is_ready": False, "is_leaving": False, "state": "starting",
        "message": "", "restarts": 0, "node": "node-1", "started_at": "2026-11-20T10:00:00Z", **changes,
    }  # fmt: skip


@pytest.fixture
def first(world: World, component: Component) -> Deployment:
    """Serves in FAT and UAT."""
    order = make_built(component, world.dana)
    make_success(order, world.spaces["uat"], world.olli)
    return make_success(order, world.spaces["fat"], world.olli)


def under_way(order: ReleaseOrder, world: World, slug: str = "fat") -> Deployment:
    space = world.spaces[slug]
    review = make_review(order, space)
    with transaction.atomic():
        place = lock_placement(order, space)
        return create_deployment(order, space, place, actor=world.olli, snapshot=review.snapshot, review=review)


def test_old_and_new_pods_and_how_far_it_is(world: World, first: Deployment, signed_in: SignIn) -> None:
    row = under_way(make_built(first.component, world.dana), world)
    pods = [pod("old-1", is_new=False, is_ready=True, state="ready"), pod("new-1", restarts=2)]
    progress = {"outcome": "progressing", "ready": 1, "wanted": 2, "updated": 1, "message": "", "pods": pods}
    Deployment.objects.filter(pk=row.pk).update(state="running", phase="rolling", progress=progress)
    response = signed_in("olli").get(f"/deployments/{row.pk}/")
    tiles = response.context["tiles"]
    assert [tile.name for tile in tiles.old] == ["old-1"] and [tile.name for tile in tiles.new] == ["new-1"]
    said = words(response)
    assert "deploying 1/2" in said and "2 restarts" in said and "Cancel" in said
    assert "Roll back" not in said


def test_a_failure_comes_with_cause_next_step_and_evidence(world: World, first: Deployment, signed_in: SignIn) -> None:
    row = under_way(make_built(first.component, world.dana), world)
    values = {"container": "app", "exit_code": "1", "lived_seconds": "4", "restarts": "3"}
    diagnosis = {
        "code": "crash_loop",
        "values": values,
        "pod": "new-1",
        "container": "app",
        "evidence": ["BackOff: restarting failed container"],
        "lines": ["KeyError: 'THE_LINE'"],
        "log": "\x1b[31mKeyError\x1b[0m: 'REDEEM_LOCK_SECONDS' \u202enwo ruoy",
    }
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=None, reason="rollout", diagnosis=diagnosis)
    never_applied = words(signed_in("olli").get(f"/deployments/{row.pk}/"))
    assert "Roll back" not in never_applied, "what serves is what was there before"
    Placement.objects.filter(last_succeeded=first).update(last_applied=row)
    response = signed_in("olli").get(f"/deployments/{row.pk}/")
    said = words(response)
    assert "Container app exits with code 1 after 4 s, again and again (restarts: 3)." in said
    assert "KeyError: 'THE_LINE'" in said
    assert "Read the last lines of the container's log" in said and "KeyError: 'REDEEM_LOCK_SECONDS' ⟨U+202E⟩" in said
    assert f'href="{PLACE}/fat/roll-back/?to={first.pk}"' in response.content.decode()
    tester = words(signed_in("tess").get(f"/deployments/{row.pk}/"))
    assert "You may not do this in FAT. Who can clear it:" in tester


@pytest.mark.parametrize("code", sorted(MESSAGES))
def test_every_diagnosis_has_a_message_and_a_next_step(code: str) -> None:
    values = dict.fromkeys(re.findall(r"%\((\w+)\)", MESSAGES[code].text + NEXT_STEPS[code].text), "x")
    shown = diagnosis_of({"code": code, "values": values})
    assert shown and shown.message and shown.next_step and "%(" not in shown.message + shown.next_step
    assert code in NEXT_STEPS


def test_a_diagnosis_whose_values_are_gone_still_says_something() -> None:
    shown = diagnosis_of({"code": "crash_loop", "values": {}})
    assert shown and shown.message == MESSAGES["crash_loop"]
    assert diagnosis_of({"code": "of the future"}).message == "of the future"  # type: ignore[union-attr]
    assert diagnosis_of({}) is None


def test_cancelling_is_its_deployers_and_operations(world: World, first: Deployment, signed_in: SignIn) -> None:
    row = under_way(make_built(first.component, world.dana), world)
    assert signed_in("tess").post(f"/deployments/{row.pk}/cancel/").status_code == 403
    assert signed_in("otto").get(f"/deployments/{row.pk}/").status_code == 404
    assert signed_in("olli").post(f"/deployments/{row.pk}/cancel/").status_code == 302
    row.refresh_from_db()
    assert row.cancel_requested_by == world.olli
    assert "It was asked to cancel: a moment." in words(signed_in("olli").get(f"/deployments/{row.pk}/"))


def test_the_second_of_two_clickers_reads_who_was_first(world: World, first: Deployment, signed_in: SignIn) -> None:
    under_way(make_built(first.component, world.dana), world)
    answer = signed_in("oskar").post(f"{PLACE}/fat/restart/")
    assert answer.status_code == 409 and "Olli is deploying order" in words(answer)
    assert "Olli is deploying order" in words(signed_in("oskar").get(f"{PLACE}/fat/"))


def test_runtime_shows_what_serves_drift_and_a_scale_that_lasts(
    world: World, first: Deployment, signed_in: SignIn
) -> None:
    drift = [{"object": "Deployment/proxy-gw", "path": ".spec.replicas", "before": "2", "after": "7",
              "manager": "kubectl-edit", "at": "2026-11-20T10:00:00Z"}]  # fmt: skip
    Placement.objects.filter(last_succeeded=first).update(ready=5, wanted=5, drift=drift, pods=[pod("p-1")])
    response = signed_in("olli").get(f"{PLACE}/fat/")
    said = words(response)
    assert first.order.number in said and "5 (allocation 2), until the next snapshot" in said
    assert "kubectl-edit" in said and "Deployment/proxy-gw" in said and "p-1" in said
    assert signed_in("otto").get(f"{PLACE}/fat/").status_code == 404
    assert signed_in("olli").get(f"{PLACE}/nowhere/").status_code == 404
    for never in (f"{PLACE}/drp/", f"{PLACE}/drp/roll-back/"):
        assert "Nothing of this component was ever deployed to DRP" in words(signed_in("olli").get(never))
        assert signed_in("otto").get(never).status_code == 404
    assert signed_in("olli").get(f"{PLACE}/fat/pods/other-pod/log/").status_code == 404


def test_a_finished_rollout_is_shown_as_it_ended(world: World, first: Deployment, signed_in: SignIn) -> None:
    row = under_way(make_built(first.component, world.dana), world)
    pods = [pod("gw-1-aaaaa", is_ready=True, state="ready", started_at="2026-11-20T10:00:00Z")]
    progress = {"outcome": "complete", "ready": 1, "wanted": 1, "updated": 1, "message": "", "pods": pods}
    Deployment.objects.filter(pk=row.pk).update(state="running", phase="rolling", progress=progress)
    row.refresh_from_db()
    with transaction.atomic():
        transitions.end_run(row, RunState.SUCCEEDED, actor=None)
    Deployment.objects.filter(pk=row.pk).update(finished_at=parse_datetime("2026-11-20T10:00:42Z"))
    today = [pod("gw-2-bbbbb", is_ready=True)]
    Placement.objects.filter(component=first.component, space=row.space).update(
        last_succeeded=first, last_applied=first, pods=today
    )
    client = signed_in("olli")
    for address in (
        f"/deployments/{row.pk}/",
        f"/deployments/{row.pk}/?part=rollout",
        f"/deployments/{row.pk}/?pod=gw-1-aaaaa",
    ):
        page = client.get(address)
        assert "…1-aaaaa" in words(page) and "bbbbb" not in page.content.decode()
        assert "42 s" in words(page), "it grows no older"
        assert 'datetime="2026-11-20T10:00:00' not in page.content.decode()
    old = words(client.get(f"/deployments/{row.pk}/"))
    assert f"succeeded last, as of now {first.order.short_name}" in old
    assert old.count(first.order.short_name) == 1, "the old pods of then are not of today's order"


def test_what_is_applied_stands_beside_what_succeeded_last(world: World, first: Deployment, signed_in: SignIn) -> None:
    row = under_way(make_built(first.component, world.dana), world)
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=None, reason="rollout", diagnosis={"code": "not_ready"})
    Placement.objects.filter(last_succeeded=first, space=row.space).update(last_applied=row, settled_at=None)
    client = signed_in("olli")
    assert f"succeeded last, as of now {first.order.short_name} applied: this one" in shown(client, row)
    assert f"applied, as of now {row.order.short_name}" in shown(client, first)
    assert f"order {row.order.short_name} was applied over it" in shown(client, first)


def shown(client: Client, row: Deployment) -> str:
    return words(client.get(f"/deployments/{row.pk}/")).replace("  ", " ")


def test_restart_and_scale_lead_to_their_rollout(world: World, first: Deployment, signed_in: SignIn) -> None:
    client = signed_in("olli")
    for wrong in ("", "-1", "201", "many"):
        assert client.post(f"{PLACE}/fat/scale/", {"replicas": wrong}).status_code == 400
    assert signed_in("dana").post(f"{PLACE}/uat/restart/").status_code == 403
    assert Deployment.objects.count() == 2
    answer = client.post(f"{PLACE}/fat/scale/", {"replicas": "4"})
    row = Deployment.objects.latest("pk")
    assert answer["Location"] == f"/deployments/{row.pk}/" and (row.kind, row.overlay) == ("scale", {"replicas": 4})
    assert client.post(f"{PLACE}/uat/restart/").status_code == 302
    assert Deployment.objects.latest("pk").kind == "restart"


def test_rolling_back_production_asks_for_the_last_four(
    world: World, component: Component, first: Deployment, signed_in: SignIn
) -> None:
    good = make_success(first.order, world.spaces["prd"], world.olli)
    later = make_built(component, world.dana)
    make_success(later, world.spaces["prd"], world.olli)
    client, path = signed_in("olli"), f"{PLACE}/prd/roll-back/"
    page = client.get(f"{path}?to={good.pk}")
    changed = {str(row.label): row.after for row in page.context["compared"] if row.is_changed}
    assert changed["Order"] == first.order.number and "It succeeded here before." in words(page)
    before = Deployment.objects.count()
    assert client.post(path, {"to": good.pk, "last_four": later.number[-4:] + "x"}).status_code == 400
    assert client.get(f"{path}?to=99999").status_code == 404 and client.get(f"{path}?to=x").status_code == 404
    assert signed_in("dana").post(path, {"to": good.pk, "last_four": first.order.number[-4:]}).status_code == 403
    assert Deployment.objects.count() == before
    assert client.post(path, {"to": good.pk, "last_four": first.order.number[-4:]}).status_code == 302
    assert Deployment.objects.latest("pk").kind == "roll_back"
