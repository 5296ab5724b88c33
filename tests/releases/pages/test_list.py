"""The release-order list: the original's columns, filters, keyset pages, and what it costs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Project
from components.models import Component
from releases.models import Build, ReleaseOrder
from tests.cast import World
from tests.patience import at_most
from tests.releases.rows import make_built, make_order, make_success

SignIn = Callable[[str], Client]
MOST_QUERIES = 12
COSTLY = re.compile(r"\bCOUNT\(|\bOFFSET\b", re.IGNORECASE)


def text_of(response: Any) -> str:
    """The words of a page, without tags."""
    html = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html)


def statements(client: Client, path: str) -> tuple[Any, list[str]]:
    """The answer to a GET and the SQL that it took, once the session knows which project is chosen."""
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as caught:
        response = client.get(path)
    return response, [query["sql"] for query in caught.captured_queries]


def many_orders(component: Component, world: World, count: int) -> None:
    """So many built orders: copies of one row, made by the database itself."""
    first = ReleaseOrder.objects.create(
        number="K8S20191231235959ZZ",
        component=component,
        project=component.project,
        branch="master",
        author=world.dana,
        state="built",
        image="127.0.0.1:9/sis-omm/proxy-gw",
        image_digest=f"sha256:{0:064x}",
    )
    columns = [field.column for field in ReleaseOrder._meta.concrete_fields if field.column not in ("id", "number")]
    names = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO releases_releaseorder (number, " + names + ") "
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %s) "
            "SELECT 'K8S' || (20200101000000 + i) || 'AA', " + names + " FROM n, releases_releaseorder WHERE id = %s",
            [count - 2, first.pk],
        )
    assert ReleaseOrder.objects.filter(branch="master").exclude(number="").count() >= count


def test_columns_are_the_originals_then_ours(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    html = signed_in("dana").get("/orders/").content.decode()
    columns = re.findall(r"<th>([^<]+)</th>", html)
    assert columns == [
        "Order number", "Component", "Branch", "User", "Last modified", "Build", "Environments", "Actions",
    ]  # fmt: skip
    assert order.number in html and "理财网关组件" in html and "Docker Done" in html


@pytest.mark.parametrize("query", ["", "?project=sis-omm&component=sis-omm-proxy-gw&state=built", "?text=K8S2020"])
def test_a_page_of_fifty_takes_at_most_twelve_queries(
    world: World, component: Component, signed_in: SignIn, query: str
) -> None:
    make_success(make_built(component, world.dana), world.spaces["fat"], world.dana)
    many_orders(component, world, 180)
    client = signed_in("dana")
    response, sql = statements(client, f"/orders/{query}")
    assert len(response.context["rows"]) == 50
    assert len(sql) <= MOST_QUERIES, "\n".join(sql)
    assert not COSTLY.findall(" ".join(sql))
    older = response.context["page"].next_cursor
    _response, sql = statements(client, f"/orders/?before={older}")
    assert len(sql) <= MOST_QUERIES and not COSTLY.findall(" ".join(sql))


@pytest.mark.slow
def test_the_same_from_a_hundred_thousand_orders(world: World, component: Component, signed_in: SignIn) -> None:
    many_orders(component, world, 100_000)
    client = signed_in("dana")
    for query in ("", "?state=built", "?before=50000", "?text=K8S20200101050000AA", "?project=sis-omm"):
        began = time.monotonic()
        response, sql = statements(client, f"/orders/{query}")
        seconds = time.monotonic() - began
        assert response.status_code == 200 and len(sql) <= MOST_QUERIES
        assert not COSTLY.findall(" ".join(sql))
        assert seconds < at_most(2), f"{query}: {seconds:.1f} s"


def test_pages_lead_to_older_and_back(world: World, component: Component, signed_in: SignIn) -> None:
    many_orders(component, world, 120)
    client = signed_in("dana")
    first = client.get("/orders/").context["page"]
    second = client.get(f"/orders/?before={first.next_cursor}").context["page"]
    third = client.get(f"/orders/?before={second.next_cursor}").context["page"]
    assert [len(page.items) for page in (first, second, third)] == [50, 50, 20]
    assert len({order.pk for page in (first, second, third) for order in page.items}) == 120
    back = client.get(f"/orders/?after={third.previous_cursor}").context["page"]
    assert [order.pk for order in back.items] == [order.pk for order in second.items]


def test_filters_narrow_the_list(world: World, component: Component, signed_in: SignIn) -> None:
    built, created = make_built(component, world.dana), make_order(component, world.dave, branch="feature/x")
    client = signed_in("dana")
    found = {
        query: {row.order.pk for row in client.get(f"/orders/?{query}").context["rows"]}
        for query in ("state=built", "author=dave", "text=feature", f"text={built.number}", "project=other", "")
    }
    assert found["state=built"] == {built.pk} == found[f"text={built.number}"]
    assert found["author=dave"] == {created.pk} == found["text=feature"]
    assert found["project=other"] == set() and found[""] == {built.pk, created.pk}
    assert "No order fits these filters" in text_of(client.get("/orders/?project=other"))


def test_outsiders_see_none_and_nobody_is_asked_to_sign_in(
    world: World, component: Component, signed_in: SignIn, client: Client
) -> None:
    order = make_order(component, world.dana)
    assert order.number not in signed_in("otto").get("/orders/").content.decode()
    answer = client.get("/orders/")
    assert answer.status_code == 302 and "/sign-in/" in answer["Location"]


def test_the_next_act_is_the_viewers(world: World, component: Component, signed_in: SignIn) -> None:
    def act(username: str) -> str:
        (row,) = signed_in(username).get("/orders/").context["rows"]
        return str(row.act.label)

    order = make_order(component, world.dana)
    assert (act("dana"), act("tess")) == ("Build", "Open")
    ReleaseOrder.objects.filter(pk=order.pk).delete()
    order = make_built(component, world.dana)
    assert (act("dana"), act("tess"), act("uma")) == ("Promote to FAT", "Promote to FAT", "Open")
    make_success(order, world.spaces["fat"], world.olli)
    assert (act("dana"), act("tess")) == ("Open", "Promote to UAT")
    signed_in("tess").post(f"/orders/{order.number}/promote/uat/", {"test_verdict": "passed"})
    assert (act("tess"), act("olli")) == ("Open", "Review for UAT")


def test_news_wait_for_a_click_and_rows_stay(world: World, component: Component, signed_in: SignIn) -> None:
    first = make_order(component, world.dana)
    client = signed_in("dana")
    page = client.get("/orders/")
    refresh = page.context["refresh"]
    make_order(component, world.dave)
    part = client.get(f"/orders/?{refresh}", headers={"HX-Request": "true"})
    assert [row.order.pk for row in part.context["rows"]] == [first.pk]
    assert "<html" not in part.content.decode()
    news = client.get(f"/orders/?part=news&newest={first.pk}", headers={"HX-Request": "true"})
    assert "1 new order" in text_of(news)


def test_a_row_shows_the_stage_that_failed(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_built(component, world.dana)
    stages = [
        {"name": "Prepare Git Code", "state": "succeeded", "duration_ms": 7000},
        {"name": "Build", "state": "failed", "duration_ms": 81000, "message": "exit code 2"},
    ]
    Build.objects.filter(order=order).update(state="failed", stages=stages)
    (row,) = signed_in("dana").get("/orders/").context["rows"]
    assert (row.build_state, row.build_word) == ("failed", "Build failed")
    assert [stage.state for stage in row.stages] == ["succeeded", "failed", "skipped", "skipped", "skipped"]


def test_every_project_is_offered_and_heard_of_however_many_components_there_are(
    signed_in: SignIn, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releases.presenters.list.MOST_CHOICES", 4)
    for number in range(30):
        project = Project.objects.create(organisation=world.project.organisation, slug=f"p-{number:02d}", name="P")
        for letter in "ab":
            Component.objects.create(project=project, name=f"{letter}-{number}", slug=f"{letter}-{number}")
    client = signed_in("ada")
    response = client.get("/orders/")
    offered = {slug for slug, _text, _chosen in response.context["choices"].projects}
    assert {f"p-{number:02d}" for number in range(30)} <= offered
    heard = set(response.context["topic"].split(","))
    assert {
        f"project:{pk}" for pk in Project.objects.filter(slug__startswith="p-").values_list("pk", flat=True)
    } <= heard
    assert response.context["choices"].components is None and "Choose a project first" in response.content.decode()
    within = client.get("/orders/?project=p-29").context["choices"]
    assert [slug for slug, _name, _chosen in within.components] == ["a-29", "b-29"]
    kept = client.get("/orders/?project=&component=a-3").context["choices"]
    assert kept.components == [("a-3", "a-3", True)], "what is chosen stays chosen"


def test_more_projects_than_a_socket_watches_are_asked_about_by_the_clock(
    signed_in: SignIn, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("releases.views.live_lists.MOST_TOPICS", 2)
    for number in range(3):
        project = Project.objects.create(organisation=world.project.organisation, slug=f"p-{number}", name="P")
        Component.objects.create(project=project, name="a", slug="a")
    client = signed_in("ada")
    page = client.get("/orders/").content.decode()
    assert page.count("every 15s") == 2 and page.count("clock=1") == 2
    rows = client.get("/orders/?part=rows&clock=1", headers={"HX-Request": "true"}).content.decode()
    assert "every 15s" in rows and "clock=1" in rows, "and goes on with it"


def test_mine_are_one_click_away(world: World, component: Component, signed_in: Callable[[str], Client]) -> None:
    own, _others = make_order(component, world.dana), make_order(component, world.dave)
    client = signed_in("dana")
    assert 'href="?author=dana"' in client.get("/orders/").content.decode()
    page = client.get("/orders/?author=dana")
    assert [row.order for row in page.context["rows"]] == [own]
    assert 'href="?author=dana" aria-current="true"' in page.content.decode()
