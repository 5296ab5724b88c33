"""What is next for this viewer and what stops the order, told without a click; how long things take here."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from components.models import Component
from environments.models import Membership
from foundation.runs.choices import RunState
from releases import gates, transitions
from releases.events import append_event
from releases.locks import lock_placement
from releases.logs.storage import append_log
from releases.models import Build, Deployment, Placement, Promotion, ReleaseOrder
from releases.placing import create_deployment
from releases.presenters.build import UsualBuild, stage_strip, usual_build, usual_rollout
from releases.services import approvals, promotions
from tests.cast import World
from tests.releases.pages.conftest import reviewed
from tests.releases.pages.test_order import HTMX, page, words
from tests.releases.rows import build, make_built, make_order, make_review, make_success

SignIn = Callable[[str], Client]


def seen(response: Any) -> tuple[str, str, str]:
    """(primary button, why not, what stops it) of an order's page."""
    primary, stuck = response.context["primary"], response.context["stuck"]
    return (
        str(primary.label) if primary else "",
        str(primary.why) if primary else "",
        f"{stuck.where}: {stuck.message} {stuck.who}" if stuck else "",
    )


def test_before_the_build_it_waits_for_its_author(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    label, why, stuck = seen(page(signed_in("dana"), order))
    assert (label, why) == ("Build", "") and stuck.startswith("Build: It waits for somebody to build it. Dana")
    label, why, _stuck = seen(page(signed_in("tess"), order))
    assert (label, why) == ("Build", "You may not do this here.")
    assert "The order has no image yet" not in words(page(signed_in("tess"), order)), "said once, not on every card"


def test_who_may_promote_has_the_form_and_others_read_who(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    assert seen(page(signed_in("tess"), order))[0] == "", "the open panel has the form"
    assert seen(page(signed_in("tess"), order, "?panel=build"))[:2] == ("Promote to UAT", "")
    label, why, stuck = seen(page(signed_in("dana"), order))
    assert (label, why) == ("Promote to UAT", "You may not do this in UAT.")
    assert stuck == "UAT: It waits for somebody to promote it. Petra, Tess"
    text = page(signed_in("dana"), order).content.decode()
    assert 'aria-describedby="why-not"' in text and 'id="why-not"' in text


def test_a_closed_gate_is_named_on_card_and_head_with_who_clears_it(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_built(component, world.dana)
    for slug in ("fat", "uat"):
        make_success(order, world.spaces[slug], world.olli)
    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    response = page(signed_in("uma"), order)
    card = response.context["lane"].columns[2][0]
    assert (card.state, str(card.word), str(card.note)) == ("promoted", "promoted", "blocked by 1")
    assert str(card.detail) == "0 of 1 approvals."
    assert "Olli" in str(card.ask), "for who never deploys, everybody may still approve"
    assert "PRD 0 of 1 approvals. Who can clear it:" in words(response)
    operator = seen(page(signed_in("olli"), order))
    assert operator[:2] == ("Review and deploy to PRD", "") and "Olli" not in operator[2]
    assert seen(page(signed_in("uma"), order))[1] == "You may not do this in PRD."


def test_when_only_a_word_lacks_the_button_asks_for_it(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    for slug in ("fat", "uat"):
        make_success(order, world.spaces[slug], world.olli)
    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    snapshot = reviewed(order, world.spaces["prd"]).snapshot
    assert snapshot
    response = page(signed_in("olli"), order)
    assert seen(response)[:2] == ("Approve for PRD", "")
    assert response.context["primary"].letter == "a" and response.content.decode().count('data-key="d"') == 1
    assert seen(page(signed_in("dana"), order))[0] == "Review and deploy to PRD", "nobody approves an own order"
    given = approvals.approve(actor=world.olli, snapshot=snapshot)
    label, _why, stuck = seen(page(signed_in("olli"), order))
    assert label == "Review and deploy to PRD" and stuck.startswith(
        "PRD: Four eyes: Olli approved it, and people who approve"
    )
    assert stuck.endswith("deploy it here. Oskar")
    assert "waits for somebody to deploy it" in seen(page(signed_in("oskar"), order))[2], "approved, for everybody else"
    approvals.withdraw_approval(actor=world.olli, approval=given)
    approvals.reject(actor=world.petra, snapshot=snapshot, comment="not today")
    assert seen(page(signed_in("olli"), order))[0] == "Review and deploy to PRD", "one more yes would not help"


def test_while_it_is_deployed_the_button_follows_it(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    review = make_review(order, world.spaces["uat"])
    with transaction.atomic():
        place = lock_placement(order, world.spaces["uat"])
        row = create_deployment(order, world.spaces["uat"], place, actor=world.olli, snapshot=review.snapshot)
    response = page(signed_in("uma"), order)
    assert seen(response)[0] == "Follow the rollout" and response.context["primary"].url == f"/deployments/{row.pk}/"
    card = response.context["lane"].columns[1][0]
    assert (card.who, card.percent) == ("Olli", 0) and "A worker takes it" in str(card.detail)


def test_a_card_says_who_did_it_how_long_it_took_and_how_many_pods(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_built(component, world.dana)
    row = make_success(order, world.spaces["fat"], world.olli)
    Placement.objects.update(ready=2, wanted=2)
    Deployment.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(seconds=90))
    card = page(signed_in("uma"), order).context["lane"].columns[0][0]
    assert (card.who, card.pods, card.serving) == ("Olli", "2/2", "") and 88 <= card.seconds <= 92
    other = make_built(component, world.dana)
    assert page(signed_in("uma"), other).context["lane"].columns[0][0].serving == f"{order.short_name} 2/2"


def test_the_bar_of_a_stage_is_measured_by_what_is_usual() -> None:
    build = Build(state="running", stages=[])
    now_ms = int(timezone.now().timestamp() * 1000)
    build.stages = [
        {"name": "Prepare Git Code", "state": "succeeded", "duration_ms": 6400},
        {"name": "Build", "state": "running", "started_ms": now_ms - 30_000, "duration_ms": 1000},
        {"name": "DockerBuild", "state": "running", "started_ms": now_ms - 900_000},
    ]
    known = UsualBuild(120, {"Build": 60, "DockerBuild": 20})
    found = {stage.name: (stage.percent, stage.seconds) for stage in stage_strip(build, known)}
    assert found["Prepare Git Code"] == (100, 7)
    assert 48 <= found["Build"][0] <= 53 and 30 <= (found["Build"][1] or 0) <= 32
    assert found["DockerBuild"][0] == 95, "late is not done"
    assert found["DockerPush"] == (0, None)
    assert {stage.percent for stage in stage_strip(build)} == {100, 0}, "nobody knows what is usual: nothing is made up"


def test_what_is_usual_is_the_median_of_the_last_successes(world: World, component: Component) -> None:
    now = timezone.now()
    for seconds in (10, 20, 90):
        order = make_built(component, world.dana)
        stages = [{"name": "Build", "state": "succeeded", "duration_ms": seconds * 500}]
        Build.objects.filter(order=order).update(
            started_at=now - timedelta(seconds=seconds), finished_at=now, stages=stages
        )
    failed = make_order(component, world.dana)
    row = build(failed)
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=None, reason="build_failed")
    Build.objects.filter(pk=row.pk).update(started_at=now - timedelta(seconds=3000))
    found = usual_build(component.pk)
    assert (found.seconds, found.stages) == (20, {"Build": 10})
    assert usual_build(component.pk + 1) == UsualBuild()
    assert usual_rollout(component.pk, world.spaces["fat"].pk) is None


def test_a_failed_build_leads_to_the_first_line_that_tells_of_it(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_order(component, world.dana)
    row = build(order)
    with transaction.atomic():
        text = "+ make\nall is well\nSyntaxError: <b>invalid</b> syntax\nmake: *** [test] Error 1\n"
        Build.objects.filter(pk=row.pk).update(**append_log(row, text))
        row.refresh_from_db()
        transitions.end_run(row, RunState.FAILED, actor=None, reason="build_failed")
    content = page(signed_in("dana"), order).content.decode()
    assert 'href="?panel=build&amp;attempt=1#L3"' in content
    assert "SyntaxError: &lt;b&gt;invalid&lt;/b&gt; syntax" in content


def test_numbers_that_no_attempt_or_event_has_are_no_fault(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_order(component, world.dana)
    build(order)
    # int() itself refuses so many digits.
    number = "9" * 5000
    shown = signed_in("dana").get(f"/orders/{order.number}/?panel=build&attempt={number}")
    assert shown.status_code == 200 and shown.context["build_panel"].build.attempt == 1
    refused = signed_in("dana").get(f"/api/v1/orders/{order.number}/events/?after={number}")
    assert refused.status_code == 400


def test_the_activity_keeps_its_filter_while_the_page_lives(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    client = signed_in("dana")
    client.post(f"/orders/{order.number}/comment/", {"text": "hot fix"})
    for chosen, kinds in (("comments", {"Comment"}), ("builds", {"Build succeeded", "Build 1 started"})):
        response = page(client, order, f"?panel=fat&activity={chosen}")
        assert {str(event.message) for event in response.context["events"]} == kinds
        assert f"activity={chosen}" in response.context["live_query"]
    assert page(client, order, "?activity=nonsense").context["activity"] == ""
    part = client.get(f"/orders/{order.number}/?panel=fat&part=live&activity=comments", headers=HTMX)
    assert "hot fix" in words(part) and "Build succeeded" not in words(part)


def test_every_gate_has_a_title(world: World, component: Component) -> None:
    order = make_built(component, world.dana)
    snapshot = reviewed(order, world.spaces["prd"]).snapshot
    assert snapshot
    space = world.spaces["prd"]
    found = [
        *gates.promotion_gates(order, space),
        *gates.deployment_gates(order, space, snapshot=snapshot, deployer=world.olli),
        *gates.roll_back_gates(order, space, snapshot=snapshot, deployer=world.olli),
    ]
    assert {gate.code for gate in found if not gate.title} == set()
    assert len({gate.code for gate in found}) == 14


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/orders/{number}/?panel=build", 50), ("/orders/{number}/?panel=uat", 50),
        ("/orders/{number}/?panel=fat&part=live", 50), ("/orders/{number}/review/uat/", 30),
        ("/deployments/{deployment}/", 21), ("/runtime/sis-omm/sis-omm-proxy-gw/fat/", 24),
        ("/runtime/sis-omm/sis-omm-proxy-gw/fat/roll-back/", 30),
    ],
)  # fmt: skip
def test_a_page_takes_no_more_queries_for_a_longer_history(
    world: World, component: Component, signed_in: SignIn, path: str, most: int
) -> None:
    first, order = _history(world, component)
    client = signed_in("petra")
    where = path.format(number=order.number, deployment=first.pk)
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as caught:
            assert client.get(where, headers=HTMX if "part=" in where else {}).status_code == 200
        counts.append(len(caught))
        for _again in range(3):
            make_success(order, world.spaces["fat"], world.olli)
            client.post(f"/orders/{order.number}/comment/", {"text": "again"})
    assert counts[1] <= counts[0] <= most


def _history(world: World, component: Component) -> tuple[Deployment, ReleaseOrder]:
    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    order = make_built(component, world.dana)
    first = make_success(order, world.spaces["fat"], world.olli)
    reviewed(order, world.spaces["uat"])
    with transaction.atomic():
        append_event(order.pk, "comment", actor=world.dana, data={"id": 0})
    return first, order


def test_who_never_may_is_told_whom_to_ask(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    text = page(signed_in("dana"), order).content.decode()
    acts = text.partition('class="acts"')[2].partition("</header>")[0]
    assert "Ask Petra, Tess" in acts and "<button" not in acts.partition("Ask Petra")[2]
    promotions.promote(actor=world.tess, order=order, space=world.spaces["uat"], test_verdict="passed")
    assert "Ask Olli, Oskar" in words(page(signed_in("uma"), order))
    assert "Ask " not in words(page(signed_in("olli"), order)).partition("Where it is")[0]


def test_who_approves_is_asked_before_who_deploys(world: World, component: Component, signed_in: SignIn) -> None:
    order, prd = make_built(component, world.dana), world.spaces["prd"]
    Promotion.objects.create(order=order, component=component, space=prd, promoted_by=world.tess)
    for slug in ("fat", "uat"):
        make_success(order, world.spaces[slug], world.olli)
    snapshot = make_review(order, prd).snapshot
    primary = page(signed_in("dana"), order, "?panel=prd").context["primary"]
    (approved,) = [
        gate for gate in gates.deployment_gates(order, prd, snapshot=snapshot, deployer=None) if gate.code == "approved"
    ]
    assert (str(primary.ask), str(primary.who)) == (f"Ask {approved.who}", "Olli, Oskar") and not approved.is_open


def test_more_than_three_names_are_counted(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    names = ("dave", "tess", "otto")
    for name in names:
        Membership.objects.create(user=world.people[name], role="operations", project=world.project, reason="night")
    assert re.search(r"Ask \w+, \w+, \w+ \+\d", words(page(signed_in("uma"), order)))


def test_what_a_review_found_is_the_next_thing_to_read(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    for slug in ("fat", "uat"):
        Promotion.objects.create(order=order, component=component, space=world.spaces[slug], promoted_by=world.tess)
        review = make_review(order, world.spaces[slug])
        type(review).objects.filter(pk=review.pk).update(state="failed", snapshot=None, reason="quota")
        primary = page(signed_in("olli"), order, f"?panel={slug}").context["primary"]
        assert (str(primary.label), primary.url) == ("See the problems", f"/orders/{order.number}/review/fat/")
    tasks = signed_in("olli").get("/").context["work"].to_deploy.found
    assert [(str(task.act), task.url) for task in tasks] == [
        ("See the problems", f"/orders/{order.number}/review/{slug}/") for slug in ("fat", "uat")
    ]
    assert "Ask Olli, Oskar" in words(page(signed_in("dana"), order))


def test_a_tester_returns_it_beside_the_verdict(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    content = page(signed_in("tess"), order, "?panel=uat").content.decode()
    form = content.partition('class="choices')[2].partition("</fieldset>")[0]
    assert form.count('<label class="btn">') == 2 and f'href="/orders/{order.number}/close/return/"' in form


def test_the_call_of_the_primary_button_comes_first(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    content = page(signed_in("olli"), order).content.decode()
    assert "deployments/" in content.partition('id="api-calls"')[2].partition("</pre>")[0]
