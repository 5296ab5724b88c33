"""One delivery sent many times at one moment, and a webhook that ends meanwhile."""

from __future__ import annotations

from functools import partial

import pytest
from django.utils.datastructures import CaseInsensitiveMapping

from components import services
from components.models import Component, Webhook, WebhookDelivery
from components.services.webhooks import accept_delivery
from deployer.hooks.delivery import Headers
from foundation.problems import Refused
from releases.models import Build
from releases.services.nudges import wake_builds_in
from tests import deliveries as sent
from tests.cast import World
from tests.releases import rows
from tests.releases.concurrency.crowd import at_once

pytestmark = pytest.mark.slow
MANY, ROUNDS = 6, 8


def take(key: str, headers: Headers, body: bytes) -> str:
    accept_delivery(kind="jenkins", key=key, headers=headers, body=body, act=wake_builds_in)
    return "accepted"


def send(key: str, secret: str, body: bytes) -> str:
    return take(key, CaseInsensitiveMapping(sent.signed_headers(secret, body)), body)


def test_one_of_many_alike_counts(world: World, component: Component) -> None:
    build = rows.build(rows.make_order(component, world.dana))
    _hook, secret = services.make_webhook(actor=world.ada, server=build.server)
    for number in range(ROUNDS):
        body = sent.encoded({"number": number})
        headers = CaseInsensitiveMapping(sent.signed_headers(secret, body))
        given = at_once([partial(take, build.server.slug, headers, body)] * MANY)
        assert given.count("accepted") == 1
        assert {one.code for one in given if isinstance(one, Refused)} == {"not-now"}
    assert WebhookDelivery.objects.count() == ROUNDS
    assert Build.objects.get(pk=build.pk).wakes == ROUNDS
    hook = Webhook.objects.get()
    assert (hook.accepted, hook.refused) == (ROUNDS, ROUNDS * (MANY - 1))


def test_a_webhook_that_ends_while_it_is_called(world: World, component: Component) -> None:
    build = rows.build(rows.make_order(component, world.dana))
    for number in range(ROUNDS):
        _hook, secret = services.make_webhook(actor=world.ada, server=build.server)
        bodies = [sent.encoded({"round": number, "number": other}) for other in range(MANY)]
        calls = [partial(send, build.server.slug, secret, body) for body in bodies]
        ends = [lambda: services.end_webhook(actor=world.ada, server=build.server)]
        given = at_once([*calls[:3], *ends, *calls[3:]])
        assert {one.code for one in given if isinstance(one, Refused)} <= {"not-authentic"}
        assert not Webhook.objects.exists() and not WebhookDelivery.objects.exists()


def test_two_make_a_secret_at_once(world: World, component: Component) -> None:
    server = rows.build(rows.make_order(component, world.dana)).server
    for _round in range(ROUNDS):
        given = at_once([lambda: services.make_webhook(actor=world.ada, server=server)[1]] * 2)
        assert Webhook.objects.get().secret in given
        services.end_webhook(actor=world.ada, server=server)
