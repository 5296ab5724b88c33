"""What Jenkins and the registry push makes builds due now, and nothing else."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from components import services
from components.models import ImageRegistry, JenkinsServer, Webhook
from components.services import webhooks
from foundation.clock import PARKED
from releases.models import Build, LateImage, OrderEvent
from releases.transitions import end_run
from tests import deliveries as sent
from tests.cast import World
from tests.releases.rows import build, make_component, make_order

FAR = PARKED - timedelta(days=1)


@pytest.fixture(autouse=True)
def _fresh_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_limits", webhooks._Limits())


@pytest.fixture
def builds(world: World) -> list[Build]:
    """Two that run and one that ended, none of them due."""
    component = make_component(world)
    rows = [build(make_order(component, world.dana)) for _number in range(3)]
    end_run(rows[2], "failed", actor=None, reason="build_failed")
    Build.objects.update(next_at=FAR)
    return rows


def secret_of(world: World, server: JenkinsServer | ImageRegistry) -> str:
    return services.make_webhook(actor=world.ada, server=server)[1]


def send(client: Client, server: JenkinsServer | ImageRegistry, body: bytes, headers: dict[str, str]) -> Any:
    path = f"/hooks/servers/{server.kind}/{server.slug}"
    return client.post(path, body, content_type="application/json", headers=headers)


def due() -> set[int]:
    return set(Build.objects.filter(next_at__lte=timezone.now()).values_list("pk", flat=True))


def facts() -> list[tuple[Any, ...]]:
    """All but when it is due."""
    names = [field.attname for field in Build._meta.concrete_fields if field.attname not in ("next_at", "wakes")]
    return [*Build.objects.order_by("pk").values_list(*names), (OrderEvent.objects.count(),)]


# ---------------------------------------------------------------- Jenkins
def test_a_build_that_tells_of_itself_is_looked_at_now(client: Client, world: World, builds: list[Build]) -> None:
    server = builds[0].server
    key, before = secret_of(world, server), facts()
    body = sent.encoded({"trigger_id": str(builds[1].trigger_id), "build_number": 7, "result": "SUCCESS"})
    assert send(client, server, body, sent.signed_headers(key, body)).status_code == 202
    assert due() == {builds[1].pk}
    assert facts() == before, "no word of the body is a fact"


def test_without_a_trigger_id_all_that_run_there_are_looked_at(
    client: Client, world: World, builds: list[Build]
) -> None:
    server = builds[0].server
    key = secret_of(world, server)
    assert send(client, server, b"{}", sent.signed_headers(key, b"{}")).status_code == 202
    assert due() == {builds[0].pk, builds[1].pk}


def test_another_server_wakes_nothing_here(client: Client, world: World, builds: list[Build]) -> None:
    other = JenkinsServer.objects.create(slug="other", name="Other", url="http://127.0.0.1:2", username="x")
    key = secret_of(world, other)
    for given in ({}, {"trigger_id": str(builds[0].trigger_id)}, {"trigger_id": "no id"}, {"trigger_id": 7}):
        body = sent.encoded({**given, "nonce": uuid.uuid4().hex})
        assert send(client, other, body, sent.signed_headers(key, body)).status_code == 202
    assert due() == set()


def test_an_old_or_repeated_nudge_changes_nothing(client: Client, world: World, builds: list[Build]) -> None:
    server = builds[0].server
    key = secret_of(world, server)
    now = timezone.now().timestamp()
    for seconds in (-301, 301):
        late = send(client, server, b"{}", sent.signed_headers(key, b"{}", at=now + seconds))
        assert late.status_code == 409 and "clock" in late.json()["detail"]
    assert due() == set() and Webhook.objects.get().refused == 2
    headers = sent.signed_headers(key, b"{}", at=now)
    assert send(client, server, b"{}", headers).status_code == 202
    Build.objects.update(next_at=FAR)
    assert send(client, server, b"{}", headers).status_code == 409
    assert due() == set()
    hook = Webhook.objects.get()
    assert (hook.accepted, hook.refused) == (1, 3)


# ---------------------------------------------------------------- registry
def test_a_pushed_image_is_looked_for_now(client: Client, world: World, builds: list[Build]) -> None:
    registry = builds[0].registry
    key, before = secret_of(world, registry), facts()
    body = sent.encoded(sent.harbor_push("sis-omm/sis-omm-proxy-gw", builds[0].order.number))
    assert send(client, registry, body, {"Authorization": key}).status_code == 202
    assert due() == {builds[0].pk} and facts() == before
    Build.objects.update(next_at=FAR)
    at = timezone.now().isoformat()
    body = sent.encoded(sent.distribution_push("sis-omm/sis-omm-proxy-gw", builds[1].order.number, at=at))
    assert send(client, registry, body, {"Authorization": f"Bearer {key}"}).status_code == 202
    assert due() == {builds[1].pk}


def test_a_build_that_ended_without_its_image_has_the_registry_asked(
    client: Client, world: World, builds: list[Build]
) -> None:
    registry, ended = builds[2].registry, builds[2]
    key, before = secret_of(world, registry), facts()
    for _time in range(2):
        body = sent.encoded({**sent.harbor_push("a/b", ended.order.number), "operator": uuid.uuid4().hex})
        assert send(client, registry, body, {"Authorization": key}).status_code == 202
    row = LateImage.objects.get()
    assert (row.build, row.is_active, row.wakes) == (ended, True, 2)
    assert due() == set() and facts() == before, "no word of the body is a fact"


def test_other_images_wake_nothing(client: Client, world: World, builds: list[Build]) -> None:
    registry = builds[0].registry
    other = ImageRegistry.objects.create(slug="two", name="Two", address="two.example", url="http://127.0.0.1:3")
    here, there = secret_of(world, registry), secret_of(world, other)
    body = sent.encoded(sent.harbor_push("base/tomcat", "8.0.14"))
    assert send(client, registry, body, {"Authorization": here}).status_code == 202
    body = sent.encoded(sent.harbor_push("sis-omm/sis-omm-proxy-gw", builds[0].order.number))
    assert send(client, other, body, {"Authorization": there}).status_code == 202
    assert due() == set()


def test_a_registry_that_repeats_until_it_succeeds_is_not_held_up(
    client: Client, world: World, builds: list[Build]
) -> None:
    """The distribution registry sends the next notification only after this one: an old one is answered as done."""
    registry = builds[0].registry
    key = secret_of(world, registry)
    old = datetime(2016, 3, 9, 14, 44, 26, tzinfo=UTC).isoformat()
    body = sent.encoded(sent.distribution_push("a/b", builds[0].order.number, at=old))
    answer = send(client, registry, body, {"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200 and answer.json()["code"] == "not-now"
    late = send(client, registry, sent.encoded(sent.harbor_push("a/b", "c", at=0)), {"Authorization": key})
    assert late.status_code == 409
    assert due() == set() and (Webhook.objects.get().accepted, Webhook.objects.get().refused) == (0, 2)
