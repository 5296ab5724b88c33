"""A stored credential goes to no other place than the one that it was typed for."""

from __future__ import annotations

from typing import Any

import pytest

from components.models import GitServer, ImageRegistry, JenkinsServer
from components.services.servers import edit_server
from foundation.problems import Invalid
from tests.cast import World

pytestmark = pytest.mark.security("stolen-cluster-credentials")


@pytest.fixture(autouse=True)
def anywhere(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8", "http"]


def refused(world: World, server: Any, **values: Any) -> list[str]:
    with pytest.raises(Invalid) as error:
        edit_server(actor=world.ada, server=server, values=values)
    return list(error.value.fields)


def test_jenkins_registry_and_git_want_it_typed_again(world: World) -> None:
    jenkins = JenkinsServer.objects.create(slug="j", name="J", url="http://127.0.0.1:1", token="kept")
    assert refused(world, jenkins, url="http://127.0.0.1:2") == ["token"]
    registry = ImageRegistry.objects.create(
        slug="r", name="R", address="127.0.0.1:1", url="http://127.0.0.1:1", password="kept"
    )
    assert refused(world, ImageRegistry.objects.get(), address="127.0.0.1:9") == ["password"]
    assert refused(world, ImageRegistry.objects.get(), url="http://127.0.0.1:9") == ["password"]
    git = GitServer.objects.create(host="127.0.0.1:3", name="G", password="kept")
    assert refused(world, git, allow_http=True) == ["password"]
    registry.refresh_from_db()
    edit_server(actor=world.ada, server=registry, values={"address": "127.0.0.1:9", "password": "again"})
    assert ImageRegistry.objects.get().password == "again"
