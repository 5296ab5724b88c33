"""The report of a project for a period: what it counts and who reads it, as a page, as a file and over the API."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Project
from components.models import Component
from desk.report import Period, Report, read_report
from desk.report.period import last_month, usual_periods
from environments.access import Rights
from environments.models import Membership
from environments.services.spaces import edit_policy
from foundation.problems import Denied, Invalid, Missing
from releases.events import append_event, record_act
from releases.models import Approval, BreakGlass, Deployment, ReleaseOrder, Snapshot
from releases.services.break_glass import open_break_glass
from tests.cast import World
from tests.desk.test_figures import built, deployed, noon
from tests.environments.test_api import Caller
from tests.releases.pages.test_order import words
from tests.releases.rows import make_review

SignIn = Callable[[str], Client]
TODAY = date(2026, 12, 2)


def this_week() -> Period:
    today = timezone.localdate()
    return Period(today - timedelta(days=6), today)


def report(world: World, name: str = "petra", period: Period | None = None) -> Report:
    return read_report(Rights(world.people[name]), world.project, period or this_week())


def address(kind: str = "") -> str:
    query = "&".join(f"{name}={day}" for name, day in this_week().query.items())
    return f"/report/sis-omm/{kind}?{query}"


# ------------------------------------------------------------------ days
@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"since": "2026-11-01"}, "until"),
        ({"until": "2026-11-01"}, "since"),
        ({"since": "yesterday", "until": "2026-11-01"}, "since"),
        ({"since": "2026-11-31", "until": "2026-12-01"}, "since"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "until"),
        ({"since": "2025-10-27", "until": "2026-12-01"}, "until"),
    ],
)
def test_days_that_make_no_period_are_refused_by_name(given: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Period.read(given)
    assert list(refused.value.fields) == [field]


def test_the_usual_periods() -> None:
    assert last_month(date(2026, 1, 15)) == Period(date(2025, 12, 1), date(2025, 12, 31))
    assert [period for _name, period in usual_periods(TODAY)] == [
        Period(date(2026, 11, 1), date(2026, 11, 30)),
        Period(date(2026, 12, 1), TODAY),
        Period(date(2026, 7, 1), date(2026, 9, 30)),
        Period(date(2026, 1, 1), TODAY),
    ]
    assert usual_periods(date(2026, 2, 3))[2][1] == Period(date(2025, 10, 1), date(2025, 12, 31))
    assert Period.read({"since": "2025-10-29", "until": "2026-12-02"}), "400 days"


# ------------------------------------------------------------------ what is counted
def test_orders_that_came_to_production(world: World, component: Component) -> None:
    first, second, old = (built(component, world, days_ago=days, seconds=0) for days in (3, 2, 30))
    review = make_review(first, world.spaces["prd"])
    assert review.snapshot is not None
    yes = Approval.objects.create(
        snapshot=review.snapshot, order=first, component=component, space=world.spaces["prd"], state="given",
        by=world.petra,
    )  # fmt: skip
    Approval.objects.filter(pk=yes.pk).update(created_at=noon(2.5))
    deployed(first, world, "prd", days_ago=2, snapshot=review.snapshot)
    deployed(first, world, "drp", days_ago=1)
    deployed(second, world, "prd", days_ago=1, state="failed")
    deployed(old, world, "prd", days_ago=20)
    deployed(old, world, "prd", days_ago=0, kind="roll_back")
    found = report(world)
    (row,) = found.released.items
    assert (row.order, row.seconds, row.approvers) == (first, 86_400, [world.petra])
    totals = found.totals
    assert (totals.created, totals.released, totals.lead.median) == (2, 1, 86_400)
    assert (totals.deployed, totals.failed, totals.rolled_back, totals.automatic) == (2, 1, 1, 0)
    later = report(world, period=Period(timezone.localdate(), timezone.localdate()))
    assert (later.totals.released, later.totals.rolled_back) == (0, 1), "each day counts for itself"


def test_a_consent_that_came_after_the_deployment_is_none(world: World, component: Component) -> None:
    order = built(component, world, days_ago=3)
    review = make_review(order, world.spaces["prd"])
    assert review.snapshot is not None
    deployed(order, world, "prd", days_ago=1, snapshot=review.snapshot)
    for by, state in ((world.petra, "given"), (world.otto, "rejected")):
        Approval.objects.create(
            snapshot=review.snapshot, order=order, component=component, space=world.spaces["prd"], state=state, by=by
        )  # fmt: skip
    assert report(world).released.items[0].approvers == []


def test_closed_orders_by_reason(world: World, component: Component) -> None:
    for reason in ("returned", "returned", "done", ""):
        order = built(component, world, days_ago=1)
        if reason:
            ReleaseOrder.objects.filter(pk=order.pk).update(state="closed", closed_reason=reason)
        append_event(order.pk, "order.closed")
    assert report(world).totals.closed == {"returned": 2, "done": 1}, "who was opened again is not closed"


def test_changes_of_rules_with_before_and_after(world: World, signed_in: SignIn) -> None:
    edit_policy(actor=world.petra, space=world.spaces["fat"], settle_seconds=3)
    found = report(world)
    assert [event.verb for event in found.rules.items] == ["space.policy_changed"]
    assert report(world, period=Period(TODAY - timedelta(days=900), TODAY - timedelta(days=600))).rules.items == []
    body = words(signed_in("petra").get(address()))
    assert "policy changed" in body and "0 → 3" in body


def test_exceptions(world: World, component: Component) -> None:
    order = built(component, world, days_ago=3)
    Membership.objects.create(
        user=world.olli, role="break_glass", project=world.project, environment=world.environments["prd"], reason="x"
    )  # fmt: skip
    glass = open_break_glass(
        actor=world.olli, order=order, space=world.spaces["prd"], reason="trading stands still", minutes=60
    )
    review = make_review(order, world.spaces["prd"])
    assert review.snapshot is not None
    Snapshot.objects.filter(pk=review.snapshot.pk).update(take_over={"by": "olli", "reason": "stuck", "fields": []})
    taken = deployed(order, world, "prd", days_ago=1, snapshot=review.snapshot)
    automatic = deployed(order, world, "prd", days_ago=1, kind="roll_back", is_automatic=True)
    record_act(
        order, "deployment.released", world.petra, subject=taken, space=world.spaces["prd"], data={}, reason="it hangs"
    )
    found = report(world)
    assert [row.pk for row in found.break_glasses.items] == [glass.pk]
    assert [row.pk for row in found.taken_over.items] == [taken.pk]
    assert [row.pk for row in found.automatic.items] == [automatic.pk]
    assert [(event.actor_name, event.reason) for event in found.forced.items] == [("Petra", "it hangs")]


def test_who_approved_whose_orders(world: World, component: Component) -> None:
    order = built(component, world, days_ago=3)
    for kind, by in (("given", world.petra), ("given", world.petra), ("rejected", world.petra), ("given", world.otto)):
        append_event(order.pk, f"approval.{kind}", actor=by)
    pairs = [(one.approver.username, one.author.username, one.given, one.rejected) for one in report(world).pairs]
    assert pairs == [("petra", "dana", 2, 1), ("otto", "dana", 1, 0)]


def test_another_project_is_not_in_it(world: World, component: Component) -> None:
    other = Project.objects.create(organisation=world.organisation, slug="other", name="x", name_en="x")
    order = built(component, world, days_ago=1)
    deployed(order, world, "prd", days_ago=1)
    found = read_report(Rights(world.people["ada"]), other, this_week())
    assert (found.totals.created, found.totals.deployed, found.released.items, found.pairs) == (0, 0, [], [])


# ------------------------------------------------------------------ who reads it, and where
READERS = {"petra", "ada", "uma"}


def test_who_reads_it(world: World) -> None:
    for name, person in world.people.items():
        try:
            read_report(Rights(person), world.project, this_week())
        except (Denied, Missing):
            assert name not in READERS, name
        else:
            assert name in READERS, name


def test_an_archived_project_is_still_reported(world: World) -> None:
    world.project.is_archived = True
    world.project.save(update_fields=["is_archived"])
    assert report(world).totals.created == 0


def test_the_file_has_what_the_page_has(world: World, component: Component, signed_in: SignIn) -> None:
    order = built(component, world, days_ago=3, seconds=0)
    deployed(order, world, "prd", days_ago=2)
    BreakGlass.objects.create(
        order=order, space=world.spaces["prd"], reason="=HYPERLINK(1)", opened_by=world.olli, opened_at=noon(1),
        ends_at=noon(0),
    )  # fmt: skip
    client = signed_in("uma")
    answer = client.get(address("export/"))
    assert "report-sis-omm-" in answer["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {line["what"]: line["value"] for line in lines if line["section"] == "totals"}["orders_released"] == "1"
    (released,) = (line for line in lines if line["section"] == "released")
    assert (released["order"], released["value"], released["who"]) == (order.number, "86400", "olli")
    (glass,) = (line for line in lines if line["section"] == "break_glass")
    assert (glass["reason"], glass["what"]) == ("'=HYPERLINK(1)", "not reviewed")
    page = words(client.get(address()))
    assert order.number in page and "not reviewed yet" in page and "=HYPERLINK(1)" in page


def test_the_api_says_the_same(world: World, component: Component) -> None:
    order = built(component, world, days_ago=3, seconds=0)
    deployed(order, world, "prd", days_ago=2)
    query = this_week().query
    body = Caller(world, "petra")(
        "get", f"projects/sis-omm/report/?since={query['since']}&until={query['until']}"
    ).json()
    assert body["totals"]["orders_released"] == 1 and body["released"][0]["lead_time"] == 86_400
    assert body["has_more"] == [] and body["since"] == query["since"]
    assert Caller(world, "dana")("get", "projects/sis-omm/report/").status_code == 403
    wrong = Caller(world, "petra")("get", "projects/sis-omm/report/?since=x&until=2026-01-01")
    assert wrong.status_code == 400 and "since" in wrong.json()["fields"]


def test_it_takes_as_many_queries_for_many(world: World, component: Component) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            report(world)
        return len(caught)

    first = cost()
    for number in range(4):
        order = built(component, world, days_ago=3, seconds=number)
        review = make_review(order, world.spaces["prd"], salt=str(number))
        deployed(order, world, "prd", days_ago=2, snapshot=review.snapshot)
        append_event(order.pk, "approval.given", actor=world.petra)
    many = cost()
    assert Deployment.objects.count() == 4 and many <= first + 2 and many <= 30, (first, many)


def test_the_project_page_leads_there_for_who_may_read(world: World, signed_in: SignIn) -> None:
    for name, is_there in (("petra", True), ("dana", False)):
        page = signed_in(name).get("/projects/sis-omm/").content.decode()
        assert ('href="/report/sis-omm/"' in page) is is_there, name


def test_a_page_says_what_is_wrong_with_the_days(world: World, signed_in: SignIn) -> None:
    for kind in ("", "export/"):
        answer = signed_in("petra").get(f"/report/sis-omm/{kind}?since=31.11.2026&until=2026-12-01")
        assert answer.status_code == 400 and "Write a day such as 2026-11-30." in words(answer)
