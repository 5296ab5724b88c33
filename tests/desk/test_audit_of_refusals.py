"""What was refused is in the audit: by which way it came does not count, and where it was is said."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit.models import AuditEvent
from tests.cast import World, browse
from tests.releases.rows import make_component, make_order

pytestmark = pytest.mark.django_db


def refused() -> list[tuple[str, ...]]:
    rows = AuditEvent.objects.filter(outcome="refused").order_by("pk")
    return list(rows.values_list("actor_name", "verb", "object_name", "project", "environment"))


@pytest.mark.parametrize("way", ["page", "api"])
def test_a_rule_that_says_no_is_recorded_for_page_and_api_alike(world: World, way: str) -> None:
    """The page tells it on the form, so that no error reaches the edge."""
    path = "/projects/sis-omm/members/" if way == "page" else "/api/v1/projects/sis-omm/members/"
    given: Any = {"username": "dana", "role": "developer"}
    how = {} if way == "page" else {"content_type": "application/json"}
    assert browse(world, "petra").post(path, given, **how).status_code == 409
    (row,) = AuditEvent.objects.filter(outcome="refused")
    assert (row.actor_name, row.verb, row.object_name) == ("Petra", f"{way} POST", path)
    assert (row.project, row.environment, row.reason) == ("sis-omm", "", "Dana holds this role already.")


def test_what_somebody_else_saved_meanwhile_is_recorded_too(world: World) -> None:
    component, client = make_component(world), browse(world, "dana")
    path = f"/components/sis-omm/{component.slug}/configuration/fat/"
    for _time in range(2):
        answer = client.post(path, {"seen_number": "0", "note": "", "env_name": ["LEVEL"], "env_value": ["mine"]})
    assert answer.status_code == 409
    assert refused() == [("Dana", "page POST", path, "sis-omm", "fat")]


def test_a_missing_right_is_told_with_its_place(world: World) -> None:
    order = make_order(make_component(world), world.dana)
    path = f"/api/v1/orders/{order.number}/deployments/"
    given = json.dumps({"environment": "prd", "snapshot": "0" * 64})
    answer = browse(world, "dana").post(path, given, content_type="application/json")
    assert answer.status_code == 403
    assert refused() == [("Dana", "api POST", path, "sis-omm", "prd")]


def test_of_the_whole_site_it_names_no_project(world: World) -> None:
    assert browse(world, "petra").post("/people/dana/password/", {"password": "x"}).status_code == 403
    assert refused() == [("Petra", "page POST", "/people/dana/password/", "", "")]


def test_who_administers_the_project_reads_it_and_finds_it_by_its_project(world: World) -> None:
    browse(world, "petra").post("/projects/sis-omm/members/", {"username": "dana", "role": "developer"})
    for name in ("petra", "uma"):
        answer = browse(world, name).get("/audit/?project=sis-omm&outcome=refused")
        assert [row.event.verb for row in answer.context["rows"]] == ["page POST"]


def test_one_request_tells_nothing_of_the_next(world: World) -> None:
    """Where a right was asked for is kept for one request alone."""
    client = browse(world, "petra")
    client.post("/projects/sis-omm/members/", {"username": "dana", "role": "developer"})
    client.get("/projects/sis-omm/")
    client.post("/groups/new/", {"slug": "night", "name": "Night"})
    assert refused()[1:] == [("Petra", "page POST", "/groups/new/", "", "")]
