"""Each field that keeps an address takes none that a browser would run, or that is no address."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from accounts.models import User
from components.models import GitServer, ImageRegistry, JenkinsServer
from desk.api_calls.operations import operations
from environments.models import Cluster, Space
from foundation.problems import Invalid
from releases.models import Promotion, ReleaseOrder
from releases.services import promotions
from tests.cast import World
from tests.releases.rows import make_built, make_component, make_success
from tests.security.scene import browse

pytestmark = [pytest.mark.security("links-that-run"), pytest.mark.django_db]

RUNS = [
    "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "\x01javascript://x/%0aalert(1)", "data:text/html,<script>1",
    "file:///etc/passwd", "//evil.example/",
]  # fmt: skip
NO_LINK = [
    "http://[x", "https://[::1", "http:evil", "https:///x", "http://\\evil", "http://a b", "https://x:99999/",
    "https://x\r\nSet-Cookie: a=b", "https://robot:hidden@reports.example/1",
]  # fmt: skip
FIELDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jenkins_servers_create.url": ("ada", "jenkins-servers/", {"slug": "n", "name": "n", "token": "t"}),
    "registry_servers_create.url": ("ada", "registries/", {"slug": "n", "name": "n", "address": "a.example"}),
    "registry_servers_create.address": ("ada", "registries/", {"slug": "n", "name": "n", "url": "https://127.0.0.1"}),
    "git_servers_create.host": ("ada", "git-servers/", {"name": "n"}),
    "clusters_create.url": ("ada", "clusters/", {"slug": "n", "name": "n", "token": "t"}),
    "component_settings_save.git_url": ("dana", "components/{component}/settings/", {"seen_number": 1}),
    "component_entry_check_save.url": ("olli", "components/{component}/entry-checks/", {"kind": "url"}),
    "component_entry_check_save_in.url": ("olli", "components/{component}/entry-checks/prd/", {"kind": "url"}),
    "outgoing_webhooks_create.url": ("petra", "projects/sis-omm/webhooks/", {"name": "n", "form": "signed"}),
    "promotions_create.report_url": (
        "tess", "orders/{order}/promotions/", {"environment": "uat", "test_verdict": "passed"},
    ),
}  # fmt: skip
SAME_CHECK = {
    "jenkins_server_edit.url", "registry_server_edit.url", "registry_server_edit.address", "git_server_edit.host",
    "clusters_update.url", "outgoing_webhooks_update.url",
}  # fmt: skip
"""A change of what the field above it makes: one function checks both."""


def test_every_field_for_an_address_is_here() -> None:
    found = {
        f"{name}.{field}"
        for name, operation in operations().items()
        for field, one in getattr(operation.reads, "fields", {}).items()
        if re.search(r"(^|_)(url|uri|link|address|host)$", field) and not one.read_only
    }
    assert found == set(FIELDS) | SAME_CHECK


@pytest.fixture
def order(world: World) -> ReleaseOrder:
    found = make_built(make_component(world), world.dana)
    make_success(found, world.spaces["fat"], world.olli)
    return found


def test_none_takes_what_would_run(world: World, order: ReleaseOrder) -> None:
    taken, names = [], {"component": f"sis-omm/{order.component.slug}", "order": order.number}
    before = [model.objects.count() for model in (JenkinsServer, ImageRegistry, GitServer, Cluster, Promotion)]
    for place, (username, path, body) in FIELDS.items():
        client, field = browse(world, username), place.partition(".")[2]
        method = "PUT" if "_save" in place else "POST"
        for text in RUNS:
            sent = json.dumps({"seen_number": 0, **body, field: text} if method == "PUT" else {**body, field: text})
            answer = client.generic(method, f"/api/v1/{path.format(**names)}", sent, content_type="application/json")
            if answer.status_code != 400 or field not in answer.json().get("fields", {}):
                taken.append((place, text, answer.status_code, answer.content[:200]))
    assert taken == []
    assert before == [model.objects.count() for model in (JenkinsServer, ImageRegistry, GitServer, Cluster, Promotion)]


def test_a_report_is_a_whole_address_without_a_password(world: World, order: ReleaseOrder) -> None:
    """People who open the order click it."""
    for text in NO_LINK:
        with pytest.raises(Invalid) as refused:
            promotions.promote(
                actor=world.tess, order=order, space=world.spaces["uat"], test_verdict="passed", report_url=text
            )
        assert list(refused.value.fields) == ["report_url"], text
    client, body = browse(world, "tess"), {"test_verdict": "passed", "report_url": NO_LINK[0]}
    assert client.post(f"/orders/{order.number}/promote/uat/", body).status_code == 400
    sent = json.dumps(body | {"environment": "uat"})
    answer = client.post(f"/api/v1/orders/{order.number}/promotions/", sent, content_type="application/json")
    assert answer.status_code == 400 and list(answer.json()["fields"]) == ["report_url"]
    assert not Promotion.objects.filter(order=order).exists()


def test_an_ordinary_report_is_kept_as_it_is(world: World, order: ReleaseOrder) -> None:
    space: Space = world.spaces["uat"]
    tester: User = world.tess
    url = "HTTPS://reports.example:8443/job/1?a=b#c"
    row = promotions.promote(actor=tester, order=order, space=space, test_verdict="passed", report_url=url)
    assert row.report_url == url
    page = browse(world, "tess").get(f"/orders/{order.number}/?panel=uat").content.decode()
    assert f'href="{url}" rel="noreferrer nofollow"' in page
