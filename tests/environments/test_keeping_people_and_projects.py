"""Organisations, projects and people, as a platform administrator keeps them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import Project, Token, User
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
    assert event.before is None and event.after is None
