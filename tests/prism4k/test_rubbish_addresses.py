"""Addresses that nobody would type: a page or a problem document with a message, never a 500."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.cast import World

HUGE = "9" * 5000


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path",
    [
        f"/deployments/{HUGE}/", f"/api/v1/deployments/{HUGE}/", "/orders/K%00S/", "/orders/?text=a%00b",
        "/?text=%00&project=%00", "/components/?text=%00", "/search/?q=%00", f"/orders/?before={HUGE}",
        f"/api/v1/orders/?before={HUGE}", "/api/v1/orders/?before=%00", "/components/a%00/b/", "/environments/%00/",
        "/api/v1/orders/%00/", "/orders/?project=%00", "/orders/?state=%00", "/api/v1/components/?text=%00",
        "/approvals/?project=%00", "/orders/?%00=1",
    ],
)  # fmt: skip
def test_rubbish_gets_a_message(world: World, path: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(world.people["ada"])
    answer = client.get(path)
    assert answer.status_code in (200, 400, 404)
    assert answer.content
