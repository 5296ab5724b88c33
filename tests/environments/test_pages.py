"""Every page of the app for everybody, and its forms without JavaScript."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from environments.models import Cluster, Membership, Space
from tests.cast import World, browse

PAGES = {
    "/environments/": {"ada": 200, "petra": 200, "dana": 200, "uma": 200, "otto": 200},
    "/environments/new/": {"ada": 200, "petra": 403, "uma": 403, "otto": 403},
    "/environments/fat/edit/": {"ada": 200, "petra": 403},
    "/spaces/sis-omm/prd/": {"ada": 200, "petra": 200, "dana": 200, "uma": 200, "otto": 404},
    "/spaces/sis-omm/prd/sync/": {"dana": 200, "otto": 404},
    "/spaces/sis-omm/prd/edit/": {"ada": 200, "petra": 403, "otto": 403},
    "/spaces/sis-omm/prd/policy/": {"petra": 200, "ada": 403, "dana": 403, "otto": 404},
    "/spaces/sis-omm/moon/": {"ada": 404},
    "/clusters/": {"ada": 200, "uma": 200, "petra": 403, "otto": 403},
    "/clusters/new/": {"ada": 200, "uma": 403},
    "/clusters/main/": {"ada": 200, "uma": 200, "petra": 403},
    "/clusters/main/edit/": {"ada": 200, "uma": 403},
    "/projects/": {"ada": 200, "dana": 200, "otto": 200},
    "/projects/new/": {"ada": 200, "petra": 403},
    "/projects/sis-omm/": {"ada": 200, "petra": 200, "dana": 200, "otto": 404},
    "/projects/sis-omm/edit/": {"ada": 200, "petra": 403},
    "/projects/sis-omm/spaces/new/": {"ada": 200, "petra": 403},
    "/organisations/new/": {"ada": 200, "petra": 403},
    "/organisations/sis/edit/": {"ada": 200, "petra": 403},
    "/people/": {"ada": 200, "uma": 200, "petra": 403, "otto": 403},
    "/people/new/": {"ada": 200, "uma": 403},
    "/people/dana/": {"ada": 200, "uma": 200, "dana": 403},
    "/people/dana/edit/": {"ada": 200, "uma": 403},
    "/people/dana/password/": {"ada": 200, "uma": 403},
    "/people/nobody/": {"ada": 404},
}


@pytest.mark.parametrize("path", sorted(PAGES))
def test_who_sees_the_page(world: World, path: str) -> None:
    found = {who: browse(world, who).get(path).status_code for who in PAGES[path]}
    assert found == PAGES[path]
    anonymous = Client().get(path)
    assert anonymous.status_code == 302 and anonymous["Location"].startswith("/sign-in/")


@pytest.mark.security("hostile-logs")
@pytest.mark.parametrize("path", sorted(path for path in PAGES if 200 in PAGES[path].values()))
def test_no_page_holds_inline_script_or_style_or_the_token(world: World, path: str) -> None:
    who = next(name for name, status in PAGES[path].items() if status == 200)
    text = browse(world, who).get(path).content.decode()
    assert " style=" not in text and " onclick=" not in text and "javascript:" not in text
    assert "secret-token" not in text


def test_an_outsider_sees_no_project_in_the_lists(world: World) -> None:
    otto = browse(world, "otto")
    assert "SIS-OMM" not in otto.get("/projects/").content.decode()
    assert "sis-omm-fat" not in otto.get("/environments/").content.decode()
    assert "sis-omm-fat" in browse(world, "dana").get("/environments/").content.decode()


def test_a_member_is_added_and_ended_by_plain_forms(world: World) -> None:
    petra = browse(world, "petra")
    answer = petra.post("/projects/sis-omm/members/", {"username": "otto", "role": "tester", "environment": "uat"})
    assert (answer.status_code, answer["Location"]) == (302, "/projects/sis-omm/")
    row = Membership.objects.get(user=world.otto)
    assert (row.role, row.environment) == ("tester", world.environments["uat"])
    petra.post(f"/projects/sis-omm/members/{row.pk}/end/")
    row.refresh_from_db()
    assert row.ends_at <= timezone.now()


def test_a_grant_without_end_keeps_what_was_typed_and_says_why(world: World) -> None:
    body = {"username": "dana", "role": "grant", "environment": "fat", "reason": "night shift"}
    answer = browse(world, "petra").post("/projects/sis-omm/members/", body)
    text = answer.content.decode()
    assert answer.status_code == 400
    assert "A grant needs an end." in text and "night shift" in text
    body["ends_at"] = (timezone.localtime() + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M")
    assert browse(world, "petra").post("/projects/sis-omm/members/", body).status_code == 302
    assert Membership.objects.filter(user=world.dana, role="grant").exists()


def test_the_times_of_a_grant_are_in_the_zone_of_who_types(world: World) -> None:
    world.petra.time_zone = "America/New_York"
    world.petra.save()
    body = {"username": "dana", "role": "grant", "environment": "fat", "ends_at": "2099-07-01T12:00"}
    browse(world, "petra").post("/projects/sis-omm/members/", body)
    assert Membership.objects.get(role="grant").ends_at.isoformat() == "2099-07-01T16:00:00+00:00"


def test_a_refusal_is_a_page_with_a_message(world: World) -> None:
    body = {"username": "dana", "role": "grant", "environment": "prd", "ends_at": "2099-07-01T12:00"}
    answer = browse(world, "petra").post("/projects/sis-omm/members/", body)
    assert answer.status_code == 409
    assert "operations only" in answer.content.decode()


def test_the_space_form_carries_what_its_reader_saw(world: World) -> None:
    ada = browse(world, "ada")
    page = ada.get("/spaces/sis-omm/fat/edit/")
    form = page.context["form"]
    body = {name: form[name].value() for name in form.fields} | {"cpu_limits": "8", "memory_limits": "1K"}
    wrong = ada.post("/spaces/sis-omm/fat/edit/", body)
    assert wrong.status_code == 400 and "Write the memory in GiB" in wrong.content.decode()
    saved = ada.post("/spaces/sis-omm/fat/edit/", body | {"memory_limits": "16"})
    assert saved.status_code == 302
    assert Space.objects.get(environment__slug="fat").memory_limit_ceiling == 16 * 2**30
    again = ada.post("/spaces/sis-omm/fat/edit/", body | {"memory_limits": "32"})
    assert again.status_code == 409
    shown = ada.get("/spaces/sis-omm/fat/").content.decode()
    assert 'hx-get="/spaces/sis-omm/fat/sync/"' in shown and "A worker takes it in a moment." in shown


def test_the_policy_form_saves_and_names_the_minimum(world: World) -> None:
    petra = browse(world, "petra")
    form = petra.get("/spaces/sis-omm/prd/policy/").context["form"]
    body = {name: form[name].value() for name in form.fields}
    body = {name: value for name, value in body.items() if value is not False and value is not None}
    lax = petra.post("/spaces/sis-omm/prd/policy/", {k: v for k, v in body.items() if k != "four_eyes"})
    assert lax.status_code == 400 and "four eyes stay on" in lax.content.decode()
    assert petra.post("/spaces/sis-omm/prd/policy/", body | {"settle_seconds": "30"}).status_code == 302
    assert Space.objects.get(environment__slug="prd").settle_seconds == 30


def test_a_cluster_form_never_shows_what_it_keeps(world: World) -> None:
    ada = browse(world, "ada")
    assert "secret-token" not in ada.get("/clusters/main/edit/").content.decode()
    body = {"name": "Renamed", "url": "http://127.0.0.1:1", "token": "", "registries": "harbor.example.com:5000"}
    assert ada.post("/clusters/main/edit/", body).status_code == 302
    row = Cluster.objects.get()
    assert (row.name, row.token, row.registries) == ("Renamed", "secret-token", ["harbor.example.com:5000"])
    wrong = ada.post("/clusters/main/edit/", body | {"url": "gopher://x", "token": "typed-secret"})
    assert wrong.status_code == 400 and "typed-secret" not in wrong.content.decode()


def test_chinese_pages_have_chinese_names(world: World) -> None:
    world.dana.language = "zh-hans"
    world.dana.save()
    text = browse(world, "dana").get("/environments/").content.decode()
    assert "网上营业厅" in text and "功能测试" in text and "Online branch" not in text
