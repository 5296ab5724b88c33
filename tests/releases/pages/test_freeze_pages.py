"""Freezes on the pages: a new one with what it stops, one with its end, calendars, and where they show."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from components.models import Component
from environments.choices import FreezeKind
from environments.models import DayCalendar, Freeze
from releases.models import ReleaseOrder
from tests.cast import World
from tests.releases.pages.test_order import queries_of, words
from tests.releases.rows import make_promoted
from tests.releases.test_freezes import freeze

SignIn = Callable[[str], Client]
NEW = "/freezes/new/"


@pytest.fixture
def order(world: World, component: Component) -> ReleaseOrder:
    return make_promoted(component, world)


def given(**more: Any) -> dict[str, Any]:
    now = timezone.localtime(timezone.now())
    clocks = {"begins_at": now - timedelta(hours=1), "ends_at": now + timedelta(hours=1)}
    return {
        "where": "sis-omm", "name": "Month end", "reason": "accounts are closed", "kind": "once",
        **{name: at.strftime("%Y-%m-%dT%H:%M") for name, at in clocks.items()},
    } | more  # fmt: skip


def test_what_it_stops_is_shown_before_it_is_saved(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    petra = signed_in("petra")
    shown = petra.post(NEW, given(preview="1"))
    assert shown.status_code == 200 and not Freeze.objects.exists()
    assert order.short_name in words(shown) and "would not be deployed meanwhile" in words(shown)
    assert petra.post(NEW, given(preview="1", ends_at="2020-01-01T00:00")).status_code == 400
    assert petra.post(NEW, given()).status_code == 302
    row = Freeze.objects.get()
    assert row.project == world.project and row.made_by == world.petra
    assert "Month end" in words(petra.get("/freezes/")) and "Month end" in words(petra.get("/spaces/sis-omm/uat/"))


def test_the_preset_is_trading_hours(world: World, signed_in: SignIn) -> None:
    form = signed_in("petra").get(f"{NEW}?preset=trading").context["form"]
    shown = {name: form[name].value() for name in ("kind", "zone", "opens", "closes", "name")}
    assert shown == {
        "kind": "dates", "zone": "Asia/Shanghai", "opens": "09:00", "closes": "15:30", "name": "Trading hours"
    }  # fmt: skip


def test_the_preset_takes_the_only_calendar_and_no_guess_among_two(world: World, signed_in: SignIn) -> None:
    petra = signed_in("petra")
    more: dict[str, Any] = {"project": world.project, "uploaded_by": world.petra, "dates": ["2027-01-04"]}
    days = DayCalendar.objects.create(name="Trading days", **more)
    assert petra.get(f"{NEW}?preset=trading").context["form"]["calendar"].value() == days.pk
    assert petra.get(NEW).context["form"]["calendar"].value() is None, "for once no calendar is meant"
    DayCalendar.objects.create(name="Holidays", **more)
    assert petra.get(f"{NEW}?preset=trading").context["form"]["calendar"].value() is None


def test_each_field_of_days_says_for_which_kind_it_is(world: World, signed_in: SignIn) -> None:
    """The page shows those of the chosen kind; without such a mark a field is always shown."""
    form = signed_in("petra").get(NEW).context["form"]
    marked = {field.name: kinds for field, kinds in form.by_kind() if kinds}
    assert set(marked) == set(form.fields) - {"where", "is_window", "name", "reason", "only_production", "kind"}
    assert {one for kinds in marked.values() for one in kinds.split()} == {f"of-{kind}" for kind in FreezeKind.values}


def test_its_end_takes_two_pages(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    row = freeze(world)
    petra, ada, page = signed_in("petra"), signed_in("ada"), f"/freezes/{row.pk}/"
    assert "a second person has to confirm" in words(petra.get(page))
    assert petra.post(f"{page}end/", {"reason": ""}).status_code == 400
    assert petra.post(f"{page}end/", {"reason": "done earlier"}).status_code == 302
    assert "Confirm its end" not in words(petra.get(page)) and "Confirm its end" in words(ada.get(page))
    assert petra.post(f"{page}confirm/").status_code == 403
    assert ada.post(f"{page}confirm/").status_code == 302
    assert "done earlier" in words(ada.get(page))
    assert signed_in("otto").get(page).status_code == 404


def test_it_shows_where_orders_wait(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    freeze(world)
    olli = signed_in("olli")
    of_order = f"/orders/{order.number}/"
    for address in (f"{of_order}?panel=uat", f"{of_order}review/uat/", "/spaces/sis-omm/uat/"):
        assert "Month end" in words(olli.get(address)), address
    assert "frozen until" in words(olli.get("/"))
    freeze(world, by="ada", project=None, name="Market opens")
    (head,) = [one for environment, one in olli.get("/").context["matrix"].columns if environment.slug == "prd"]
    assert head.freeze.name == "Market opens"
    dana = signed_in("dana")
    assert "Project administrators and platform administrators" in words(dana.get(NEW))


def test_a_calendar_is_uploaded(world: World, signed_in: SignIn) -> None:
    petra = signed_in("petra")

    def send(content: bytes) -> int:
        file = SimpleUploadedFile("days.csv", content)
        return int(petra.post("/calendars/", {"where": "sis-omm", "name": "SSE", "file": file}).status_code)

    assert send(b"\xff\xfe\x00") == 400 and send(b"soon\n2026-13-01") == 400 and not DayCalendar.objects.exists()
    assert send(b"2026-12-02\n2026-12-03\n") == 302
    assert DayCalendar.objects.get().dates == ["2026-12-02", "2026-12-03"]
    assert "SSE" in words(petra.get("/calendars/")) and "SSE" in words(petra.get(NEW))


def test_in_chinese(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    row = freeze(world)
    petra = signed_in("petra")
    for address in (f"/orders/{order.number}/?panel=uat", f"/freezes/{row.pk}/", NEW, "/freezes/"):
        assert "封网" in words(petra.get(address, headers={"Accept-Language": "zh-Hans"})), address


def test_pages_ask_as_often_for_many_freezes(world: World, order: ReleaseOrder, signed_in: SignIn) -> None:
    paths = ("/", "/?part=chunk", f"/orders/{order.number}/?panel=uat", "/runtime/sis-omm/sis-omm-proxy-gw/fat/")
    freeze(world)
    few = {path: queries_of(signed_in("olli"), path) for path in paths}
    for _n in range(5):
        freeze(world)
    many = {path: queries_of(signed_in("olli"), path) for path in paths}
    assert all(many[path] <= few[path] for path in paths), (few, many)
