"""Webhooks that are changed, or removed meanwhile: whose secret holds, and what the audit has of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from audit.models import AuditEvent
from components.models import Component
from deployer.hooks.delivery import open_signed
from foundation.problems import Missing
from notifications.models import OutgoingWebhook
from notifications.selectors.webhooks import dispatch_of
from notifications.services import webhooks as services
from tests.cast import World
from tests.notifications.receiver import Receiver, receiver
from tests.notifications.test_webhooks import make, send, told

SignIn = Callable[[str], Client]


@pytest.fixture
def box(settings: Any) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8", "http"]
    with receiver() as found:
        yield found


def edit(world: World, hook: OutgoingWebhook, **values: Any) -> tuple[OutgoingWebhook, str]:
    return services.edit_webhook(actor=world.petra, webhook=hook, **values)


def audited() -> list[tuple[Any, Any]]:
    rows = AuditEvent.objects.filter(verb="outgoing_webhook.changed").order_by("pk")
    return list(rows.values_list("before", "after"))


@pytest.mark.security("secrets-that-leak")
def test_what_becomes_signed_gets_a_secret_of_ours_that_is_shown_once(
    world: World, component: Component, box: Receiver, signed_in: SignIn
) -> None:
    hook, _none = make(world, box.url, form="slack")
    petra, place = signed_in("petra"), f"/api/v1/projects/sis-omm/webhooks/{hook.pk}/"
    answer = petra.patch(place, {"form": "signed"}, content_type="application/json").json()
    hook.refresh_from_db()
    assert len(answer["secret"]) == 64 and hook.secret == answer["secret"]
    assert "secret" not in petra.get(place).json()
    send(told(world, component))
    open_signed(answer["secret"], box.got[0].headers, box.got[0].body)
    ((before, after),) = audited()
    assert before == {"form": "slack"} and after == {"form": "signed", "credentials": "changed"}


@pytest.mark.security("secrets-that-leak")
def test_another_address_does_not_get_the_old_secret(world: World, box: Receiver, signed_in: SignIn) -> None:
    hook, old = make(world, box.url)
    form = {"name": hook.name, "form": "signed", "url": f"{box.url}2", "kinds": ["built"], "language": "en"}
    page = signed_in("petra").post(f"/projects/sis-omm/webhooks/{hook.pk}/", form | {"is_on": "on"})
    hook.refresh_from_db()
    assert hook.secret != old and hook.secret in page.content.decode() and "no-store" in page["Cache-Control"]
    assert audited() == [(None, {"address": "changed", "credentials": "changed"})], "the same host, and another address"


@pytest.mark.security("secrets-that-leak")
def test_a_chat_s_secret_stays_with_its_address_and_form(world: World, box: Receiver) -> None:
    hook, _none = make(world, box.url, form="dingtalk", secret="SEC-of-the-chat")
    row, made = edit(world, hook, form="dingtalk", url=box.url, name="another name")
    assert (row.secret, made) == ("SEC-of-the-chat", ""), "nothing but the name is another"
    row, made = edit(world, hook, form="feishu", secret="SEC-of-feishu")
    assert (row.secret, made) == ("SEC-of-feishu", "")
    row, made = edit(world, hook, url=f"{box.url}2")
    assert (row.secret, made) == ("", "")
    assert audited()[-1] == (None, {"address": "changed", "credentials": "removed"})


def test_the_audit_has_what_was_changed_and_nothing_else(world: World, box: Receiver) -> None:
    hook, secret = make(world, box.url, name="one")
    row, made = edit(world, hook, name="one", secret="not-taken-for-this-form", url=box.url)
    assert audited() == [] and (row.secret, made) == (secret, "")
    edit(world, hook, name="two", url="http://127.0.0.2/x")
    ((before, after),) = audited()
    assert before == {"name": "one", "host": "127.0.0.1"}
    assert after == {"name": "two", "host": "127.0.0.2", "address": "changed", "credentials": "changed"}
    assert "in-the-address" not in json.dumps([before, after])


@pytest.mark.parametrize("act", ["edit", "secret", "test", "redeliver", "remove"])
def test_what_somebody_removed_meanwhile_is_missing(
    world: World, component: Component, box: Receiver, act: str
) -> None:
    """Each has read the webhook before: in that moment it goes."""
    hook, _secret = make(world, box.url)
    row = dispatch_of(hook, send(told(world, component)).pk)
    acts: dict[str, Callable[[], Any]] = {
        "edit": lambda: edit(world, hook, name="other"),
        "secret": lambda: services.renew_secret(actor=world.petra, webhook=hook),
        "test": lambda: services.try_webhook(actor=world.petra, webhook=hook),
        "redeliver": lambda: services.redeliver(actor=world.olli, dispatch=row),
        "remove": lambda: services.remove_webhook(actor=world.petra, webhook=hook),
    }
    services.remove_webhook(actor=world.petra, webhook=OutgoingWebhook.objects.get())
    with pytest.raises(Missing):
        acts[act]()
