"""Saved filters of the list of orders: named, found again, renamed and deleted by their person alone."""

from __future__ import annotations

from typing import Any

import pytest

from foundation.problems import Invalid
from releases.models import SavedFilter
from releases.services.saved_filters import MOST, save_filter
from tests.cast import World, browse


def test_a_filter_is_saved_found_renamed_and_deleted(world: World) -> None:
    dana = browse(world)
    shown = dana.get("/orders/filters/?state=built&project=sis-omm").content.decode()
    assert 'name="query" value="project=sis-omm&amp;state=built"' in shown
    answer = dana.post(
        "/orders/filters/", {"name": " My  built ", "query": "state=built&project=sis-omm&since=never&x=1"}
    )
    assert answer["Location"] == "/orders/?project=sis-omm&state=built"
    row = SavedFilter.objects.get()
    assert (row.person, row.name, row.query) == (world.dana, "My built", "project=sis-omm&state=built")
    listed = dana.get(answer["Location"]).content.decode()
    menu = "/orders/filters/?project=sis-omm&amp;state=built"
    assert f'hx-get="{menu}&amp;part=menu"' in listed and f'href="{menu}"' in listed
    part = {"state": "built", "project": "sis-omm", "part": "menu"}
    page = dana.get("/orders/filters/", part, headers={"HX-Request": "true"}).content.decode()
    assert 'href="/orders/?project=sis-omm&amp;state=built" aria-current="true">My built</a>' in page
    assert 'name="query"' not in page, "what is saved is not saved again"
    assert "My built" not in browse(world, "dave").get("/orders/filters/").content.decode()
    assert dana.post(f"/orders/filters/{row.pk}/rename/", {"name": "Built"}).status_code == 302
    assert SavedFilter.objects.get().name == "Built"
    assert dana.post(f"/orders/filters/{row.pk}/delete/").status_code == 302 and not SavedFilter.objects.exists()


@pytest.mark.parametrize(
    "given", [{"name": "", "query": "state=built"}, {"name": "a" * 41, "query": "state=built"},
              {"name": "All", "query": "x=1"}, {"name": "Taken", "query": "state=closed"}]
)  # fmt: skip
def test_what_is_no_filter_of_a_name_is_refused(world: World, given: dict[str, str]) -> None:
    save_filter(actor=world.dana, name="Taken", query="state=built")
    save_filter(actor=world.dave, name="All", query="state=built")
    with pytest.raises(Invalid):
        save_filter(actor=world.dana, **given)
    page = browse(world).post("/orders/filters/", given)
    assert page.status_code == 400 and 'role="alert"' in page.content.decode()
    assert given["query"] == "x=1" or f'value="{given["name"]}"' in page.content.decode(), "what was typed stays"
    assert browse(world).post("/api/v1/me/filters/", given, content_type="application/json").status_code == 400
    assert SavedFilter.objects.count() == 2


def test_a_person_has_twenty_at_most(world: World) -> None:
    for number in range(MOST):
        save_filter(actor=world.dana, name=f"f{number}", query="state=built")
    with pytest.raises(Invalid):
        save_filter(actor=world.dana, name="one more", query="state=built")


def test_the_api_does_the_same_and_only_for_ones_own(world: World) -> None:
    dana, dave, how = browse(world), browse(world, "dave"), {"content_type": "application/json"}
    made: Any = dana.post("/api/v1/me/filters/", {"name": "Built", "query": "state=built"}, **how)
    assert made.status_code == 201 and made.json()["query"] == "state=built"
    address = f"/api/v1/me/filters/{made.json()['id']}/"
    assert [row["name"] for row in dana.get("/api/v1/me/filters/").json()["items"]] == ["Built"]
    assert dave.get("/api/v1/me/filters/").json()["items"] == []
    assert dave.patch(address, {"name": "Mine"}, **how).status_code == dave.delete(address).status_code == 404
    page = f"/orders/filters/{made.json()['id']}"
    assert dave.post(f"{page}/rename/", {"name": "x"}).status_code == dave.post(f"{page}/delete/").status_code == 404
    assert dana.patch(address, {"name": "New"}, **how).json()["name"] == "New"
    assert dana.delete(address).status_code == 204 and not SavedFilter.objects.exists()
