"""What a person chose to be told, by which way and of which orders, and when their night is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from components.models import Component
from environments.models import Membership
from foundation.problems import Missing
from notifications.choices import NoticeKind, Way, ways_by_default
from notifications.models import Mute, Notice, Preferences
from notifications.night import end_of_night
from notifications.selectors.preferences import own_mutes
from notifications.services.preferences import mute, save_preferences, unmute
from tests.cast import World
from tests.environments.test_who_may import other_project
from tests.notifications.telling import tell, told
from tests.releases.pages.test_order import words
from tests.releases.rows import make_built, make_order

SignIn = Callable[[str], Client]
SHANGHAI = User(username="x", time_zone="Asia/Shanghai")


def test_a_kind_that_is_not_wanted_is_told_to_nobody_else_less(world: World, component: Component) -> None:
    save_preferences(actor=world.dana, ways={"built": []})
    make_built(component, world.dana, builder=world.dave)
    assert told(world) == {"built": {"dave"}}


def test_who_chose_nothing_is_told_of_every_kind_and_mailed_what_is_asked() -> None:
    row = Preferences()
    assert all(Way.LIST in row.ways_of(kind) for kind in NoticeKind.values)
    assert row.ways_of("approval") == ["list", "browser", "mail"] and row.ways_of("built") == ["list"]


def test_a_way_besides_the_list_brings_the_list(world: World) -> None:
    row = save_preferences(actor=world.dana, ways={"built": ["mail"], "deployed": ["list", "mail", "browser"]})
    assert row.ways["built"] == ["list", "mail"] and row.ways["deployed"] == ["list", "browser", "mail"]
    assert save_preferences(actor=world.dana, ways={"built": []}).ways_of("deployed") == ["list", "browser", "mail"]


def test_the_page_shows_and_keeps_the_choice(world: World, signed_in: SignIn) -> None:
    dana = signed_in("dana")
    page = dana.get("/me/notifications/").content.decode()
    assert page.count('type="checkbox"') == len(NoticeKind) * len(Way) + 1
    assert page.count("checked") == sum(len(ways_by_default(kind)) for kind in NoticeKind.values)
    sent = {"ways": ["built:mail", "approval:list"], "night_from": "21:30", "night_until": "06:00", "has_digest": "on"}
    assert dana.post("/me/notifications/", sent).status_code == 302
    row = Preferences.objects.get(person=world.dana)
    assert row.ways_of("built") == ["list", "mail"] and row.ways_of("approval") == ["list"]
    assert row.ways_of("returned") == [] and (row.has_digest, row.night_from) == (True, time(21, 30))
    assert dana.get("/me/notifications/").content.decode().count("checked") == 4
    answer = dana.post("/me/notifications/", sent | {"ways": ["no-such-kind:list"]})
    assert answer.status_code == 400
    assert dana.post("/me/notifications/", sent | {"night_from": "at dusk"}).status_code == 400


def test_over_the_api_what_is_left_out_stays(world: World, signed_in: SignIn) -> None:
    dana = signed_in("dana")
    shown = dana.get("/api/v1/me/notifications/").json()
    assert shown["ways"]["approval"] == ["list", "browser", "mail"] and shown["night_from"] == "22:00"
    assert not Preferences.objects.exists(), "reading makes no row"

    def patch(body: object) -> object:
        return dana.patch("/api/v1/me/notifications/", body, content_type="application/json")

    answer = patch({"ways": {"built": ["mail"]}, "has_digest": True}).json()  # type: ignore[attr-defined]
    assert answer["ways"]["built"] == ["list", "mail"] and answer["has_digest"] is True
    assert patch({"night_until": "05:00"}).json()["ways"]["built"] == ["list", "mail"]  # type: ignore[attr-defined]
    for wrong in ({"ways": {"no-such-kind": []}}, {"ways": {"built": ["pigeon"]}}, {"nights": 1}):
        assert patch(wrong).status_code == 400, wrong  # type: ignore[attr-defined]


def test_a_muted_order_is_told_to_everybody_else(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    dana = signed_in("dana")
    assert "Tell me nothing of this order" in words(dana.get(f"/orders/{order.number}/"))
    assert dana.post(f"/orders/{order.number}/mute/", {"mute": "1"}).status_code == 302
    dana.post(f"/orders/{order.number}/mute/", {"mute": "1"})
    assert Mute.objects.count() == 1
    assert "Tell me again of this order" in words(dana.get(f"/orders/{order.number}/"))
    assert order.short_name in words(dana.get("/me/notifications/"))
    assert [row["order"] for row in dana.get("/api/v1/me/mutes/").json()["items"]] == [order.number]
    from tests.notifications.test_who_is_told import ends
    from tests.releases.rows import build

    ends(build(order, world.dave), "failed")  # type: ignore[arg-type]
    assert told(world) == {"build_failed": {"dave"}}
    assert dana.delete(f"/api/v1/orders/{order.number}/mute/").status_code == 204
    order.refresh_from_db()
    ends(build(order, world.dave), "failed")  # type: ignore[arg-type]
    assert told(world) == {"build_failed": {"dana", "dave"}}


def test_nobody_mutes_what_they_do_not_see(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    otto = signed_in("otto")
    assert otto.post(f"/orders/{order.number}/mute/", {"mute": "1"}).status_code == 404
    assert otto.post(f"/api/v1/orders/{order.number}/mute/").status_code == 404
    assert not Mute.objects.exists()


def test_whose_role_ended_reads_nothing_of_what_they_muted_and_may_unmute_it(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_order(component, world.dana)
    dana = signed_in("dana")
    dana.post(f"/orders/{order.number}/mute/", {"mute": "1"})
    Membership.objects.filter(user=world.dana).delete()
    page = dana.get("/me/notifications/").content.decode()
    assert order.number not in page and order.short_name not in page and component.name not in page
    assert dana.get("/api/v1/me/mutes/").json()["items"] == []
    assert dana.delete(f"/api/v1/orders/{order.number}/mute/").status_code == 204 and not Mute.objects.exists()
    assert dana.delete(f"/api/v1/orders/{order.number}/mute/").status_code == 404, "as if it were not there"


def test_a_token_of_another_project_reads_and_ends_no_mute(world: World, component: Component) -> None:
    elsewhere = other_project(world)
    order = make_order(component, world.dana)
    mute(actor=world.dana, order=order)
    world.dana.only_project_id = elsewhere.pk
    assert not own_mutes(world.dana).exists()
    with pytest.raises(Missing):
        unmute(actor=world.dana, number=order.number)
    world.dana.only_project_id = world.project.pk
    assert own_mutes(world.dana).get().order == order
    unmute(actor=world.dana, number=order.number)
    assert not Mute.objects.exists()


def test_a_role_that_ended_before_the_telling_leaves_nothing(world: World, component: Component) -> None:
    make_built(component, world.dana)
    Membership.objects.filter(user=world.dana).delete()
    tell()
    assert not Notice.objects.filter(person=world.dana).exists()


# ---------------------------------------------------------------- the night
@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("2026-12-01T15:00", "2026-12-01T23:00"),  # 23:00 in Shanghai, until 7:00 of the next day
        ("2026-12-01T22:59", "2026-12-01T23:00"),  # 6:59
        ("2026-12-01T23:00", None),  # 7:00
        ("2026-12-01T13:59", None),  # 21:59
        ("2026-12-01T14:00", "2026-12-01T23:00"),  # 22:00
    ],
)
def test_the_night_is_that_of_the_person(at: str, ends: str | None) -> None:
    found = end_of_night(SHANGHAI, datetime.fromisoformat(at).replace(tzinfo=UTC), time(22), time(7))
    assert found == (datetime.fromisoformat(ends).replace(tzinfo=UTC) if ends else None)


@given(
    at=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1), timezones=st.just(UTC)),
    begins=st.times(), ends=st.times(),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/New_York", "UTC", "", "no/zone"]),
)  # fmt: skip
def test_every_night_ends_after_it_began_and_within_a_day(at: datetime, begins: time, ends: time, zone: str) -> None:
    end = end_of_night(User(username="x", time_zone=zone), at, begins, ends)
    assert end is None or 0 < (end.astimezone(UTC) - at).total_seconds() <= 25 * 3600
    if begins == ends:
        assert end is None
