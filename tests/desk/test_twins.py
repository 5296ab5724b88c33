"""Production and its twin: what is out of line, in all projects and in one, and aligning the twin in one act."""

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

from accounts.choices import Scope
from accounts.models import Project
from accounts.services import create_token
from audit.models import AuditEvent
from components.models import Allocation, Component
from environments.models import Membership, Space
from releases.locks import lock_placement
from releases.models import Deployment, Promotion, ReleaseOrder, Snapshot, Turn
from releases.placing import create_deployment
from releases.services import approvals
from releases.services.schedules import withdraw_schedule
from tests.cast import World
from tests.desk.test_compare_environments import configure, serve, words
from tests.releases.rows import make_built, make_component, make_review
from tests.releases.test_schedules import plan

SignIn = Callable[[str], Client]
PATH = "/twins/sis-omm/drp/"
API = "/api/v1/projects/sis-omm/spaces/drp"


def behind(world: World, *names: str, word: str = "passed") -> list[ReleaseOrder]:
    """Components of which production serves an order that its twin has not."""
    orders = []
    for name in names:
        order = make_built(make_component(world, f"SIS-OMM-{name}"), world.dana)
        serve(order, world, "fat", "uat", "prd")
        Promotion.objects.create(
            order=order, component=order.component, space=world.spaces["prd"], promoted_by=world.tess,
            test_verdict=word, state="replaced", ended_at=timezone.now(),
        )  # fmt: skip
        orders.append(order)
    return orders


def lines(page: Any) -> list[Any]:
    found: list[Any] = page.context["lines"]
    return found


def standings(page: Any) -> dict[str, str]:
    return {one.line.code: one.standing.state for one in lines(page)}


def align(client: Client, *values: str, **more: Any) -> Any:
    return client.post(f"{PATH}align/", {"orders": list(values), **more})


def reviewed(order: ReleaseOrder, world: World, salt: str = "") -> Snapshot:
    """Reviewed in the twin, as its worker leaves it."""
    snapshot = make_review(order, world.spaces["drp"], salt=salt).snapshot
    assert snapshot is not None
    return snapshot


# ---------------------------------------------------------------- what is out of line
def test_the_list_has_every_component_that_differs_in_more_than_amounts(world: World, signed_in: SignIn) -> None:
    late, same, other = behind(world, "LATE", "SAME", "OTHER")
    serve(same, world, "drp")
    serve(other, world, "drp")
    configure(world, other.component, "drp", env=[{"name": "A", "value": "1"}])
    page = signed_in("dana").get("/twins/")
    found = page.context["found"]
    assert [(line.code, line.kinds) for line in found.lines] == [("LATE", ["version"]), ("OTHER", ["configuration"])]
    assert (found.lines[0].left, found.lines[0].right) == (late.number, "")
    (pair,) = found.pairs
    assert (pair.counts.out_of_line, pair.counts.total, pair.is_in_line) == (2, 3, False)
    text = words(page)
    assert "2 components out of line" in text and "nothing serves in DRP" in text
    assert [line.code for line in signed_in("dana").get("/twins/?differs=configuration").context["found"].lines] == [
        "OTHER"
    ]


