"""Favourite components: a star that puts them first in its person's lists, and in nobody else's."""

from __future__ import annotations

import re

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from components.models import Component, Favourite
from environments.models import Membership
from tests.cast import World, browse
from tests.releases.rows import make_component

SHOWN = re.compile(r'<tr data-row>.*?<a href="/components/sis-omm/([\w-]+)/">', re.DOTALL)


def names(client: Client, query: str = "") -> list[str]:
    return SHOWN.findall(client.get(f"/components/{query}").content.decode())


def made(world: World, *given: str) -> list[Component]:
    first = make_component(world)
    return [first, *(Component.objects.create(project=world.project, name=name, slug=name) for name in given)]


def star(client: Client, component: Component, **values: str) -> int:
    return client.post(f"/components/sis-omm/{component.slug}/favourite/", values).status_code


def test_favourites_stand_first_in_their_persons_list_alone(world: World) -> None:
    old, middle, new = made(world, "middle", "new")
    dana, dave = browse(world, "dana"), browse(world, "dave")
    assert names(dana) == [new.slug, middle.slug, old.slug]
    for _twice in range(2):
        assert star(dana, old, favourite="1") == 302
    assert names(dana) == [old.slug, new.slug, middle.slug]
    assert names(dana, "?favourites=yes") == [old.slug]
    assert names(dana, f"?before={new.pk}") == [middle.slug], "on no further page once more"
    assert names(dave) == [new.slug, middle.slug, old.slug] and names(dave, "?favourites=yes") == []
    page = dana.get(f"/components/sis-omm/{old.slug}/").content.decode()
    assert f"Remove {old.name} from your favourites" in page
    assert star(dana, old) == 302
    assert not Favourite.objects.exists() and names(dana) == [new.slug, middle.slug, old.slug]


def test_a_star_on_the_list_leads_back_to_its_filters(world: World) -> None:
    (component,) = made(world)
    answer = browse(world).post(
        f"/components/sis-omm/{component.slug}/favourite/", {"favourite": "1", "list": "project=sis-omm&search=x"}
    )
    assert answer["Location"] == "/components/?project=sis-omm&search=x"


def test_the_api_says_and_keeps_the_same(world: World) -> None:
    old, new = made(world, "new")
    dana = browse(world)
    address = f"/api/v1/components/sis-omm/{old.slug}/"
    assert dana.post(f"{address}favourite/").status_code == 204
    assert dana.get(address).json()["is_favourite"] is True
    found = dana.get("/api/v1/components/").json()["items"]
    assert [(row["slug"], row["is_favourite"]) for row in found] == [(new.slug, False), (old.slug, True)]
    assert [row["slug"] for row in dana.get("/api/v1/components/?favourites=true").json()["items"]] == [old.slug]
    assert dana.delete(f"{address}favourite/").status_code == 204
    assert dana.get(address).json()["is_favourite"] is False


def test_who_does_not_see_a_component_has_no_favourite_of_it(world: World) -> None:
    (component,) = made(world)
    otto, dave = browse(world, "otto"), browse(world, "dave")
    assert star(otto, component, favourite="1") == 404 and not Favourite.objects.exists()
    star(dave, component, favourite="1")
    Membership.objects.filter(user=world.dave).delete()
    assert names(dave, "?favourites=yes") == [] and palette(dave) == []
    assert star(dave, component) == 302 and not Favourite.objects.exists()
    assert star(dave, component) == 404


def palette(client: Client, text: str = "") -> list[str]:
    groups = client.get("/search/palette/", {"q": text}, headers={"HX-Request": "true"}).json()["groups"]
    return [line["title"] for group in groups if group["name"] == "components" for line in group["lines"]]


def test_the_palette_suggests_favourites_and_finds_them_first(world: World) -> None:
    made(world, "api-a", "api-b")
    dana = browse(world)
    assert palette(dana) == [] and palette(dana, "api") == ["api-a", "api-b"]
    star(dana, Component.objects.get(slug="api-b"), favourite="1")
    assert palette(dana) == ["api-b"] and palette(dana, "api") == ["api-b", "api-a"]


def test_the_list_asks_as_often_with_many_favourites_as_with_one(world: World) -> None:
    first, *others = made(world, "a", "b", "c", "d")
    dana = browse(world)
    star(dana, first, favourite="1")
    dana.get("/components/")
    with CaptureQueriesContext(connection) as one:
        dana.get("/components/")
    Favourite.objects.bulk_create(Favourite(person=world.dana, component=row) for row in others)
    with CaptureQueriesContext(connection) as many:
        dana.get("/components/")
    assert len(many) == len(one)
