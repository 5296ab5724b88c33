"""The order's page: lane, panels, forms that work without JavaScript, and parts for htmx."""

from __future__ import annotations

import html
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
from environments.models import Space
from foundation.runs.choices import RunState
from releases import transitions
from releases.logs.storage import append_log
from releases.models import Build, Comment, Deployment, Promotion, ReleaseOrder
from tests.cast import World
from tests.releases.pages.conftest import reviewed
from tests.releases.rows import build, make_built, make_order, make_success

SignIn = Callable[[str], Client]
HTMX = {"HX-Request": "true"}


def words(response: Any) -> str:
    """What a person reads, in one line."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))
    return re.sub(r"\s+", " ", text)


def queries_of(client: Client, path: str) -> int:
    """Of a page, or with ``part=`` of a piece of it, that was opened before."""
    client.get(path)
    with CaptureQueriesContext(connection) as caught:
        assert client.get(path, headers=HTMX if "part" in path else {}).status_code == 200
    return len(caught.captured_queries)


def page(client: Client, order: ReleaseOrder, query: str = "") -> Any:
    return client.get(f"/orders/{order.number}/{query}")


def test_an_outsider_and_a_wrong_number_get_the_same_404(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    outsider = page(signed_in("otto"), order)
    wrong = signed_in("dana").get("/orders/K8S20200101000000AA/")
    assert (outsider.status_code, wrong.status_code) == (404, 404)
    assert "There is no such order, or it is not yours to see." in words(outsider)
    assert "There is no such order, or it is not yours to see." in words(wrong)


def test_the_lane_puts_the_twin_beside_production(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    lane = page(signed_in("dana"), order).context["lane"]
    assert [[card.title for card in column] for column in lane.columns] == [["FAT"], ["UAT"], ["PRD", "DRP"]]
    assert lane.build.state == "none"
    assert str(lane.columns[0][0].closed.message) == "The order has no image yet: build it first."


def test_the_panel_that_opens_is_where_the_order_stands(world: World, component: Component, signed_in: SignIn) -> None:
    client = signed_in("dana")
    order = make_order(component, world.dana)
    assert page(client, order).context["panel"] == "build"
    built = make_built(component, world.dana)
    assert page(client, built).context["panel"] == "fat"
    make_success(built, world.spaces["fat"], world.olli)
    assert page(client, built).context["panel"] == "uat"
    assert page(client, built, "?panel=nowhere").context["panel"] == "uat"


@pytest.mark.security("forged-requests")
def test_every_page_is_read_without_a_write(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    deployment = make_success(order, world.spaces["fat"], world.olli)
    reviewed(order, world.spaces["uat"])
    client = signed_in("petra")
    paths = [f"/orders/{order.number}/?panel={panel}" for panel in ("build", "fat", "uat", "prd", "drp")]
    paths += [f"/orders/{order.number}/review/{slug}/" for slug in ("fat", "uat", "prd")]
    paths += [
        "/", "/orders/", f"/deployments/{deployment.pk}/", "/runtime/sis-omm/sis-omm-proxy-gw/fat/", "/search/?q=sis",
        "/admin/", f"/orders/{order.number}/close/return/", f"/orders/{order.number}/build/",
    ]  # fmt: skip
    for path in paths:
        with CaptureQueriesContext(connection) as caught:
            response = client.get(path)
        assert response.status_code == 200, path
        writes = [q["sql"] for q in caught.captured_queries if q["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")]
        assert writes == [], path


def test_a_greyed_button_says_why_and_who_can_clear_it(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    response = page(signed_in("dana"), order, "?panel=uat")
    assert "You may not do this in UAT. Who can clear it: Petra, Tess" in words(response)
    assert 'action="/orders/' + order.number + '/promote/uat/"' not in response.content.decode()
    tester = page(signed_in("tess"), order, "?panel=prd")
    assert "It has not succeeded in UAT yet." in words(tester)


@pytest.mark.security("links-that-run")
def test_a_promotion_needs_the_testers_word_and_keeps_what_was_typed(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_built(component, world.dana)
    make_success(order, world.spaces["fat"], world.olli)
    client = signed_in("tess")
    url = f"/orders/{order.number}/promote/uat/"
    refused = client.post(url, {"note": "looks good", "report_url": "javascript:alert(1)", "test_verdict": "passed"})
    assert refused.status_code == 400 and "looks good" in refused.content.decode()
    assert "The link to the report must begin with http:// or https://." in words(refused)
    assert client.post(url, {"note": "n"}).status_code == 400
    assert not Promotion.objects.filter(order=order).exists()
    accepted = client.post(url, {"note": "looks good", "test_verdict": "remarks"})
    assert accepted["Location"].endswith(f"/orders/{order.number}/?panel=uat")
    assert "passed with remarks" in words(client.get(accepted["Location"]))


def test_a_build_that_waits_says_for_what(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    row = build(order)
    client = signed_in("dana")
    assert "Waiting: The request is on its way to Jenkins." in words(page(client, order))
    Build.objects.filter(pk=row.pk).update(queue_why="All nodes of label ‘python’ are offline", phase="queued")
    assert "All nodes of label ‘python’ are offline" in words(page(client, order))
    # It runs in Jenkins, and has no agent there.
    why, ago = "Waiting for next available executor on ‘python’", timezone.now() - timedelta(minutes=3)
    Build.objects.filter(pk=row.pk).update(
        queue_why=why, queue_since=ago, phase="building", build_number=7, state="running"
    )
    said = words(page(client, order))
    assert f"Waiting: {why} since 3 min" in said
    (shown,) = client.get(f"/api/v1/orders/{order.number}/builds/").json()["items"]
    assert shown["queue_why"] == why and shown["queue_since"] is not None


def test_a_lost_contact_says_since_when_and_that_it_goes_on(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_order(component, world.dana)
    row = build(order)
    Build.objects.filter(pk=row.pk).update(state="running", contact_lost_since=timezone.now())
    said = words(page(signed_in("dana"), order))
    assert "No contact with Jenkins since" in said and "it goes on by itself when Jenkins is back" in said


@pytest.mark.security("hostile-logs")
def test_the_logs_end_is_in_the_page_as_harmless_text(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    row = build(order)
    text = "error: first\n" + "x\n" * 500 + "<script>alert(1)</script> \u202e\x1b]52;c;eA==\x07\nthe end\n"
    with transaction.atomic():
        Build.objects.filter(pk=row.pk).update(**append_log(row, text))
    response = page(signed_in("dana"), order)
    log, content = response.context["log"], response.content.decode()
    assert log.text.endswith("<script>alert(1)</script> ⟨U+202E⟩\nthe end") and log.first == 304
    assert "&lt;script&gt;alert(1)&lt;/script&gt; ⟨U+202E⟩" in content and "<script>alert(1)" not in content
    assert f'href="/api/v1/orders/{order.number}/builds/1/log/?raw=1"' in content
    assert (log.data["lines"], log.data["opens_at"], log.around) == (503, "end", "")
    with transaction.atomic():
        row.refresh_from_db()
        transitions.end_run(row, RunState.FAILED, actor=None)
    failed = page(signed_in("dana"), order).context["log"]
    # Where the end does not reach back to it, the first error is in the page too.
    assert failed.data["opens_at"] == "error" and failed.around.startswith("error: first\nx\n")


def test_a_log_that_is_all_read_opens_small(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    row = build(order)
    text = "".join(
        f"[Pipeline] stage\n[Pipeline] {{ ({name})\n" + "x\n" * 90 + "[Pipeline] // stage\n" for name in "AB"
    )
    stages = [{"name": "A", "state": "succeeded"}, {"name": "B", "state": "succeeded"}]
    with transaction.atomic():
        Build.objects.filter(pk=row.pk).update(**append_log(row, text), stages=stages)
        row.refresh_from_db()
        assert not page(signed_in("dana"), order).context["log"].is_short, "it grows"
        transitions.end_run(row, RunState.SUCCEEDED, actor=None)
    log = page(signed_in("dana"), order, "?panel=build").context["log"]
    assert log.is_short and log.data["opens_at"] == "start"


def test_the_live_part_has_the_panels_and_not_the_page(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    build(order)
    client = signed_in("dana")
    whole = page(client, order).content.decode()
    assert f'data-topic="order:{order.number},space:' in whole
    part = client.get(f"/orders/{order.number}/?panel=build&part=live&seen=1", headers=HTMX)
    text = part.content.decode()
    assert "<html" not in text and text.count('hx-swap-oob="true"') == 3
    assert "data-log-viewer" not in text, "the log grows by range and is never sent twice"
    outrun = client.get(f"/orders/{order.number}/?panel=build&part=live&seen=0", headers=HTMX).content.decode()
    assert "data-log-viewer" in outrun and "seen=1" in outrun, "a new attempt's log takes the old one's place"


def test_closing_asks_for_a_reason_where_one_is_needed(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    tester = signed_in("tess")
    url = f"/orders/{order.number}/close/return/"
    assert tester.post(url, {"reason": "  "}).status_code == 400
    assert tester.post(url, {"reason": "rounds the wrong way"}).status_code == 302
    order.refresh_from_db()
    assert (order.state, order.closed_reason) == ("closed", "returned")
    assert "rounds the wrong way" in words(page(signed_in("dana"), order))
    assert tester.get(f"/orders/{order.number}/close/explode/").status_code == 404


def test_a_refusal_is_a_page_with_its_message_and_the_person_to_ask(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_built(component, world.dana)
    denied = signed_in("uma").post(f"/orders/{order.number}/comment/", {"text": "x"})
    assert denied.status_code == 403 and re.search(r"Who may \w+, \w+", words(denied))
    again = signed_in("dana").post(f"/orders/{order.number}/build/", {"commit": ""})
    assert again.status_code == 409
    assert "The order has an image and is never built again: repeat it as a new order." in words(again)
    assert Comment.objects.count() == 0


@pytest.mark.security("hostile-logs")
def test_comments_are_escaped_and_can_be_read_alone(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    client = signed_in("dana")
    client.post(f"/orders/{order.number}/comment/", {"text": "<b>hot</b> fix"})
    response = page(client, order, "?activity=comments")
    assert "&lt;b&gt;hot&lt;/b&gt; fix" in response.content.decode()
    assert [event.message for event in response.context["events"]] == ["Comment"]


def test_the_dialog_builds_the_commit_that_it_showed(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    client = signed_in("dana")
    dialog = client.get(f"/orders/{order.number}/build/")
    # Nothing listens at the component's Git: the dialog says so and offers no start.
    assert "disabled" in dialog.content.decode() and "app.pyz" in words(dialog)
    bad = client.post(f"/orders/{order.number}/build/", {"commit": "zz"})
    assert bad.status_code == 400 and "A commit has 40 hexadecimal digits." in words(bad)
    commit = "ab" * 20
    assert client.post(f"/orders/{order.number}/build/", {"commit": commit}).status_code == 302
    order.refresh_from_db()
    assert (order.state, order.commit) == ("building", commit)
    frozen = client.get(f"/orders/{order.number}/build/")
    assert frozen.context["commit"] == commit and frozen.context["is_frozen"]


def test_a_failed_build_shows_its_cause_and_can_be_built_again(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_order(component, world.dana)
    row = build(order)
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=None, reason="build_failed", message="make: *** Error 2")
    response = page(signed_in("dana"), order)
    said = words(response)
    assert "Jenkins reports a failure" in said and "make: *** Error 2" in said
    assert str(response.context["primary"].label) == "Build again"
    assert "Stop the build" not in said


def test_what_a_check_found_stands_on_the_page(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    client = signed_in("tess")
    answer = client.post(f"/orders/{order.number}/check/")
    assert answer.status_code == 302
    said = words(page(client, order))
    assert "Jenkins: Jenkins has not started it yet" in said and "Registry: does not answer" in said


def test_a_repeat_comes_filled_in(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana, branch="release/3.2")
    ReleaseOrder.objects.filter(pk=order.pk).update(description="limits", changes_database=True)
    form = signed_in("dana").get(f"/orders/new/?repeat={order.number}").context["form"]
    assert form.initial["branch"] == "release/3.2" and form.initial["description"] == "limits"
    assert form.initial["component"] == "sis-omm/sis-omm-proxy-gw" and form.initial["changes_database"]


def test_a_new_order_with_git_away_says_so_and_makes_none(
    world: World, component: Component, signed_in: SignIn
) -> None:
    given = {"component": "sis-omm/sis-omm-proxy-gw", "branch": "master"}
    response = signed_in("dana").post("/orders/new/", given)
    assert response.status_code in (400, 503) and ReleaseOrder.objects.count() == 0
    mixed = signed_in("dana").post("/orders/new/", {**given, "component": "other/thing"})
    assert mixed.status_code == 400


def test_who_may_not_create_orders_sees_why(world: World, component: Component, signed_in: SignIn) -> None:
    response = signed_in("tess").get("/orders/new/")
    assert "You may not create orders in any project" in words(response)
    assert "data-new-order" not in response.content.decode()
    assert signed_in("otto").get("/orders/new/branches/?component=sis-omm/sis-omm-proxy-gw").status_code == 404
    assert signed_in("tess").get("/orders/new/branches/?component=sis-omm/sis-omm-proxy-gw").status_code == 403


def test_deploying_where_no_review_is_asked_is_one_act(
    world: World, component: Component, signed_in: SignIn, grant: Callable[[str, Space], None]
) -> None:
    order = make_built(component, world.dana)
    client = signed_in("dana")
    client.post(f"/orders/{order.number}/promote/fat/", {"note": ""})
    assert "Who can clear it:" in words(page(client, order, "?panel=fat"))
    grant("dana", world.spaces["fat"])
    answer = client.post(f"/orders/{order.number}/review/fat/deploy/")
    deployment = Deployment.objects.get(order=order)
    assert answer["Location"] == f"/deployments/{deployment.pk}/"
    said = words(client.get(answer["Location"]))
    assert "It waits for its review to finish." in said


@pytest.mark.security("forged-requests")
@pytest.mark.parametrize("path", ["check/", "comment/", "builds/1/stop/"])
def test_acts_are_posts(world: World, component: Component, signed_in: SignIn, path: str) -> None:
    order = make_order(component, world.dana)
    assert signed_in("dana").get(f"/orders/{order.number}/{path}").status_code == 405
    bare = Client(enforce_csrf_checks=True)
    bare.force_login(world.dana, backend="accounts.backends.PasswordBackend")
    assert bare.post(f"/orders/{order.number}/{path}").status_code == 403


def test_what_a_refused_form_leaves_behind_answers_in_another_language(
    world: World, component: Component, signed_in: SignIn
) -> None:
    """The language, the theme and a reload ask for the address at which the form was refused."""
    order = make_built(component, world.dana)
    review = reviewed(order, world.spaces["prd"])
    assert review.snapshot is not None
    client = signed_in("tess")
    refused = client.post(f"/orders/{order.number}/promote/uat/", {"test_verdict": "nonsense"})
    here = f"/orders/{order.number}/promote/uat/"
    assert refused.status_code == 400 and f'name="next" value="{here}"' in refused.content.decode()
    led = client.get(here)
    assert led.status_code == 302 and led["Location"] == f"/orders/{order.number}/?panel=uat"
    here = f"/orders/{order.number}/review/prd/"
    for path in (f"{here}deploy/", f"{here}decide/", f"/orders/{order.number}/reviews/{review.pk}/take-over/"):
        led = signed_in("olli").get(path)
        assert led.status_code == 302 and led["Location"] == here, path
        assert signed_in("otto").get(path).status_code == 404, path
