"""Watching an order: its watcher is told what its author is told, and finds it in the list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from components.models import Component
from environments.models import Membership
from foundation.problems import Missing
from notifications.models import Mute
from notifications.selectors.preferences import own_watches
from notifications.services.preferences import mute, unwatch, watch
from releases.models import Watch
from releases.services.orders import return_order
from tests.cast import World
from tests.environments.test_who_may import other_project
from tests.notifications.telling import told
from tests.notifications.test_who_is_told import ends
from tests.releases.pages.test_order import words
from tests.releases.rows import build, make_built, make_order

SignIn = Callable[[str], Client]


def test_a_watcher_is_told_what_the_author_is(world: World, component: Component, signed_in: SignIn) -> None:
    order = make_order(component, world.dana)
    tess = signed_in("tess")
    page = words(tess.get(f"/orders/{order.number}/"))
    assert "Watch this order" in page and "Stop watching" not in page
    for _twice in range(2):
        assert tess.post(f"/orders/{order.number}/watch/", {"watch": "1"}).status_code == 302
    assert Watch.objects.get().person == world.tess
    assert "Stop watching" in words(tess.get(f"/orders/{order.number}/"))
    assert [row["order"] for row in tess.get("/api/v1/me/watches/").json()["items"]] == [order.number]
    ends(build(order, world.dana), "failed")  # type: ignore[arg-type]
    assert told(world) == {"build_failed": {"dana", "tess"}}
    assert tess.post(f"/orders/{order.number}/watch/").status_code == 302
    order.refresh_from_db()
    ends(build(order, world.dana), "failed")  # type: ignore[arg-type]
    assert told(world) == {"build_failed": {"dana"}}


def test_who_does_it_is_not_told_of_it_by_watching(world: World, component: Component) -> None:
    order = make_built(component, world.dana)
    told(world)
    watch(actor=world.tess, order=order)
    watch(actor=world.dave, order=order)
    return_order(actor=world.tess, order=order, reason="Broken")
    assert told(world) == {"returned": {"dana", "dave"}}


def test_watching_ends_the_mute_and_a_mute_the_watching(world: World, component: Component) -> None:
    order = make_order(component, world.dana)
    mute(actor=world.tess, order=order)
    watch(actor=world.tess, order=order)
    assert Watch.objects.exists() and not Mute.objects.exists()
    mute(actor=world.tess, order=order)
    assert Mute.objects.exists() and not Watch.objects.exists()


def test_the_list_shows_what_is_watched(world: World, component: Component, signed_in: SignIn) -> None:
    mine, other = make_order(component, world.dana), make_order(component, world.dana)
    watch(actor=world.tess, order=mine)
    watch(actor=world.dave, order=other)
    tess = signed_in("tess")
    page = tess.get("/orders/?watching=1").content.decode()
    assert mine.number in page and other.number not in page
    assert 'name="watching" value="1"' in page
    assert other.number in tess.get("/orders/").content.decode()
    for flag, numbers in (("true", [mine.number]), ("false", [other.number, mine.number])):
        found = tess.get(f"/api/v1/orders/?watching={flag}").json()["items"]
        assert [row["number"] for row in found] == numbers


def test_who_does_not_see_an_order_neither_watches_it_nor_is_told(
    world: World, component: Component, signed_in: SignIn
) -> None:
    order = make_order(component, world.dana)
    otto, dave = signed_in("otto"), signed_in("dave")
    assert otto.post(f"/orders/{order.number}/watch/", {"watch": "1"}).status_code == 404
    assert otto.post(f"/api/v1/orders/{order.number}/watch/").status_code == 404
    assert not Watch.objects.exists()
    assert dave.post(f"/api/v1/orders/{order.number}/watch/").status_code == 204
    Membership.objects.filter(user=world.dave).delete()
    ends(build(order, world.dana), "failed")  # type: ignore[arg-type]
    assert told(world) == {"build_failed": {"dana"}}
    assert dave.get("/api/v1/me/watches/").json()["items"] == []
    assert dave.get("/api/v1/orders/?watching=true").json()["items"] == []
    # What one made oneself goes also where its order is seen no more; a second time it is as if it were not there.
    assert dave.delete(f"/api/v1/orders/{order.number}/watch/").status_code == 204
    assert dave.delete(f"/api/v1/orders/{order.number}/watch/").status_code == 404


def test_a_token_of_another_project_reads_and_ends_no_watch(world: World, component: Component) -> None:
    elsewhere, order = other_project(world), make_order(component, world.dana)
    watch(actor=world.dana, order=order)
    world.dana.only_project_id = elsewhere.pk
    assert not own_watches(world.dana).exists()
    with pytest.raises(Missing):
        unwatch(actor=world.dana, number=order.number)
    assert Watch.objects.exists()
