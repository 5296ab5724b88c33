"""Pods as tiles on rollout and runtime, the story of a rollout in words, the choice of what to roll back to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from components.models import Component
from deployer.interfaces import EventFacts
from foundation.problems import Refused
from foundation.runs.choices import RunState
from foundation.templatetags.ui import tone as tone_of
from releases import live_reads, transitions
from releases.models import Deployment, Placement
from releases.presenters.rollout import moments_of, told_by_cluster, ways_on
from releases.presenters.runtime import short_name, tiles_of
from tests.cast import World
from tests.releases.pages.conftest import reviewed
from tests.releases.pages.test_order import HTMX, words
from tests.releases.pages.test_rollout import PLACE, pod, under_way
from tests.releases.rows import make_built, make_success

SignIn = Callable[[str], Client]


@pytest.fixture
def first(world: World, component: Component) -> Deployment:
    """Serves in FAT."""
    return make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)


def test_what_is_wanted_is_drawn_before_it_is_there() -> None:
    pods = [pod("gw-6d9f-x2k1q"), pod("gw-6d9f-leaving", is_leaving=True), pod("old", is_new=False, is_ready=True)]
    tiles = tiles_of(pods, 4)
    assert (len(tiles.new), len(tiles.unborn), len(tiles.old)) == (2, 3, 1)
    assert str(tiles.unborn[0].word) == "waits for the one before"
    assert str(tiles_of([], 2).unborn[0].word) == "not created yet"
    assert tiles_of(pods).unborn == [] and len(tiles_of([], 500).unborn) == 24
    assert (short_name("gw-6d9f-x2k1q"), short_name("plain")) == ("…6d9f-x2k1q", "plain")
    states = {"failing": "failed", "starting": "running", "waiting": "waiting", "ended": "cancelled"}
    for state, tone in states.items():
        (tile,) = tiles_of([pod("p", state=state)]).new
        assert tone_of(tile.state) == f"tone-{tone}", state


def test_a_rollout_draws_unborn_pods_and_how_long_it_will_take(
    world: World, first: Deployment, signed_in: SignIn
) -> None:
    now = timezone.now()
    Deployment.objects.filter(pk=first.pk).update(applied_at=now - timedelta(seconds=70), finished_at=now)
    row = under_way(make_built(first.component, world.dana), world)
    progress_now = {"outcome": "progressing", "ready": 0, "wanted": 3, "pods": [pod("gw-6d9f-x2k1q")]}
    Deployment.objects.filter(pk=row.pk).update(
        state="running", progress=progress_now, applied_at=now - timedelta(seconds=10), progressed_at=now
    )
    response = signed_in("olli").get(f"/deployments/{row.pk}/")
    said, content = words(response), response.content.decode()
    assert content.count("pod unborn") == 2 and "…6d9f-x2k1q" in said
    assert "about 1 min left" in said and "usually 1 min 10 s" in said and "deadline, unless a pod moves on" in said
    Deployment.objects.filter(pk=row.pk).update(applied_at=now - timedelta(seconds=700))
    assert "longer than usual (1 min 10 s)" in words(signed_in("olli").get(f"/deployments/{row.pk}/"))
    part = signed_in("olli").get(f"/deployments/{row.pk}/?part=rollout", headers=HTMX).content.decode()
    assert "<html" not in part and 'id="rollout-moments"' not in part, "the list has its own part"
    Deployment.objects.filter(pk=first.pk).update(applied_at=now, finished_at=now)
    assert "usually" not in words(signed_in("olli").get(f"/deployments/{row.pk}/"))


def test_the_story_of_a_rollout_is_kept(world: World, first: Deployment, signed_in: SignIn) -> None:
    row = under_way(make_built(first.component, world.dana), world)
    with transaction.atomic():
        at = timezone.now().isoformat()
        data = {"at": at, "ready": 1, "wanted": 2, "states": {"ready": 1, "starting": 1}, "message": ""}
        Deployment.objects.filter(pk=row.pk).update(progress={"moments": [data]})
        transitions.end_run(row, RunState.FAILED, actor=None, reason="rollout", data={"message": "it crashed"})
    told = [(str(one.message), one.detail, one.is_warning) for one in moments_of(Deployment.objects.get(pk=row.pk))]
    assert told == [
        ("It failed", "it crashed", True),
        ("ready 1/2 · 1 starting", "", False),
        ("Requested by Olli", "", False),
    ]


def test_a_rollout_has_one_list_of_what_happened_by_source(
    world: World, first: Deployment, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = (timezone.now() + timedelta(seconds=5)).isoformat()
    told = (EventFacts("Pod", "gw-1", "Warning", "BackOff", "restarting it", 1, later),)
    monkeypatch.setattr(live_reads, "events_of", lambda *_asked: told)
    client, path = signed_in("olli"), f"/deployments/{first.pk}/"
    assert {one.source for one in client.get(path).context["moments"]} == {"platform"}, "the cluster is asked later"
    part = client.get(f"{path}?part=events", headers=HTMX)
    assert [one.source for one in part.context["moments"]][:2] == ["cluster", "platform"]
    content = client.get(f"{path}?events=1").content.decode()
    assert content.count('class="cards moments"') == 1 and content.count('id="rollout-moments"') == 1
    for source in ("platform", "cluster"):
        chosen = client.get(f"{path}?events=1&source={source}").context["moments"]
        assert {one.source for one in chosen} == {source}
    whole = client.get(f"{path}?events=1&source=nonsense").context["moments"]
    assert {one.source for one in whole} == {"platform", "cluster"}


def test_events_of_the_cluster_are_told_in_words() -> None:
    events = [
        EventFacts("Pod", "gw-6d9f-x2k1q", "Warning", "BackOff", "restarting it", 3, "2026-11-20T10:00:05Z"),
        EventFacts("Deployment", "gw", "Normal", "ScalingReplicaSet", "Scaled up", 1, "2026-11-20T10:00:09Z"),
        EventFacts("Pod", "gw-1", "Normal", "Unheard", "", 1, ""),
    ]
    newest, backoff, other = told_by_cluster(events)
    assert (str(newest.message), newest.about) == ("Pods are added or removed", "deployment gw")
    assert str(backoff.message) == "The container ended again and is started later (3 times)"
    assert (backoff.about, backoff.is_warning) == ("pod …6d9f-x2k1q", True)
    assert backoff.detail == "BackOff: restarting it"
    assert (str(other.message), other.at) == ("Unheard", None)


def test_a_cluster_that_is_away_is_told_where_it_was_asked(world: World, first: Deployment, signed_in: SignIn) -> None:
    Deployment.objects.filter(pk=first.pk).update(
        progress={"pods": [pod("gw-1")]}, applied=[{"kind": "Deployment", "name": "gw", "uid": "u1"}]
    )
    Placement.objects.update(pods=[pod("gw-1")])
    client = signed_in("olli")
    for path in (f"/deployments/{first.pk}/", f"{PLACE}/fat/"):
        whole = client.get(path).content.decode()
        assert 'hx-trigger="load"' in whole, "asked for when the page is there, never before it"
        part = client.get(f"{path}?part=events", headers=HTMX)
        assert part.status_code == 200 and part.context["events_trouble"]
        opened = client.get(f"{path}?pod=gw-1")
        assert opened.context["pod"].name == "gw-1" and opened.context["pod_trouble"]
        assert 'aria-current="true"' in opened.content.decode().split('id="pods"')[1]
        small = client.get(f"{path}?part=pod&pod=gw-1", headers=HTMX).content.decode()
        assert 'id="pod-card"' in small and 'id="pods"' in small and "<html" not in small
        assert 'id="pod-card"' not in client.get(f"{path}?pod=nobody").content.decode()


@pytest.mark.security("hostile-logs")
def test_a_pods_last_lines_are_shown_without_what_turns_or_hides_text(
    world: World, first: Deployment, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    Placement.objects.update(pods=[pod("gw-1")])
    monkeypatch.setattr(live_reads, "events_of", lambda *_asked: ())
    monkeypatch.setattr(live_reads, "pod_log", lambda *_asked, **_how: "\x1b[32mready\x1b[0m \u202edeliaf")
    page = signed_in("olli").get(f"{PLACE}/fat/?pod=gw-1").content.decode()
    assert "ready ⟨U+202E⟩deliaf" in page and "\x1b" not in page and "\u202e" not in page


def test_one_answer_of_the_cluster_is_good_for_everybody_for_a_moment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    class Cluster:
        def events(self, _namespace: str, uid: str) -> tuple[EventFacts, ...]:
            asked.append(uid)
            return (EventFacts("Pod", uid, "Normal", "Started", "", 1, "2026-11-20T10:00:00Z"),)

    monkeypatch.setattr("releases.live_reads.kubernetes.connect", lambda _target: Cluster())
    monkeypatch.setattr(live_reads, "_EVENTS", live_reads._Kept(live_reads.EVENTS_KEPT_SECONDS))
    space = world.spaces["fat"]
    first, again = live_reads.events_of(space, ["u1", "", "u2"]), live_reads.events_of(space, ["u1", "", "u2"])
    assert [event.name for event in first] == ["u1", "u2"] and first == again and asked == ["u1", "u2"]
    monkeypatch.setattr(live_reads, "_EVENTS", live_reads._Kept(-1.0))
    live_reads.events_of(space, ["u1", "", "u2"])
    assert len(asked) == 4


def test_an_answer_that_did_not_come_is_not_kept(world: World) -> None:
    with pytest.raises(Refused):
        live_reads.events_of(world.spaces["fat"], ["u1"])


@pytest.mark.parametrize(
    ("code", "labels"),
    [
        ("crash_loop", ["Open the configuration of FAT", "Compare configurations"]),
        ("out_of_memory", ["Open the component's allocation"]),
        ("pod_security", ["Open the templates"]),
        ("controller_silent", []),
    ],
)
def test_a_diagnosis_leads_to_where_its_cause_is_mended(first: Deployment, code: str, labels: list[str]) -> None:
    assert [str(act.label) for act in ways_on(first, code)] == labels


def test_a_failure_that_something_else_took_over_offers_no_way_back(
    world: World, first: Deployment, signed_in: SignIn
) -> None:
    row = under_way(make_built(first.component, world.dana), world)
    with transaction.atomic():
        transitions.end_run(row, RunState.FAILED, actor=None, reason="rollout", diagnosis={"code": "deadline"})
    Placement.objects.update(last_applied=row)
    client = signed_in("olli")
    there = client.get(f"/deployments/{row.pk}/")
    assert str(there.context["roll_back"].label) == f"Roll back to {first.order.short_name}"
    assert f"succeeded last, as of now {first.order.short_name}" in words(there)
    make_success(make_built(first.component, world.dana), world.spaces["fat"], world.olli)
    assert client.get(f"/deployments/{row.pk}/").context["roll_back"] is None


def test_roll_back_opens_on_the_newest_success_and_lists_the_others(
    world: World, component: Component, first: Deployment, signed_in: SignIn
) -> None:
    client, path = signed_in("olli"), f"{PLACE}/fat/roll-back/"
    assert "There is nothing to roll back to" in words(client.get(path))
    assert client.post(path).status_code == 200 and Deployment.objects.count() == 1
    second = make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    make_success(make_built(component, world.dana), world.spaces["fat"], world.olli)
    response = client.get(path)
    assert response.context["target"] == second and response.context["targets"] == [second, first]
    said = words(response)
    assert f"The whole snapshot of order {second.order.number} is applied again" in said
    assert "Review" not in [str(gate.title) for gate in response.context["gates"]]
    chosen = client.get(f"{path}?to={first.pk}")
    assert chosen.context["target"] == first and f'href="?to={second.pk}"' in chosen.content.decode()
    page = client.get(f"/orders/{first.order.number}/?panel=fat")
    assert page.context["space_panel"].roll_back.url == path
    tester = signed_in("tess").get(path)
    assert "You may not do this in FAT." in words(tester) and 'name="to"' not in tester.content.decode()


def test_runtime_says_since_when_it_drifts_and_who_deployed(world: World, first: Deployment, signed_in: SignIn) -> None:
    reviewed(first.order, world.spaces["fat"])
    drift = [
        {"object": "Deployment/gw", "path": ".a", "before": "1", "after": "2", "manager": "kubectl", "at": at}
        for at in ("2026-11-20T10:07:00Z", "2026-11-20T09:30:00Z")
    ]
    Placement.objects.update(drift=drift, ready=1, wanted=2, pods=[pod("gw-1", is_ready=True)])
    response = signed_in("uma").get(f"{PLACE}/fat/")
    said, content = words(response), response.content.decode()
    assert response.context["drift_since"] == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    assert 'title="2026-11-20 ' in content, "in the viewer's zone, as every time"
    assert "Who deployed what here" in said and "Olli" in said and content.count("pod unborn") == 1
    assert "0.1 / 0.2" in said and "v1" in said
    assert "You may not do this in FAT. Who can clear it:" in said, "restart and scale stay visible, with who may"


def test_restart_and_scale_ask_on_a_page_of_their_own(world: World, first: Deployment, signed_in: SignIn) -> None:
    client = signed_in("olli")
    for name, message in (("restart", "Every pod in FAT is replaced"), ("scale", "The number of pods in FAT changes")):
        asked = client.get(f"{PLACE}/fat/{name}/")
        assert asked.status_code == 200 and message in words(asked)
        assert "disabled" not in asked.content.decode().split('class="card-foot')[1]
        shut = signed_in("tess").get(f"{PLACE}/fat/{name}/")
        assert "You may not do this in FAT. Who can clear it:" in words(shut)
    assert Deployment.objects.count() == 1
    wrong = client.post(f"{PLACE}/fat/scale/", {"replicas": "900"})
    assert wrong.status_code == 400 and 'value="900"' in wrong.content.decode()