def test_amounts_alone_are_no_difference(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    serve(order, world, "drp")
    allocation = Allocation.objects.get(component=order.component, environment=world.environments["drp"], number=1)
    Allocation.objects.filter(pk=allocation.pk).update(replicas=1)
    page = signed_in("dana").get("/twins/")
    assert page.context["found"].lines == [] and "Nothing is out of line" in words(page)
    shown = signed_in("dana").get(f"{PATH}?differs=allocation")
    (item,) = [one for one in lines(shown)[0].items if one.code == "allocation"]
    assert not item.is_unlike and item.left.startswith("2 ·") and item.right.startswith("1 ·")


def test_a_project_of_others_is_not_in_the_list(world: World, signed_in: SignIn) -> None:
    behind(world, "A")
    page = signed_in("otto").get("/twins/")
    assert page.status_code == 200 and "No twins to show" in words(page)
    assert signed_in("otto").get(PATH).status_code == 404
    assert signed_in("otto").get("/api/v1/twins/").json()["components"] == []
    assert signed_in("otto").get(f"{API}/twin/").status_code == 404
    assert signed_in("dana").get("/twins/sis-omm/prd/").status_code == 404, "production is no twin"


def test_one_component_is_laid_side_by_side_what_differs_first(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    serve(order, world, "drp")
    configure(world, order.component, "prd", env=[{"name": "A", "value": "1"}, {"name": "CACHE", "value": "9"}])
    configure(world, order.component, "drp", env=[{"name": "A", "value": "1"}])
    newer = make_built(order.component, world.dana)
    serve(newer, world, "prd")
    (one,) = lines(signed_in("dana").get(PATH))
    unlike = [item.is_unlike for item in one.items]
    assert unlike == sorted(unlike, reverse=True) and any(unlike) and not all(unlike)
    by_code = {item.code: item for item in one.items}
    assert by_code["version"].is_unlike and str(by_code["version"].word) == "orders behind: 1"
    assert by_code["digest"].is_unlike and newer.image_digest in by_code["digest"].title
    assert not by_code["pods"].is_unlike


def test_a_missing_variable_is_named_and_no_value_is(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    serve(order, world, "drp")
    configure(world, order.component, "prd", env=[{"name": "QUOTE_CACHE", "value": "hunter2"}])
    configure(world, order.component, "drp", env=[])
    page = signed_in("dana").get(PATH)
    assert "DRP lacks QUOTE_CACHE" in words(page) and "hunter2" not in page.content.decode()


# ---------------------------------------------------------------- aligning
def test_a_tester_promotes_with_the_word_that_was_given_for_production(world: World, signed_in: SignIn) -> None:
    first, second = behind(world, "A", "B", word="remarks")
    client = signed_in("tess")
    assert standings(client.get(PATH)) == {"A": "promote", "B": "promote"}
    answer = align(client, first.number, second.number, note="tonight")
    assert answer.status_code == 200
    assert [one.result for one in answer.context["sent"].outcomes] == ["promoted", "promoted"]
    text = words(answer)
    assert "2 of 2 orders went on to DRP" in text and "0 of 1 approvals." in text and "Who can clear it: " in text
    held = Promotion.objects.filter(space=world.spaces["drp"], state="current")
    assert {(row.order_id, row.test_verdict, row.note) for row in held} == {
        (first.pk, "remarks", "tonight"), (second.pk, "remarks", "tonight"),
    }  # fmt: skip
    assert not Deployment.objects.filter(space=world.spaces["drp"]).exists(), "nobody approved it, or has a review"


def test_who_deploys_deploys_what_was_promoted_reviewed_and_approved(world: World, signed_in: SignIn) -> None:
    ready, unapproved = behind(world, "A", "B")
    align(signed_in("tess"), ready.number, unapproved.number)
    for order in (ready, unapproved):
        reviewed(order, world)
    approvals.approve(actor=world.oskar, snapshot=reviewed(ready, world))
    client = signed_in("olli")
    page = client.get(PATH)
    assert standings(page) == {"A": "deploy", "B": "waits"}
    assert "0 of 1 approvals." in words(page)
    (value,) = re.findall(r'name="orders" value="([^"]+)"', page.content.decode())
    assert value.startswith(f"{ready.number}@")
    answer = align(client, value, unapproved.number)
    assert [one.result for one in answer.context["sent"].outcomes] == ["deploying", "unchanged"]
    deployment = Deployment.objects.get(space=world.spaces["drp"])
    assert (deployment.order, deployment.deployed_by) == (ready, world.olli)
    assert standings(client.get(PATH))["A"] == "running"
    again = align(client, value)
    assert again.status_code == 409 and "is deploying order" in words(again)
    assert Deployment.objects.filter(space=world.spaces["drp"]).count() == 1


def test_what_is_scheduled_says_its_time_and_asks_nobody(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    align(signed_in("tess"), order.number)
    approvals.approve(actor=world.oskar, snapshot=reviewed(order, world))
    assert standings(signed_in("tess").get(PATH)) == {"A": "ask"}
    row = plan(world, order, place="drp")
    page = signed_in("tess").get(PATH)
    assert standings(page) == {"A": "waits"} and "scheduled for 20" in words(page) and "Ask Olli" not in words(page)
    page = signed_in("olli").get(PATH)
    assert standings(page) == {"A": "deploy"} and "scheduled for 20" in words(page), "deploying it now stays possible"
    withdraw_schedule(actor=world.olli, row=row)
    assert "scheduled for 20" not in words(signed_in("olli").get(PATH))


def test_gates_hold_for_each_and_leave_the_others_alone(world: World, signed_in: SignIn) -> None:
    good, ticketless = behind(world, "A", "B")
    ReleaseOrder.objects.filter(pk=good.pk).update(change_ticket="CHG-1")
    Space.objects.filter(pk=world.spaces["drp"].pk).update(change_ticket_required=True)
    answer = align(signed_in("tess"), good.number, ticketless.number)
    assert [one.result for one in answer.context["sent"].outcomes] == ["promoted", "refused"]
    assert "DRP asks for a change ticket" in words(answer)
    refused = AuditEvent.objects.filter(outcome="refused").get()
    assert (refused.object_name, refused.environment) == (ticketless.number, "drp")


def test_what_production_serves_no_more_is_refused(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    serve(make_built(order.component, world.dana), world, "prd")
    answer = align(signed_in("tess"), order.number)
    assert answer.status_code == 409 and "PRD serves another order by now" in words(answer)
    assert not Promotion.objects.filter(space=world.spaces["drp"]).exists()


def test_a_review_that_is_not_the_latest_deploys_nothing(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    align(signed_in("tess"), order.number)
    old = reviewed(order, world)
    newer = reviewed(order, world, salt="newer")
    approvals.approve(actor=world.oskar, snapshot=newer)
    answer = align(signed_in("olli"), f"{order.number}@{old.hash[:12]}")
    assert answer.status_code == 409 and "A newer review has replaced what you saw" in words(answer)
    assert not Deployment.objects.filter(space=world.spaces["drp"]).exists()


def test_where_no_review_is_asked_one_act_promotes_and_deploys(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    Space.objects.filter(pk=world.spaces["drp"].pk).update(asks_review=False, approvals=0, four_eyes=False)
    Membership.objects.create(user=world.tess, role="operations", project=world.project, granted_by=world.petra)
    answer = align(signed_in("tess"), order.number)
    assert [one.result for one in answer.context["sent"].outcomes] == ["deploying"]


def test_another_deployment_there_makes_it_wait_its_turn(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    align(signed_in("tess"), order.number)
    snapshot = reviewed(order, world)
    approvals.approve(actor=world.oskar, snapshot=snapshot)
    other = make_built(order.component, world.dana)
    review = make_review(other, world.spaces["drp"])
    with transaction.atomic():
        place = lock_placement(other, world.spaces["drp"])
        create_deployment(other, world.spaces["drp"], place, actor=world.olli, snapshot=review.snapshot, review=review)
    answer = align(signed_in("olli"), f"{order.number}@{snapshot.hash}")
    assert [one.result for one in answer.context["sent"].outcomes] == ["waiting"]
    assert Turn.objects.get().order == order


@pytest.mark.parametrize(("who", "status"), [("dana", 403), ("uma", 403), ("otto", 404)])
def test_who_may_neither_promote_nor_deploy_is_refused(world: World, signed_in: SignIn, who: str, status: int) -> None:
    (order,) = behind(world, "A")
    page = signed_in(who).get(PATH)
    if page.status_code == 200:
        assert 'name="orders"' not in page.content.decode() and standings(page) == {"A": "ask"}
    assert align(signed_in(who), order.number).status_code == status
    assert not Promotion.objects.filter(space=world.spaces["drp"]).exists()


def test_who_only_deploys_is_told_who_promotes(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    answer = align(signed_in("olli"), order.number)
    assert answer.status_code == 403 and not Promotion.objects.filter(space=world.spaces["drp"]).exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [([], "Tick at least one order."), ([f"K8S{number}" for number in range(51)], "At most 50 orders at once.")],
)
def test_a_list_that_does_not_fit_is_said(world: World, signed_in: SignIn, values: list[str], said: str) -> None:
    behind(world, "A")
    answer = align(signed_in("tess"), *values)
    assert answer.status_code == 400 and said in words(answer)


def test_an_address_that_the_form_leaves_behind_answers(world: World, signed_in: SignIn) -> None:
    answer = signed_in("tess").get(f"{PATH}align/")
    assert answer.status_code == 302 and answer["Location"] == PATH


# ---------------------------------------------------------------- the API
def test_the_api_says_and_does_the_same(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    client = signed_in("tess")
    listed = client.get("/api/v1/twins/").json()
    assert listed["pairs"][0] | {"by_kind": None} == {
        "project": "sis-omm", "sibling": "prd", "twin": "drp", "total": 1, "out_of_line": 1, "by_kind": None,
        "readiness": "unchecked",
    }  # fmt: skip
    assert [row["component"] for row in listed["components"]] == ["sis-omm-a"] and listed["next_start"] == ""
    (found,) = client.get(f"{API}/twin/").json()["components"]
    assert (found["sibling_order"], found["twin_order"], found["state"]) == (order.number, None, "promote")
    answer = client.post(f"{API}/alignments/", {"orders": [order.number]}, content_type="application/json")
    (item,) = answer.json()["items"]
    assert (item["result"], item["code"]) == ("promoted", None) and item["promotion"]
    assert [gate["code"] for gate in item["missing"]] == ["approved"]
    wrong = client.post("/api/v1/projects/sis-omm/spaces/prd/alignments/", {"orders": [order.number]},
                        content_type="application/json")  # fmt: skip
    assert wrong.status_code == 400


@pytest.mark.parametrize("scopes", [[Scope.DEPLOY], [Scope.PROMOTE]])
def test_a_token_needs_both_scopes(world: World, scopes: list[str]) -> None:
    (order,) = behind(world, "A")

    def post(having: list[str]) -> Any:
        _token, secret = create_token(actor=world.tess, name="ci", scopes=having, lifetime=timedelta(days=1))
        headers = {"Authorization": f"Bearer {secret}"}
        return Client().post(
            f"{API}/alignments/", {"orders": [order.number]}, content_type="application/json", headers=headers
        )

    assert post(scopes).status_code == 403
    assert post([Scope.DEPLOY, Scope.PROMOTE]).status_code == 200


# ---------------------------------------------------------------- what it costs
def test_queries_grow_neither_with_components_nor_with_projects(world: World, signed_in: SignIn) -> None:
    client = signed_in("tess")

    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(path).status_code == 200
        return len(found)

    (first,) = behind(world, "A")
    align(client, first.number)
    reviewed(first, world)
    cost("/twins/")
    few = {path: cost(path) for path in ("/twins/", PATH)}
    for order in behind(world, "B", "C", "D", "E"):
        align(client, order.number)
        reviewed(order, world)
    behind(world, "F", "G")
    another = Project.objects.create(organisation=world.organisation, slug="sis-two", name="Two")
    for slug in ("prd", "drp"):
        Space.objects.create(
            project=another, environment=world.environments[slug], cluster=world.cluster, namespace=f"sis-two-{slug}"
        )
    Membership.objects.create(user=world.tess, role="tester", project=another, granted_by=world.petra)
    Component.objects.create(project=another, name="X", slug="sis-two-x")
    assert cost("/twins/") <= few["/twins/"] <= 15
    assert cost(PATH) <= few[PATH] + 6 <= 45, "orders that nobody promoted yet are asked of the gates besides"


def test_the_list_comes_by_the_page(world: World, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.twins.listing.PAGE", 2)
    behind(world, "A", "B", "C", "D", "E")
    seen, start = [], ""
    for _page in range(3):
        found = signed_in("dana").get(f"/twins/?start={start}").context["found"]
        seen += [line.code for line in found.lines]
        start = found.more
    assert seen == ["A", "B", "C", "D", "E"] and start == ""
