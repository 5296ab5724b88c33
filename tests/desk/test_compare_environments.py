"""Two environments side by side: what differs, in which order, at what cost, and promoting what lies behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from components.models import Allocation, Component, ConfigVersion, ScalingRule, TemplateVersion
from environments.models import Space
from releases.models import Deployment, Placement, Promotion, ReleaseOrder, Snapshot
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success

SignIn = Callable[[str], Client]
HTMX = {"HX-Request": "true"}
PATH = "/compare/?project=sis-omm&from=fat&to=uat"
DETAILS = f"{PATH}&open=sis-omm-proxy-gw"


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def lines(response: Any) -> list[Any]:
    found: list[Any] = response.context["found"].lines
    return found


def codes(response: Any) -> list[str]:
    return [line.code for line in lines(response)]


def serve(order: ReleaseOrder, world: World, *slugs: str) -> None:
    for slug in slugs:
        make_success(order, world.spaces[slug], world.olli)


def change_snapshot(component: Component, space: Space, **values: Any) -> Snapshot:
    """Of what serves there."""
    found = Deployment.objects.get(pk=Placement.objects.get(component=component, space=space).last_succeeded_id)
    Snapshot.objects.filter(pk=found.snapshot_id).update(**values)
    assert found.snapshot is not None
    return found.snapshot


def configure(world: World, component: Component, slug: str, number: int = 1, **values: Any) -> ConfigVersion:
    made = ConfigVersion.objects.create(
        component=component, environment=world.environments[slug], number=number, **values
    )
    change_snapshot(component, world.spaces[slug], config=made)
    return made


@pytest.fixture
def both(world: World, component: Component) -> ReleaseOrder:
    """One order that serves in FAT and in UAT."""
    order = make_built(component, world.dana)
    serve(order, world, "fat", "uat")
    return order


# ---------------------------------------------------------------- which two
def test_without_a_choice_production_is_compared_with_what_it_follows(
    world: World, component: Component, signed_in: SignIn
) -> None:
    pair = signed_in("dana").get("/compare/").context["pair"]
    assert (pair.left.environment.slug, pair.right.environment.slug) == ("uat", "prd")
    pair = signed_in("dana").get("/compare/?to=drp").context["pair"]
    assert pair.left.environment.slug == "prd", "a twin is compared with its sibling"
    pair = signed_in("dana").get("/compare/?from=prd").context["pair"]
    assert pair.right.environment.slug != "prd"


@pytest.mark.parametrize("query", ["project=no-such", "project=sis-omm&to=no-such", "project=sis-omm&from=no-such"])
def test_what_is_not_there_is_not_found(world: World, signed_in: SignIn, query: str) -> None:
    assert signed_in("dana").get(f"/compare/?{query}").status_code == 404


def test_an_outsider_sees_nothing_of_a_project(world: World, both: ReleaseOrder, signed_in: SignIn) -> None:
    client = signed_in("otto")
    assert client.get(PATH).status_code == 404
    page = client.get("/compare/")
    assert page.status_code == 200 and "No project to show" in words(page) and "SIS-OMM" not in words(page)


def test_one_environment_is_not_compared_with_itself(world: World, both: ReleaseOrder, signed_in: SignIn) -> None:
    page = signed_in("dana").get("/compare/?project=sis-omm&from=uat&to=uat")
    assert "An environment is the same as itself" in words(page)


# ---------------------------------------------------------------- what differs
def test_what_is_the_same_is_folded(world: World, both: ReleaseOrder, signed_in: SignIn) -> None:
    make_component(world, "SIS-OMM-NEW")
    client = signed_in("dana")
    page = client.get(PATH)
    counts = page.context["found"].counts
    assert (counts.differ, counts.same, counts.nowhere, counts.total) == (0, 1, 1, 2)
    assert "1 component is the same in both" in words(page) and "1 component serves in neither." in words(page)
    assert "SIS-OMM-PROXY-GW" in words(page) and codes(page) == []
    assert codes(client.get(f"{PATH}&differs=none")) == ["PROXY-GW"]


def test_what_lies_behind_comes_first_then_other_versions_then_the_rest(
    world: World, both: ReleaseOrder, signed_in: SignIn
) -> None:
    ahead, alone, other = (make_component(world, f"SIS-OMM-{name}") for name in ("AHEAD", "ALONE", "OTHER"))
    older = make_built(ahead, world.dana)
    serve(older, world, "fat", "uat")
    serve(make_built(ahead, world.dana), world, "uat")
    serve(make_built(alone, world.dana), world, "fat")
    serve(make_built(other, world.dana), world, "fat", "uat")
    configure(world, other, "uat", env=[{"name": "A", "value": "1"}])
    first, second = (make_built(both.component, world.dana) for _n in range(2))
    serve(first, world, "fat")
    serve(second, world, "fat")
    page = signed_in("dana").get(PATH)
    assert codes(page) == ["ALONE", "PROXY-GW", "AHEAD", "OTHER"]
    assert [(line.is_behind, line.distance) for line in lines(page)] == [(True, 0), (True, 2), (False, 1), (False, 0)]
    text = words(page)
    assert "2 orders behind" in text and "UAT is 1 order ahead" in text and "same order" in text
    assert page.context["found"].counts.by_kind == {
        "version": 3, "configuration": 1, "allocation": 0, "template": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("left", "right", "chip"),
    [
        ([{"name": "A", "value": "1"}], [{"name": "A", "value": "2"}], "configuration 1"),
        ([{"name": "A", "value": "1"}, {"name": "B", "value": "1"}], [], "configuration 2"),
        ([{"name": "A", "secret": "s", "key": "k"}], [{"name": "A", "secret": "s", "key": "l"}], "configuration 1"),
        (
            [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
            [{"name": "B", "value": "1"}, {"name": "A", "value": "1"}],
            "order of variables",
        ),
        ([{"name": "A", "value": "1"}], [{"name": "A", "value": "1"}], None),
        ([], None, None),
        (None, None, None),
        ([{"name": "A", "value": ""}], None, "configuration 1"),
    ],
)  # fmt: skip
def test_a_configuration_is_unlike(
    world: World, both: ReleaseOrder, signed_in: SignIn, left: Any, right: Any, chip: str | None
) -> None:
    for slug, env in (("fat", left), ("uat", right)):
        if env is not None:
            configure(world, both.component, slug, env=env)
    page = signed_in("dana").get(PATH)
    assert [str(one) for line in lines(page) for one in line.chips] == ([chip] if chip else [])


def test_files_amounts_rules_and_templates_are_unlike(world: World, both: ReleaseOrder, signed_in: SignIn) -> None:
    component, uat = both.component, world.environments["uat"]
    configure(world, component, "fat", files={"a.ini": "one\ntwo\n"})
    configure(world, component, "uat", files={"a.ini": "one\nthree\n"})
    amounts = {"cpu_request": 100, "cpu_limit": 200, "memory_request": 2**26, "memory_limit": 2**27}
    allocation = Allocation.objects.create(component=component, environment=uat, number=2, replicas=7, **amounts)
    rule = ScalingRule.objects.create(
        component=component, environment=uat, number=1, is_on=True, minimum=2, maximum=8, cpu_percent=70,
        scale_up_seconds=0, scale_down_seconds=300,
    )  # fmt: skip
    old = TemplateVersion.objects.get(template__name="prism-python-deployment.yaml")
    new = TemplateVersion.objects.create(template=old.template, number=2, body="kind: Deployment\nspec: {}\n")
    change_snapshot(
        component, world.spaces["uat"], allocation=allocation, scaling_rule=rule, deployment_template=new
    )  # fmt: skip
    page = signed_in("dana").get(DETAILS)
    (line,) = lines(page)
    assert [str(chip) for chip in line.chips] == ["files", "template", "allocation", "scaling rule"]
    assert line.kinds == ["configuration", "allocation", "template"]
    text = words(page)
    assert "a.ini" in text and "Replicas 2 7" in text and "+spec: {}" in text
    assert "prism-python-deployment.yaml v1 · v2" in text
    for kind in ("configuration", "allocation", "template"):
        assert codes(signed_in("dana").get(f"{PATH}&differs={kind}")) == ["PROXY-GW"]
    assert codes(signed_in("dana").get(f"{PATH}&differs=version")) == []


def test_no_value_of_a_secret_is_shown(world: World, both: ReleaseOrder, signed_in: SignIn) -> None:
    """Neither one that a Secret holds, which nobody here knows, nor one that was saved past the checks."""
    configure(world, both.component, "fat", env=[{"name": "DB_PASSWORD", "value": "hunter2-fat"},
                                                 {"name": "API_TOKEN", "secret": "api", "key": "one"}])  # fmt: skip
    configure(world, both.component, "uat", env=[{"name": "DB_PASSWORD", "value": "hunter2-uat"},
                                                 {"name": "API_TOKEN", "secret": "api", "key": "two"}])  # fmt: skip
    page = signed_in("dana").get(DETAILS)
    assert "hunter2" not in page.content.decode() and "differs, never shown" in words(page)
    assert "Secret api/one" in words(page)
    answer = signed_in("dana").get("/api/v1/projects/sis-omm/comparison/?left=fat&right=uat&component=sis-omm-proxy-gw")
    assert "hunter2" not in answer.content.decode()
    hidden = {row["name"]: row["is_hidden"] for row in answer.json()["components"][0]["details"]["configuration"]}
    assert hidden == {"DB_PASSWORD": True, "API_TOKEN": False}


def test_one_row_opens_and_keeps_its_tick(world: World, both: ReleaseOrder, signed_in: SignIn) -> None:
    newer = make_built(both.component, world.dana)
    serve(newer, world, "fat")
    row = signed_in("tess").get(f"{DETAILS}&part=row&component=sis-omm-proxy-gw&orders={newer.number}", headers=HTMX)
    html = row.content.decode()
    assert html.strip().startswith("<tbody") and "checked" in html and 'aria-expanded="true"' in html
    closed = signed_in("tess").get(f"{PATH}&part=row&component=sis-omm-proxy-gw", headers=HTMX).content.decode()
    assert "checked" not in closed and 'aria-expanded="false"' in closed
    assert signed_in("tess").get(f"{PATH}&part=row&component=no-such", headers=HTMX).status_code == 404


def test_commits_are_read_when_a_row_is_open_and_never_before(
    world: World, both: ReleaseOrder, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def read(_component: Component, old: str, new: str, **_how: Any) -> Any:
        asked.append((old, new))
        from components.live_reads import CommitList

        return CommitList((), "Git is away")

    monkeypatch.setattr("components.live_reads.commits_between", read)
    newer = make_built(both.component, world.dana)
    serve(newer, world, "uat")
    ReleaseOrder.objects.filter(pk=newer.pk).update(commit="f" * 40)
    client = signed_in("dana")
    client.get(DETAILS)
    assert asked == []
    part = client.get(f"{DETAILS}&part=commits", headers=HTMX)
    assert asked == [(both.commit, "f" * 40)], "from the older of the two to the newer, whichever side that is on"
    assert "Git is away" in words(part)
    assert "Git is away" in words(client.get(f"{DETAILS}&commits=1"))


def test_what_happens_meanwhile_announces_itself_and_moves_nothing(
    world: World, both: ReleaseOrder, signed_in: SignIn
) -> None:
    client = signed_in("dana")
    seen = client.get(PATH).context["seen"]
    assert "Something changed here" not in words(client.get(f"{PATH}&part=news&seen={seen}", headers=HTMX))
    serve(make_built(both.component, world.dana), world, "fat")
    assert "Something changed here" in words(client.get(f"{PATH}&part=news&seen={seen}", headers=HTMX))


# ---------------------------------------------------------------- promote
def behind(world: World, *names: str) -> list[ReleaseOrder]:
    """Components of which UAT has an order that production has not."""
    orders = []
    for name in names:
        order = make_built(make_component(world, f"SIS-OMM-{name}"), world.dana)
        serve(order, world, "fat", "uat")
        orders.append(order)
    return orders


def promote(client: Client, *orders: ReleaseOrder, **more: str) -> Any:
    given = {"from": "uat", "test_verdict": "passed", "orders": [order.number for order in orders], **more}
    return client.post("/promote/sis-omm/prd/", given)


def test_ticked_orders_go_on_through_the_same_gates(world: World, signed_in: SignIn) -> None:
    good, ticketless, closed = behind(world, "A", "B", "C")
    Space.objects.filter(pk=world.spaces["prd"].pk).update(change_ticket_required=True)
    ReleaseOrder.objects.filter(pk__in=[good.pk, closed.pk]).update(change_ticket="CHG-1")
    client = signed_in("tess")
    page = client.get("/compare/?project=sis-omm&from=uat&to=prd")
    states = {line.code: line.onward.state for line in lines(page)}
    assert states == {"A": "ready", "B": "blocked", "C": "ready"}
    assert "PRD asks for a change ticket" in words(page)
    ReleaseOrder.objects.filter(pk=closed.pk).update(state="closed", closed_reason="returned")
    answer = promote(client, good, ticketless, closed, note="tonight")
    assert answer.status_code == 200
    assert [one.is_promoted for one in answer.context["sent"].outcomes] == [True, False, False]
    text = words(answer)
    assert "1 of 3 orders promoted to PRD" in text and "asks for a change ticket" in text and "was returned" in text
    held = Promotion.objects.get(state="current", space=world.spaces["prd"])
    assert (held.order, held.promoted_by, held.test_verdict, held.note) == (good, world.tess, "passed", "tonight")
    refused = AuditEvent.objects.filter(outcome="refused").order_by("pk")
    assert [row.object_name for row in refused] == [ticketless.number, closed.number]


def test_what_was_promoted_says_by_whom(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    promote(signed_in("tess"), order)
    page = signed_in("petra").get("/compare/?project=sis-omm&from=uat&to=prd")
    assert [line.onward.state for line in lines(page)] == ["promoted"] and "Tess ·" in words(page)
    again = promote(signed_in("petra"), order)
    assert again.status_code == 409 and "Tess has promoted this order to PRD already." in words(again)
    assert Promotion.objects.filter(space=world.spaces["prd"]).count() == 1


def test_who_may_not_is_told_whom_to_ask(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    page = signed_in("dana").get("/compare/?project=sis-omm&from=uat&to=prd")
    assert [line.onward.state for line in lines(page)] == ["ask"] and re.search(
        "Ask [^<]*Petra[^<]*Tess|Ask [^<]*Tess[^<]*Petra", words(page)
    )
    assert 'name="orders"' not in page.content.decode()
    assert promote(signed_in("dana"), order).status_code == 403
    assert promote(signed_in("otto"), order).status_code == 404
    assert not Promotion.objects.filter(space=world.spaces["prd"]).exists()


def test_an_author_sends_only_their_own_where_authors_may(world: World, signed_in: SignIn) -> None:
    own = make_built(make_component(world, "SIS-OMM-OWN"), world.dana)
    others = make_built(make_component(world, "SIS-OMM-OTHERS"), world.dave)
    answer = signed_in("dana").post("/promote/sis-omm/fat/", {"orders": [own.number, others.number]})
    assert answer.status_code == 200
    assert [one.is_promoted for one in answer.context["sent"].outcomes] == [True, False]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"test_verdict": ""}, "Say whether it passed, or passed with remarks."),
        ({"orders": []}, "Tick at least one order."),
        ({"orders": [f"K8S{number}" for number in range(51)]}, "At most 50 orders at once."),
    ],
)
def test_what_does_not_fit_is_said_and_what_was_ticked_stays(
    world: World, signed_in: SignIn, change: dict[str, Any], said: str
) -> None:
    (order,) = behind(world, "A")
    answer = promote(signed_in("tess"), order, **{"note": "tonight", **change})
    assert answer.status_code == 400 and said in words(answer)
    html = answer.content.decode()
    assert 'value="tonight"' in html
    if "orders" not in change:
        assert re.search(rf'value="{order.number}"[^>]*checked', html)
    assert not Promotion.objects.filter(space=world.spaces["prd"]).exists()


def test_two_orders_of_one_component_do_not_go_at_once(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    other = make_built(order.component, world.dana)
    answer = promote(signed_in("tess"), order, other)
    assert answer.status_code == 400 and "Two of these orders are of one component" in words(answer)


def test_an_address_that_the_form_leaves_behind_answers(world: World, signed_in: SignIn) -> None:
    answer = signed_in("tess").get("/promote/sis-omm/prd/")
    assert answer.status_code == 302 and answer["Location"] == "/compare/?project=sis-omm&to=prd"


# ---------------------------------------------------------------- the API
def test_the_api_says_the_same(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    client = signed_in("tess")
    found = client.get("/api/v1/projects/sis-omm/comparison/").json()
    (item,) = found["components"]
    assert (found["left"], found["right"], found["total"], found["differ"], found["next_start"]) == (
        "uat", "prd", 1, 1, None,
    )  # fmt: skip
    assert item["left"]["order"] == order.number and item["right"]["order"] is None and item["details"] is None
    assert item["differs"] == ["version"] and item["promotion"]["state"] == "ready"
    body = {"orders": [order.number, "K8S20200101000000ZZ"], "test_verdict": "remarks"}
    path = "/api/v1/projects/sis-omm/spaces/prd/promotions/"
    answer = client.post(path, body, content_type="application/json")
    assert answer.status_code == 200
    good, missing = answer.json()["items"]
    assert good["is_promoted"] and good["promotion"] == Promotion.objects.get(space=world.spaces["prd"]).pk
    assert missing["code"] == "missing" and not missing["is_promoted"]
    refused = client.post(path, {**body, "orders": []}, content_type="application/json")
    assert refused.status_code == 400 and "orders" in refused.json()["fields"]
    assert client.get("/api/v1/projects/sis-omm/comparison/?left=uat&right=uat").status_code == 400
    assert signed_in("otto").get("/api/v1/projects/sis-omm/comparison/").status_code == 404


# ---------------------------------------------------------------- what it costs
def fill(world: World, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        component = make_component(world, f"SIS-OMM-C{number:03}")
        old, new = make_built(component, world.dana), make_built(component, world.dana)
        serve(old, world, "fat", "uat")
        serve(new, world, "fat")
        configure(world, component, "uat", env=[{"name": "A", "value": "1"}])


def test_queries_do_not_grow_with_components(world: World, signed_in: SignIn) -> None:
    client = signed_in("tess")

    def cost() -> int:
        with CaptureQueriesContext(connection) as found:
            assert client.get(PATH).status_code == 200
        return len(found)

    fill(world, 2)
    cost()  # The first one notes that the session is in use.
    few = cost()
    fill(world, 8, start=2)
    assert cost() == few <= 20


def test_three_thousand_components_come_by_the_page(world: World, both: ReleaseOrder, signed_in: SignIn) -> None:
    serve(make_built(both.component, world.dana), world, "fat")
    snapshot = Snapshot.objects.order_by("pk").first()
    made = Component.objects.bulk_create(
        Component(project=world.project, name=f"C{n:04}", slug=f"c{n:04}") for n in range(3000)
    )
    orders = ReleaseOrder.objects.bulk_create(
        ReleaseOrder(number=f"K8S{20260000000000 + n}AA", component=one, project=world.project, branch="master",
                     author=world.dana, state="built", image_digest="sha256:1") for n, one in enumerate(made)
    )  # fmt: skip
    deployed = Deployment.objects.bulk_create(
        Deployment(order=order, component_id=order.component_id, space=world.spaces["fat"], deployed_by=world.olli,
                   state="succeeded", nonce="1", snapshot=snapshot) for order in orders
    )  # fmt: skip
    Placement.objects.bulk_create(
        Placement(component_id=row.component_id, space_id=row.space_id, last_succeeded=row) for row in deployed
    )
    client = signed_in("tess")
    with CaptureQueriesContext(connection) as found:
        page = client.get(PATH)
    assert len(found) <= 21 and page.context["found"].counts.differ == 3001
    seen, start = codes(page), page.context["found"].more
    for _page in range(2):
        page = client.get(f"{PATH}&start={start}")
        seen += codes(page)
        start = page.context["found"].more
    assert len(seen) == len(set(seen)) == 150 and seen == sorted(seen) and start
    last = client.get(f"{PATH}&start=0/c2999")
    assert codes(last) == ["PROXY-GW"] and not last.context["found"].more


def test_links_of_a_page_that_a_form_left_lead_back(world: World, signed_in: SignIn) -> None:
    (order,) = behind(world, "A")
    answer = promote(signed_in("tess"), order)
    links = re.findall(r'href="([^"]*)\?project=', answer.content.decode().partition("<main")[2])
    assert set(links) == {"/compare/"}
