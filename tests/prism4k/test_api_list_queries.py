"""A list of the API costs the same number of queries however many rows it has."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.services import create_token
from components.models import Component, ComponentSettings, Template, TemplateVersion
from environments.models import ClusterTest, Membership
from releases.models import Comment
from tests.cast import World
from tests.releases.rows import make_component, make_order

FEW, MANY = 2, 7


def _make(world: World, component: Component, number: int) -> None:
    """One more row of everything that is listed below."""
    order = make_order(component, world.dana)
    Comment.objects.create(order=order, author=world.dana, text=f"row {number}")
    newest = component.settings.latest("number")
    template = Template.objects.create(kind="dockerfile", name=f"t{number}")
    TemplateVersion.objects.create(template=template, number=1, body="FROM x", author=world.ada)
    ComponentSettings.objects.create(
        component=component, number=newest.number + number + 1, name_zh="x", author=world.dana, dockerfile=template,
    )  # fmt: skip
    Membership.objects.create(
        user=world.otto, project=component.project, role="tester", environment=world.spaces["fat"].environment,
        granted_by=world.ada, ends_at=timezone.now() + timedelta(days=number + 1),
    )  # fmt: skip
    ClusterTest.objects.create(cluster=world.cluster, requested_by=world.ada)
    create_token(actor=world.ada, name=f"t{number}", scopes=["read"], lifetime=timedelta(days=1), project=None)


@pytest.mark.parametrize(
    "path",
    [
        "orders/",
        "components/",
        "components/{component}/settings/",
        "templates/",
        "projects/",
        "projects/{project}/members/",
        "people/",
        "people/otto/roles/",
        "clusters/main/tests/",
        "tokens/",
    ],
)
def test_more_rows_ask_no_more_queries(world: World, path: str) -> None:
    component = make_component(world)
    project = component.project.slug
    path = path.format(component=f"{project}/{component.slug}", project=project)
    _token, secret = create_token(actor=world.ada, name="t", scopes=["read"], lifetime=timedelta(days=1))
    client = Client(headers={"Authorization": f"Token {secret}"})
    client.get("/api/v1/me/")  # the first use of a token is noted
    counts, lengths = [], []
    for number in range(MANY):
        _make(world, component, number)
        if number + 1 in (FEW, MANY):
            with CaptureQueriesContext(connection) as caught:
                page = client.get(f"/api/v1/{path}")
            assert page.status_code == 200, page.content
            counts.append(len(caught))
            lengths.append(len(page.json()["items"]))
    assert counts[0] == counts[1], "\n".join(query["sql"][:200] for query in caught.captured_queries)
    assert lengths[1] >= lengths[0] >= 1
    if path in ("orders/", "templates/", "tokens/") or path.endswith(("settings/", "members/", "tests/", "roles/")):
        assert lengths[1] - lengths[0] == MANY - FEW
