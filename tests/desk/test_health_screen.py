"""The health page: one verdict, who is alive, what is stuck and can be woken, the other sides; Admin by right."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from desk.selectors import health
from environments.models import ClusterTest
from foundation.models import Remote
from foundation.runs.kinds import all_kinds
from foundation.runs.models import Heartbeat
from tests.cast import World, browse


@pytest.fixture
def alive(world: World) -> World:
    """A worker and a watcher, heard of just now; what runs without end has just been driven."""
    for kind in all_kinds():
        kind.model._default_manager.update(next_at=timezone.now())
    for role in ("worker", "watcher"):
        Heartbeat.objects.create(role=role, process=f"{role}-1@host:1", at=timezone.now())
    return world


def test_all_is_well(alive: World) -> None:
    shown = browse(alive, "ada").get("/health/").content.decode()
    assert "All is well" in shown and "needs attention" not in shown
    assert "None: every run that is due has been taken." in shown


def test_trouble_is_counted_and_told(alive: World) -> None:
    Heartbeat.objects.filter(role="watcher").update(at=timezone.now() - timedelta(hours=1))
    Remote.objects.create(
        name=alive.cluster.remote_key, opened_at=timezone.now() - timedelta(minutes=9), last_error="No route to host."
    )
    shown = browse(alive, "ada").get("/health/").content.decode()
    assert "2 things need attention" in shown
    assert "No watcher is alive" in shown and "1 that is gone" in shown
    assert "No route to host." in shown and "9 minutes ago" in shown and "Main" in shown


def test_sides_that_do_not_answer_come_first(alive: World) -> None:
    now = timezone.now()
    Remote.objects.create(name=alive.cluster.remote_key, last_ok_at=now)
    Remote.objects.create(name="git:77", last_ok_at=now)  # its server was removed
    Remote.objects.create(name="jenkins:77", opened_at=now)
    Remote.objects.create(name="cluster:77", opened_at=now - timedelta(hours=1))
    assert [side.remote.name for side in health().sides] == ["cluster:77", "jenkins:77", alive.cluster.remote_key]
    assert [side.is_away for side in health().sides] == [True, True, False]


def test_a_stuck_run_is_woken_by_a_button(alive: World) -> None:
    long_ago = timezone.now() - timedelta(minutes=5)
    run = ClusterTest.objects.create(cluster=alive.cluster, next_at=long_ago, lease_until=long_ago)
    ada = browse(alive, "ada")
    shown = ada.get("/health/").content.decode()
    assert f"/health/cluster-test/{run.pk}/wake/" in shown and "no process took it" in shown
    answer = ada.post(f"/health/cluster-test/{run.pk}/wake/", follow=True)
    assert "Woken" in answer.content.decode()
    run.refresh_from_db()
    assert run.wakes == 1


def test_the_page_draws_itself_anew(alive: World) -> None:
    part = browse(alive, "ada").get("/health/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part and 'hx-trigger="every 5s"' in part


def test_admin_shows_what_one_may_look_after(alive: World) -> None:
    def cards(who: str) -> list[str]:
        return [link["url"] for link in browse(alive, who).get("/admin/").context["links"]]

    assert "/health/" in cards("ada") and "/servers/" in cards("ada")
    assert "/health/" not in cards("uma") and "/servers/" in cards("uma")
    assert {"/people/", "/servers/", "/health/"} & set(cards("dana")) == set()
    for who in ("ada", "uma", "dana"):
        client = browse(alive, who)
        assert {client.get(url).status_code for url in cards(who)} == {200}, "no card leads to a closed door"
