"""The list of what one was told: one's own alone, with the rights of the moment, in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from components.models import Component
from environments.models import Membership
from notifications.models import Notice, Telling
from notifications.services.preferences import save_preferences
from tests.cast import World
from tests.notifications.telling import tell
from tests.releases.pages.test_order import HTMX, words
from tests.releases.rows import make_built
from tests.releases.test_contact_deadline import run_once

SignIn = Callable[[str], Client]
pytestmark = pytest.mark.security("rights-on-every-way-in", "rights-that-ended")


@pytest.fixture
def notice(world: World, component: Component) -> Notice:
    """Dana was told that her order was built."""
    make_built(component, world.dana)
    tell()
    return Notice.objects.get(person=world.dana)


def ids(answer: object) -> list[int]:
    return [row["id"] for row in answer.json()["items"]]  # type: ignore[attr-defined]


def test_it_is_in_the_list_and_counted_in_the_head(notice: Notice, signed_in: SignIn) -> None:
    page = signed_in("dana").get("/notifications/")
    said = words(page)
    assert "was built" in said and "new" in said and notice.order and notice.order.short_name in said
    assert f'data-topic="me:{notice.person_id}"' in page.content.decode()
    head = signed_in("dana").get("/?part=count", headers=HTMX).content.decode()
    assert re.search(r'hx-swap-oob="innerHTML:#notice-count">\s*<span class="count">1<', head)
    assert ">1<" in signed_in("dana").get("/notifications/?part=count", headers=HTMX).content.decode()
    assert "You were told nothing yet" in words(signed_in("tess").get("/notifications/"))


def test_it_is_read_in_the_readers_language(notice: Notice, world: World, signed_in: SignIn) -> None:
    User.objects.filter(pk=world.dana.pk).update(language="zh-hans")
    assert "构建成功" in words(signed_in("dana").get("/notifications/"))


def test_it_is_marked_as_read_one_by_one_or_all_that_were_seen(
    notice: Notice, world: World, component: Component, signed_in: SignIn
) -> None:
    dana = signed_in("dana")
    make_built(component, world.dana)
    tell()
    newest = Notice.objects.filter(person=world.dana).latest("pk")
    assert ids(dana.get("/api/v1/notifications/?unread=true")) == [newest.pk, notice.pk]
    assert dana.post("/notifications/read/", {"up_to": notice.pk}).status_code == 302
    assert ids(dana.get("/api/v1/notifications/?unread=true")) == [newest.pk], "what came since is still new"
    assert dana.post(f"/notifications/{newest.pk}/read/", headers=HTMX).status_code == 204
    assert ids(dana.get("/api/v1/notifications/?unread=true")) == []
    assert len(ids(dana.get("/api/v1/notifications/"))) == 2
    assert "Nothing is unread" in words(dana.get("/notifications/?unread=1"))


def test_over_the_api_it_says_where_it_is_to_be_seen(notice: Notice, signed_in: SignIn) -> None:
    (row,) = signed_in("dana").get("/api/v1/notifications/").json()["items"]
    assert row["kind"] == "built" and row["url"].startswith("http") and row["url"].endswith(notice.path)
    assert (row["project"], row["read_at"]) == ("sis-omm", None)
    answer = signed_in("dana").post(f"/api/v1/notifications/{notice.pk}/read/")
    assert answer.status_code == 200 and answer.json()["read_at"]
    first = answer.json()["read_at"]
    again = signed_in("dana").post(f"/api/v1/notifications/{notice.pk}/read/").json()
    assert again["read_at"] == first, "it was read when it was read"
    all_read = signed_in("dana").post(
        "/api/v1/notifications/read/", {"up_to": notice.pk}, content_type="application/json"
    )
    assert all_read.json() == {"count": 0}


@pytest.mark.parametrize("how", ["another person", "a role that ended"])
def test_nobody_reads_what_is_not_theirs(notice: Notice, world: World, signed_in: SignIn, how: str) -> None:
    client = signed_in("tess" if how == "another person" else "dana")
    if how == "a role that ended":
        Membership.objects.filter(user=world.dana).delete()
    assert ids(client.get("/api/v1/notifications/")) == []
    assert client.post(f"/api/v1/notifications/{notice.pk}/read/").status_code == 404
    assert client.post(f"/notifications/{notice.pk}/read/").status_code == 404
    client.post("/notifications/read/", {"up_to": notice.pk})
    notice.refresh_from_db()
    assert notice.read_at is None
    assert "count" not in client.get("/notifications/?part=count", headers=HTMX).content.decode()


def test_a_rule_of_the_site_is_for_those_who_have_a_role_there(world: World, signed_in: SignIn) -> None:
    values = {"kind": "rule_change", "key": "rule_change:1", "message": "x", "path": "/", "at": timezone.now()}
    for name in ("ada", "dana"):
        Notice.objects.create(person=world.people[name], **values)
    assert len(ids(signed_in("ada").get("/api/v1/notifications/"))) == 1
    assert ids(signed_in("dana").get("/api/v1/notifications/")) == []


def test_many_cost_as_few_queries_as_one(notice: Notice, world: World, signed_in: SignIn) -> None:
    dana, counted = signed_in("dana"), []
    dana.get("/notifications/")
    for turn in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert dana.get("/notifications/").status_code == 200
        with CaptureQueriesContext(connection) as of_count:
            dana.get("/notifications/?part=count", headers=HTMX)
        counted.append((len(queries), len(of_count)))
        values = {"kind": "built", "project": world.project, "order": notice.order, "message": "x", "path": "/"}
        Notice.objects.bulk_create(
            Notice(person=world.dana, key=f"{turn} {n}", at=timezone.now(), **values) for n in range(120)
        )
    assert counted[0] == counted[1] and counted[0][1] <= 5
    assert "100+" in dana.get("/notifications/?part=count", headers=HTMX).content.decode()


def test_a_page_of_many_leads_on(notice: Notice, world: World, signed_in: SignIn) -> None:
    values = {"kind": "built", "project": world.project, "message": "x", "path": "/", "at": timezone.now()}
    Notice.objects.bulk_create(Notice(person=world.dana, key=f"n{n}", **values) for n in range(60))
    dana = signed_in("dana")
    first = dana.get("/api/v1/notifications/").json()
    assert len(first["items"]) == 50 and first["next"]
    assert len(ids(dana.get(f"/api/v1/notifications/?before={first['next']}"))) == 11
    assert "before=" in dana.get("/notifications/").content.decode()


def test_old_ones_go(notice: Notice) -> None:
    Notice.objects.create(
        person=notice.person, kind="built", key="old", message="x", path="/", at=timezone.now() - timedelta(days=91)
    )
    Telling.objects.update(tidied_at=timezone.now() - timedelta(hours=2), next_at=timezone.now())
    for _ in range(2):
        run_once("telling", Telling.objects.get().pk)
    assert list(Notice.objects.all()) == [notice]


# ---------------------------------------------------------------- what a browser shows
def shown(client: Client, after: int | None) -> list[int]:
    answer = client.get("/notifications/browser/" + ("" if after is None else f"?after={after}"))
    assert answer.headers["Cache-Control"] == "no-store"
    return [row["id"] for row in answer.json()["notices"]]


def test_a_browser_shows_what_is_new_in_the_kinds_chosen_for_it(
    notice: Notice, world: World, signed_in: SignIn
) -> None:
    dana = signed_in("dana")
    assert shown(dana, 1) == [], "of what was built it shows nothing unless it is chosen"
    save_preferences(actor=world.dana, ways={"built": ["browser"]})
    assert shown(dana, None) == [] and dana.get("/notifications/browser/").json()["newest"] == notice.pk
    make_built(notice.order.component, world.dana)  # type: ignore[union-attr]
    tell()
    newest = Notice.objects.filter(person=world.dana).latest("pk")
    assert shown(dana, notice.pk) == [newest.pk]
    (row,) = dana.get(f"/notifications/browser/?after={notice.pk}").json()["notices"]
    assert row["path"] == newest.path and row["text"].endswith("was built")
    assert shown(dana, newest.pk) == []
    assert dana.get("/notifications/browser/?after=x").status_code == 400


@pytest.mark.parametrize("how", ["read", "old", "a role that ended", "another person"])
def test_a_browser_shows_nothing_late_and_nothing_of_others(
    notice: Notice, world: World, signed_in: SignIn, how: str
) -> None:
    save_preferences(actor=world.dana, ways={"built": ["browser"]})
    client = signed_in("tess" if how == "another person" else "dana")
    Notice.objects.create(
        person=world.dana, kind="built", key="x", project=world.project, message="x", path="/", at=timezone.now()
    )
    assert bool(shown(client, notice.pk)) == (how != "another person")
    if how == "read":
        Notice.objects.update(read_at=timezone.now())
    elif how == "old":
        Notice.objects.update(at=timezone.now() - timedelta(minutes=11))
    else:
        Membership.objects.filter(user=world.dana).delete()
    assert shown(client, notice.pk) == []
