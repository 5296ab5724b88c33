"""Organisations, projects and people, as a platform administrator keeps them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import BrowserSession, Project, Token, User
from accounts.services import create_token
from audit.models import AuditEvent
from environments.access import can
from environments.services import people, projects
from foundation.problems import Denied, Invalid, Refused
from tests.cast import PASSWORD, World

PHRASE = "quite a long phrase"


@pytest.mark.parametrize("who", ["petra", "olli", "uma", "otto"])
def test_only_a_platform_administrator_may(world: World, who: str) -> None:
    actor = world.people[who]
    with pytest.raises(Denied):
        projects.create_organisation(actor=actor, slug="x", name="X")
    with pytest.raises(Denied):
        projects.create_project(actor=actor, organisation="sis", slug="x", name="X")
    with pytest.raises(Denied):
        people.create_person(actor=actor, username="x", name="X", password=PHRASE)
    with pytest.raises(Denied):
        people.set_password(actor=actor, person=world.dana, password=PHRASE)
    with pytest.raises(Denied):
        people.deactivate_person(actor=actor, person=world.dana)
    with pytest.raises(Denied):
        projects.archive_project(actor=actor, project=world.project)


def test_a_project_begins_with_somebody_who_may_add_members(world: World) -> None:
    project = projects.create_project(
        actor=world.ada, organisation="sis", slug="ams", name="资产管理", name_en="Assets", administrators=["otto"]
    )
    assert can(world.otto, "manage_members", project_id=project.pk)
    assert AuditEvent.objects.filter(verb="project.created", project="ams").exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"slug": "SIS OMM"}, "slug"),
        ({"slug": "sis-omm"}, "slug"),
        ({"slug": "new"}, "slug"),
        ({"name": ""}, "name"),
        ({"organisation": "nowhere"}, "organisation"),
        ({"change_ticket_pattern": "CHG["}, "change_ticket_pattern"),
        ({"administrators": ["nobody"]}, "administrators"),
    ],
)
def test_a_bad_project_is_refused_at_its_field_and_leaves_nothing(
    world: World, values: dict[str, str], field: str
) -> None:
    given = {"organisation": "sis", "slug": "ams", "name": "AMS", **values}
    with pytest.raises(Invalid) as caught:
        projects.create_project(actor=world.ada, **given)
    assert list(caught.value.fields) == [field]
    assert Project.objects.count() == 1


def test_editing_records_what_changed_and_nothing_when_nothing_did(world: World) -> None:
    projects.edit_project(actor=world.ada, project=world.project, name="新名", name_en="Online branch")
    projects.edit_project(actor=world.ada, project=world.project, name="新名")
    (event,) = AuditEvent.objects.filter(verb="project.changed")
    assert (event.before, event.after) == ({"name": "网上营业厅"}, {"name": "新名"})


def test_archiving_and_restoring_move_the_rights_of_its_people(world: World) -> None:
    before = User.objects.get(pk=world.dana.pk).rights_epoch
    projects.archive_project(actor=world.ada, project=world.project)
    assert not can(world.dana, "create_order", project_id=world.project.pk)
    projects.restore_project(actor=world.ada, project=world.project)
    assert can(world.dana, "create_order", project_id=world.project.pk)
    assert User.objects.get(pk=world.dana.pk).rights_epoch == before + 2


def test_a_person_is_made_without_any_role(world: World) -> None:
    person = people.create_person(actor=world.ada, username="nina", name="Nina", password=PHRASE, email="n@example.com")
    assert person.check_password(PHRASE) and not person.memberships.exists()
    event = AuditEvent.objects.get(verb="person.created")
    assert PHRASE not in str(event.after)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"username": "dana"}, "username"),
        ({"username": "a b"}, "username"),
        ({"username": ""}, "username"),
        ({"name": " "}, "name"),
        ({"email": "nowhere"}, "email"),
        ({"password": "short"}, "password"),
    ],
)
def test_a_bad_person_is_refused_at_its_field(world: World, values: dict[str, str], field: str) -> None:
    given = {"username": "nina", "name": "Nina", "password": PHRASE, **values}
    with pytest.raises(Invalid) as caught:
        people.create_person(actor=world.ada, **given)
    assert list(caught.value.fields) == [field]
    assert not User.objects.filter(username="nina").exists()


@pytest.mark.security("stolen-or-made-up-tokens")
def test_switching_somebody_off_revokes_their_tokens(world: World) -> None:
    create_token(actor=world.dana, name="t", scopes=["read"], lifetime=timedelta(days=1))
    people.deactivate_person(actor=world.ada, person=world.dana, reason="left")
    assert not Token.objects.exists()
    world.dana.refresh_from_db()
    assert not can(world.dana, "see", project_id=world.project.pk)
    people.activate_person(actor=world.ada, person=world.dana)
    world.dana.refresh_from_db()
    assert can(world.dana, "see", project_id=world.project.pk) and not Token.objects.exists()


def test_the_last_platform_administrator_cannot_be_switched_off(world: World) -> None:
    with pytest.raises(Refused):
        people.deactivate_person(actor=world.ada, person=world.ada)
    world.ada.refresh_from_db()
    assert world.ada.is_active


def test_a_password_set_for_somebody_holds_and_is_not_recorded(world: World) -> None:
    people.set_password(actor=world.ada, person=world.dana, password=PHRASE)
    world.dana.refresh_from_db()
    assert world.dana.check_password(PHRASE) and not world.dana.check_password(PASSWORD)
    event = AuditEvent.objects.get(verb="person.password_set")
    assert event.before is None and event.after == {"sessions": 0, "revoked": 0}


@pytest.mark.security("stolen-or-made-up-tokens")
def test_a_reset_ends_sessions_and_tokens_and_asks_for_a_new_password_first(world: World) -> None:
    create_token(actor=world.dana, name="t", scopes=["read"], lifetime=timedelta(days=1))
    browser = Client()
    browser.post("/sign-in/", {"username": "dana", "password": PASSWORD})
    assert browser.get("/me/").status_code == 200
    people.set_password(actor=world.ada, person=world.dana, password=PHRASE)
    assert browser.get("/me/").status_code == 302 and not Token.objects.exists()
    assert not BrowserSession.objects.exists() and not Session.objects.exists()

    answer = browser.post("/sign-in/", {"username": "dana", "password": PHRASE})
    assert answer.status_code == 302
    for path in ("/", "/orders/", "/me/tokens/"):
        assert browser.get(path)["Location"] == "/me/", path
    page = browser.get("/me/").content.decode()
    assert "Ada set your password at" in page and "until then no other page opens" in page
    for method, path in (("get", "/api/v1/orders/"), ("post", "/api/v1/tokens/")):
        refused = getattr(browser, method)(path)
        assert (refused.status_code, refused.json()["code"]) == (403, "password-must-change")
    signed_in = {"username": "dana", "password": PHRASE}
    refused = Client().post("/api/v1/sign-in/", signed_in, "application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "password-must-change")

    assert browser.post("/me/password/", {"old": PHRASE, "new": "words of my very own"}).status_code == 302
    assert browser.get("/orders/").status_code == 200
    assert "Ada set your password at" in browser.get("/me/").content.decode()


def test_nobody_sets_their_own_password_without_the_old_one(world: World) -> None:
    with pytest.raises(Refused) as refused:
        people.set_password(actor=world.ada, person=world.ada, password=PHRASE)
    assert refused.value.code == "own-password"
