"""Nobody gives himself a role or a grant, by no page, no call and no command; another person may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Project
from environments.models import Membership
from environments.services.members import add_membership
from environments.services.projects import create_project, edit_project
from foundation.problems import Denied
from tests.cast import World, browse

pytestmark = pytest.mark.security("rights-on-every-way-in")


OWN = [
    ("ada", {"role": "auditor", "project": None}),
    ("ada", {"role": "platform_admin", "project": None}),
    ("petra", {"role": "operations"}),
    ("petra", {"role": "tester", "environment": "uat"}),
    ("petra", {"role": "grant", "environment": "fat", "ends_at": timezone.now() + timedelta(hours=1)}),
]


@pytest.mark.parametrize(("who", "given"), OWN)
def test_nobody_gives_himself_a_role(world: World, who: str, given: dict[str, Any]) -> None:
    person = world.people[who]
    before = set(Membership.objects.values_list("pk", flat=True))
    with pytest.raises(Denied, match="Nobody gives himself") as refusal:
        add_membership(actor=person, username=person.username, **({"project": world.project} | given))
    assert refusal.value.code == "own-role"
    assert person.shown_name not in str(refusal.value.who_can_help)
    assert set(Membership.objects.values_list("pk", flat=True)) == before


def test_the_refusal_names_somebody_else_who_may(world: World) -> None:
    Membership.objects.create(user=world.otto, role="project_admin", project=world.project)
    with pytest.raises(Denied) as refusal:
        add_membership(actor=world.petra, username="petra", role="operations", project=world.project)
    assert refusal.value.who_can_help == "Otto"
    add_membership(actor=world.otto, username="petra", role="operations", project=world.project)


def test_an_administrator_does_not_make_himself_project_administrator(world: World) -> None:
    with pytest.raises(Denied, match="Nobody gives himself"):
        edit_project(actor=world.ada, project=world.project, administrators=["petra", "ada"])
    with pytest.raises(Denied, match="Nobody gives himself"):
        create_project(actor=world.ada, organisation="sis", slug="own", name="Own", administrators=["ada"])
    assert not Project.objects.filter(slug="own").exists()
    assert not Membership.objects.filter(user=world.ada).exclude(role="platform_admin").exists()
    edit_project(actor=world.ada, project=world.project, administrators=["otto"])
    assert Membership.objects.filter(user=world.otto, role="project_admin").exists()


def test_pages_say_so_before_and_refuse(world: World) -> None:
    ada = browse(world, "ada")
    own = ada.get("/people/ada/").content.decode()
    assert "Nobody gives himself a role" in own and 'action="/people/ada/roles/"' not in own
    assert 'action="/people/otto/roles/"' in ada.get("/people/otto/").content.decode()
    assert "never your own" in ada.get("/projects/sis-omm/edit/").content.decode()
    refused = ada.post("/people/ada/roles/", {"role": "auditor"})
    assert refused.status_code == 403 and "Nobody gives himself" in refused.content.decode()
    petra = browse(world, "petra")
    page = petra.get("/projects/sis-omm/").content.decode()
    assert "Somebody else: nobody gives himself" in page
    offered = page.partition('id="people-to-add"')[2].partition("</datalist>")[0]
    assert "otto" in offered and "petra" not in offered
    assert petra.post("/projects/sis-omm/members/", {"username": "petra", "role": "operations"}).status_code == 403


def test_the_api_says_the_same(world: World) -> None:
    ada, petra = browse(world, "ada"), browse(world, "petra")
    calls = [
        (ada.post, "/api/v1/people/ada/roles/", {"role": "auditor"}),
        (petra.post, "/api/v1/projects/sis-omm/members/", {"username": "petra", "role": "operations"}),
        (ada.patch, "/api/v1/projects/sis-omm/", {"administrators": ["ada"]}),
    ]
    for act, path, body in calls:
        answer = act(path, body, content_type="application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "own-role"), path
