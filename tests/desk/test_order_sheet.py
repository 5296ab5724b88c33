"""The order sheet as page and API: true for an order in every state, in few queries, for who sees the order."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.chain import seal_events
from audit.models import AuditEvent
from desk.selectors.audit import with_links
from environments.services.spaces import edit_policy
from foundation.runs.choices import RunState
from releases import transitions
from releases.choices import DeploymentKind
from releases.models import Deployment, ReleaseOrder
from releases.services import approvals, orders, promotions
from releases.services.break_glass import end_break_glass, review_break_glass
from tests.cast import World, browse
from tests.releases.rows import build, make_built, make_component, make_order, make_review, make_success
from tests.releases.test_break_glass import break_it, deploy, finish, hold

pytestmark = pytest.mark.django_db
MOST_QUERIES = 30


def released(world: World) -> ReleaseOrder:
    """To production, by five people."""
    order = make_built(make_component(world), world.dana)
    promotions.promote(actor=world.dana, order=order, space=world.spaces["fat"])
    make_success(order, world.spaces["fat"], world.olli)
    promotions.promote(
        actor=world.tess, order=order, space=world.spaces["uat"], test_verdict="passed",
        note="600 a second", report_url="https://qa.example/8841",
    )  # fmt: skip
    make_success(order, world.spaces["uat"], world.olli)
    promotions.promote(actor=world.tess, order=order, space=world.spaces["prd"], test_verdict="passed")
    review = make_review(order, world.spaces["prd"])
    approvals.approve(actor=world.oskar, snapshot=review.snapshot, comment="differences read")
    make_success(order, world.spaces["prd"], world.olli)
    seal_events()
    return order


def sheet(world: World, order: ReleaseOrder, name: str = "uma", language: str = "en") -> dict[str, Any]:
    answer = browse(world, name).get(f"/api/v1/orders/{order.number}/sheet/", headers={"Accept-Language": language})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def lines(found: dict[str, Any], name: str) -> list[str]:
    return next(row["lines"] for clause in found["clauses"] for row in clause["facts"] if row["name"] == name)


def page(world: World, order: ReleaseOrder, name: str = "uma") -> str:
    answer = browse(world, name).get(f"/orders/{order.number}/sheet/")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_it_says_who_did_what_by_which_rules_with_what_result(world: World) -> None:
    order = released(world)
    found = sheet(world, order)
    assert [clause["number"] for clause in found["clauses"]] == ["3.03", "3.05", "4.01", "4.02", "4.03", "4.04"]
    assert lines(found, "duties") == [
        "created Dana · built Dana · promoted Dana, Tess · approved Oskar · deployed Olli"
    ]
    assert "PRD · Oskar · given" in lines(found, "approvals")[0] and "differences read" in lines(found, "approvals")[0]
    assert lines(found, "four_eyes") == ["PRD: approvers, makers and deployers are different people"]
    assert lines(found, "image_digest") == [order.image_digest]
    assert [line.split()[0] for line in lines(found, "deployments")] == ["FAT", "UAT", "PRD"]
    assert all("Succeeded" in line for line in lines(found, "deployments"))
    assert any(line.endswith("approved and deployed alike") for line in lines(found, "snapshots"))
    assert "Approvals needed: 1" in lines(found, "policy")[2]
    assert len(lines(found, "policy_then")) == 3 and all(
        line.endswith("as today") for line in lines(found, "policy_then")
    )
    assert lines(found, "reports") == ["https://qa.example/8841"]
    assert lines(found, "rule_changes") == lines(found, "roll_backs") == []


def test_each_act_stands_with_its_link_of_the_chain(world: World) -> None:
    order = released(world)
    rows = sheet(world, order)["audit"]
    assert all(row["sequence"] and len(row["mac"]) == 64 for row in rows)
    kept = with_links(AuditEvent.objects.filter(object_name=order.number, verb="approval.given")).get()
    assert (kept.sequence, kept.mac) in {(row["sequence"], row["mac"]) for row in rows}
    orders.finish_order(actor=world.dana, order=order, reason="")
    last = sheet(world, order)["audit"][-1]
    assert (last["sequence"], last["mac"]) == (None, None)
    assert "not sealed yet" in page(world, order)


def test_its_hash_changes_with_what_happens_and_not_with_the_language(world: World) -> None:
    order = released(world)
    first = sheet(world, order)["hash"]
    assert sheet(world, order, "dana", "zh-Hans")["hash"] == first
    there = order.promotions.get(space=world.spaces["prd"])
    promotions.withdraw_promotion(actor=world.tess, promotion=there, reason="")
    assert sheet(world, order)["hash"] != first


def test_a_rule_that_changed_on_the_way_is_there(world: World) -> None:
    order = released(world)
    edit_policy(actor=world.petra, space=world.spaces["prd"], reason="stricter", approvals=2)
    edit_policy(actor=world.petra, space=world.spaces["prd"], reason="year-end", approvals=1)
    stricter, looser = sorted(lines(sheet(world, order), "rule_changes"), key=lambda line: "1 → 2" not in line)
    assert "PRD" in stricter and "Petra" in stricter
    assert "waits for a second person" in looser and "2 → 1" in looser


def test_each_deployment_stands_with_the_rules_of_its_moment_beside_todays(world: World) -> None:
    order = released(world)
    first = sheet(world, order)["hash"]
    edit_policy(actor=world.petra, space=world.spaces["prd"], reason="stricter", approvals=2, approval_hours=8)
    found = sheet(world, order)
    then, today = lines(found, "policy_then")[2], lines(found, "policy")[2]
    assert then.startswith("PRD · deploy · ") and "Approvals needed: 1" in then and "Approvals needed: 2" in today
    assert then.endswith("since then Approvals needed: 1 → 2, Approvals expire after (hours): never → 8")
    assert found["hash"] == first, "what was in force then is what the sheet proves"
    Deployment.objects.filter(order=order).update(policy={})
    assert lines(sheet(world, order), "policy_then")[2].endswith("the rules of that moment were not recorded")


def test_break_glass_and_its_review_stand_under_the_emergency_plan(world: World) -> None:
    hold(world, "olli")
    order = make_built(make_component(world), world.dana)
    row = break_it(world, order)
    finish(deploy(world, order))
    (said,) = lines(sheet(world, order), "break_glass")
    assert said.startswith("PRD · Olli · ") and "trading stands still" in said and said.endswith("not reviewed yet")
    before = sheet(world, order)["hash"]
    end_break_glass(actor=world.olli, row=row)
    review_break_glass(actor=world.petra, row=row, comment="a good reason")
    (said,) = lines(sheet(world, order), "break_glass")
    assert "ended by Olli" in said and "deployed under it: deploy" in said and "reviewed by Petra" in said
    assert said.endswith("a good reason")
    assert any("by break-glass of Olli" in line for line in lines(sheet(world, order), "exceptions"))
    assert sheet(world, order)["hash"] != before


def test_somebody_who_acted_twice_is_named(world: World) -> None:
    order = released(world)
    order.builds.update(started_by=world.olli)
    assert lines(sheet(world, order), "four_eyes") == ["PRD: Olli acted twice"]


def test_a_roll_back_stands_with_the_order_that_it_went_back_to(world: World) -> None:
    first = released(world)
    second = make_built(first.component, world.dana)
    make_success(second, world.spaces["prd"], world.olli)
    back = make_success(first, world.spaces["prd"], world.olli)
    Deployment.objects.filter(pk=back.pk).update(kind=DeploymentKind.ROLL_BACK)
    assert f"→ {first.number}" in lines(sheet(world, second), "roll_backs")[0]
    assert lines(sheet(world, second), "back_to")[0].startswith(f"PRD · {first.number}")
    assert len(lines(sheet(world, first), "roll_backs")) == 1


def closed(world: World) -> ReleaseOrder:
    order = make_order(make_component(world), world.dana)
    orders.withdraw_order(actor=world.dana, order=order, reason="no need")
    return order


def failed(world: World) -> ReleaseOrder:
    order = make_order(make_component(world), world.dana)
    transitions.end_run(build(order), RunState.FAILED, actor=None, reason="build_failed")
    return order


STATES: dict[str, Callable[[World], ReleaseOrder]] = {
    "created": lambda world: make_order(make_component(world), world.dana),
    "build failed": failed,
    "built": lambda world: make_built(make_component(world), world.dana),
    "withdrawn": closed,
    "released": released,
}


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_a_sheet_in_a_bounded_number_of_queries(world: World, state: str) -> None:
    order = STATES[state](world)
    client = browse(world, "uma")
    for path in (f"/orders/{order.number}/sheet/", f"/api/v1/orders/{order.number}/sheet/"):
        client.get(path)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(path).status_code == 200
        assert len(seen.captured_queries) <= MOST_QUERIES, len(seen.captured_queries)
    assert order.number in page(world, order)


@pytest.mark.security("rights-on-every-way-in")
def test_it_is_for_everybody_who_sees_the_order_and_the_auditor(world: World) -> None:
    order = released(world)
    for name in ("dana", "tess", "olli", "petra", "uma", "ada"):
        assert "Order sheet" in page(world, order, name)
    for path in (f"/orders/{order.number}/sheet/", f"/api/v1/orders/{order.number}/sheet/"):
        assert browse(world, "otto").get(path).status_code == 404
    answer = browse(world, "dana").get(f"/orders/{order.number}/")
    assert f'href="/orders/{order.number}/sheet/"' in answer.content.decode()
