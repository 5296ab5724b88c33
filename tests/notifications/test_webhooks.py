"""Webhooks out, to a receiver that listens: signed, once, never to inner hosts; the log, and who may what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Project
from audit.models import AuditEvent
from components.models import Component
from deployer.hooks.delivery import open_signed
from foundation.models import Remote
from foundation.problems import Denied, Invalid, Refused
from foundation.runs.choices import RunState
from notifications.models import Dispatch, OutgoingWebhook
from notifications.services import webhooks as services
from tests.cast import World
from tests.notifications.mail_server import silent_port
from tests.notifications.receiver import Receiver, receiver
from tests.notifications.telling import tell
from tests.releases.pages.test_order import words
from tests.releases.rows import make_built
from tests.releases.test_contact_deadline import run_once

SignIn = Callable[[str], Client]


@pytest.fixture
def box(settings: Any) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8", "http"]
    settings.PLATFORM_URL = "https://prism.example"
    with receiver() as found:
        yield found


def make(world: World, url: str, **more: Any) -> tuple[OutgoingWebhook, str]:
    values = {"name": f"hook {OutgoingWebhook.objects.count()}", "kinds": ["built"], "language": "en"} | more
    return services.make_webhook(actor=world.petra, project=world.project, url=url, **values)


def send(row: Dispatch) -> Dispatch:
    """One pass of the engine over it, without its pause."""
    Dispatch.objects.filter(pk=row.pk).update(next_at=timezone.now() - timedelta(seconds=1))
    Remote.objects.update(probe_at=timezone.now() - timedelta(seconds=1))
    run_once("dispatch", row.pk)
    row.refresh_from_db()
    return row


def told(world: World, component: Component) -> Dispatch:
    make_built(component, world.dana)
    tell()
    return Dispatch.objects.latest("pk")


def test_what_was_chosen_is_sent_signed_and_once(world: World, component: Component, box: Receiver) -> None:
    hook, secret = make(world, box.url)
    row = send(told(world, component))
    assert (row.state, row.status, row.attempts) == (RunState.SUCCEEDED, 200, 1)
    (got,) = box.got
    assert got.path == "/hook?key=in-the-address"
    open_signed(secret, got.headers, got.body)
    sent = json.loads(got.body)
    assert sent["kind"] == "built" and sent["text"].endswith("was built") and sent["project"] == "sis-omm"
    assert sent["url"].startswith("https://prism.example/orders/") and sent["delivery"] == str(row.number)
    from notifications.models import Telling

    Telling.objects.update(told=0)
    tell()
    assert Dispatch.objects.count() == 1, "read again, as after a restore: told once"


@pytest.mark.parametrize("how", ["another kind", "switched off", "another project"])
def test_what_was_not_chosen_is_not_sent(world: World, component: Component, box: Receiver, how: str) -> None:
    if how == "another project":
        other = Project.objects.create(organisation=world.organisation, slug="other", name="Other")
        from environments.models import Membership

        Membership.objects.create(user=world.petra, role="project_admin", project=other, reason="cast")
        services.make_webhook(actor=world.petra, project=other, name="x", url=box.url, kinds=["built"])
    else:
        make(world, box.url, kinds=["returned"] if how == "another kind" else ["built"], is_on=how == "another kind")
    make_built(component, world.dana)
    tell()
    assert not Dispatch.objects.exists()


def test_it_is_sent_in_the_language_of_the_webhook(world: World, component: Component, box: Receiver) -> None:
    make(world, box.url, form="wecom", language="zh-hans")
    box.answers = [(200, b'{"errcode":0,"errmsg":"ok"}')]
    assert send(told(world, component)).state == RunState.SUCCEEDED
    assert "构建成功" in json.loads(box.got[0].body)["markdown"]["content"]


def test_what_is_off_or_archived_by_then_is_not_sent(world: World, component: Component, box: Receiver) -> None:
    hook, _secret = make(world, box.url)
    row = told(world, component)
    OutgoingWebhook.objects.update(is_on=False)
    assert send(row).state == RunState.CANCELLED
    OutgoingWebhook.objects.update(is_on=True)
    second = told(world, component)
    Project.objects.update(is_archived=True)
    assert send(second).state == RunState.CANCELLED and box.got == []


# ---------------------------------------------------------------- where it may lead
@pytest.mark.security("requests-to-inner-hosts")
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "https://10.0.0.1/x", "https://169.254.169.254/latest", "ftp://chat.example/x",
            "https://user:pass@chat.example/x", "file:///etc/passwd"],
)  # fmt: skip
def test_no_address_that_is_not_allowed_is_saved(world: World, url: str, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = []
    with pytest.raises(Invalid):
        make(world, url)
    assert not OutgoingWebhook.objects.exists()


def test_an_address_that_cannot_be_sent_to_is_refused_and_ends(
    world: World, component: Component, box: Receiver
) -> None:
    """The resolver and the standard library take it; what sends does not."""
    url = box.url.replace("127.0.0.1", "127.0.0.01")
    with pytest.raises(Invalid):
        make(world, url)
    hook, _secret = make(world, box.url)
    hook.url = url
    hook.save()
    row = send(told(world, component))
    assert row.state == RunState.FAILED and "cannot be sent to" in str(row.message) and box.got == []


@pytest.mark.security("requests-to-inner-hosts")
def test_what_is_not_allowed_any_more_is_not_called(
    world: World, component: Component, box: Receiver, settings: Any
) -> None:
    make(world, box.url)
    settings.OUTBOUND_ALLOW = ["http"]
    row = send(told(world, component))
    assert row.state == RunState.FAILED and "OUTBOUND_ALLOW" in str(row.message) and box.got == []


@pytest.mark.security("requests-to-inner-hosts")
def test_no_redirect_is_followed(world: World, component: Component, box: Receiver) -> None:
    make(world, box.url)
    box.answers, box.location = [(302, b"")], "http://127.0.0.1:1/inner"
    row = send(told(world, component))
    assert row.state == RunState.FAILED and row.status == 302 and len(box.got) == 1


# ---------------------------------------------------------------- what goes wrong
def test_later_is_asked_again_later_and_later(world: World, component: Component, box: Receiver) -> None:
    make(world, box.url)
    box.answers = [(503, b"busy"), (429, b""), (500, b"x" * 9000), (200, b"ok")]
    row, pauses = told(world, component), []
    for _ in range(3):
        send(row)
        assert row.state == RunState.RUNNING
        pauses.append(round((row.next_at - timezone.now()).total_seconds(), -1))
    assert pauses == [30, 60, 120] and len(str(row.message)) < 400
    assert send(row).state == RunState.SUCCEEDED and row.attempts == 4
    assert {json.loads(got.body)["delivery"] for got in box.got} == {str(row.number)}


@pytest.mark.parametrize(("status", "answer"), [(404, b"gone"), (200, b'{"errcode":93000,"errmsg":"invalid webhook"}')])
def test_a_no_is_the_end_with_its_words(
    world: World, component: Component, box: Receiver, status: int, answer: bytes
) -> None:
    make(world, box.url, form="wecom")
    box.answers = [(status, answer)]
    row = send(told(world, component))
    assert row.state == RunState.FAILED and row.attempts == 1
    assert ("gone" if status == 404 else "invalid webhook") in str(row.message)


def test_after_a_day_nothing_is_sent_late(
    world: World, component: Component, box: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day from when it happened, though nobody told of it for most of it; by hand it may be sent at any time."""
    from notifications.steps import dispatch

    make(world, box.url)
    row = told(world, component)
    late = row.at + timedelta(hours=24, microseconds=1)
    monkeypatch.setattr(dispatch, "db_now", lambda: late)
    assert send(row).state == RunState.FAILED and box.got == []
    Dispatch.objects.update(at=timezone.now() - timedelta(days=2), due_at=timezone.now() - timedelta(days=2))
    monkeypatch.undo()
    row.refresh_from_db()
    assert send(services.redeliver(actor=world.olli, dispatch=row)).state == RunState.SUCCEEDED


def test_one_that_is_silent_holds_up_nobody_else(
    world: World, component: Component, box: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its breaker opens; the other webhook of the same notice is sent meanwhile."""
    from foundation.runs import kinds
    from foundation.runs.claim import claim
    from notifications.steps import dispatch

    monkeypatch.setattr(dispatch, "ANSWER_SECONDS", 0.3)
    with silent_port() as port:
        silent, _secret = make(world, f"http://127.0.0.1:{port}/x")
        make(world, box.url)
        make_built(component, world.dana)
        tell()
        first, second = Dispatch.objects.order_by("webhook_id")
        send(first)
        assert first.state == RunState.RUNNING and first.contact_lost_since and str(first.message)
        assert Remote.objects.get(name=silent.key).is_open
        Dispatch.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        Remote.objects.update(probe_at=timezone.now() + timedelta(hours=1))
        (lease,) = claim(kinds.get("dispatch"), owner="x", limit=9)
        assert lease.pk == second.pk
        Dispatch.objects.filter(pk=second.pk).update(owner="", lease_until=timezone.now() - timedelta(seconds=1))
        assert send(second).state == RunState.SUCCEEDED


def test_a_worker_that_dies_between_sending_and_writing_doubles_it_once_under_one_number(
    world: World, component: Component, box: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifications.steps import dispatch

    make(world, box.url)
    row, real = told(world, component), dispatch._heard

    def dies(*args: Any) -> Any:
        raise SystemError("killed")

    monkeypatch.setattr(dispatch, "_heard", dies)
    send(row)
    monkeypatch.setattr(dispatch, "_heard", real)
    assert send(row).state == RunState.SUCCEEDED
    assert [json.loads(got.body)["delivery"] for got in box.got] == [str(row.number)] * 2


def test_a_late_worker_sends_nothing(
    world: World, component: Component, box: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifications.steps import dispatch

    make(world, box.url)
    row, real = told(world, component), dispatch._request

    def sleeps(*args: Any) -> Any:
        monkeypatch.setattr("foundation.runs.lease.Lease.remaining", lambda self: 0.0)
        return real(*args)

    monkeypatch.setattr(dispatch, "_request", sleeps)
    send(row)
    assert box.got == [] and row.state == RunState.RUNNING


# ---------------------------------------------------------------- people
@pytest.mark.security("secrets-that-leak")
def test_address_and_secret_are_shown_once_or_never(
    world: World, component: Component, box: Receiver, signed_in: SignIn
) -> None:
    petra = signed_in("petra")
    form = {"name": "team", "form": "signed", "url": box.url, "kinds": ["built"], "language": "en", "is_on": "on"}
    made = petra.post("/projects/sis-omm/webhooks/", form)
    hook = OutgoingWebhook.objects.get()
    assert made.status_code == 200 and hook.secret in made.content.decode() and "no-store" in made["Cache-Control"]
    later = [
        petra.get(address).content.decode()
        for address in (
            "/projects/sis-omm/webhooks/", f"/projects/sis-omm/webhooks/{hook.pk}/",
            "/api/v1/projects/sis-omm/webhooks/", f"/api/v1/projects/sis-omm/webhooks/{hook.pk}/",
        )
    ]  # fmt: skip
    kept = json.dumps(list(AuditEvent.objects.values("before", "after")))
    for text in (*later, kept):
        assert hook.secret not in text and "in-the-address" not in text
    assert "127.0.0.1" in later[0] and "127.0.0.1" in later[2]
    old = hook.secret
    renewed = petra.post(f"/projects/sis-omm/webhooks/{hook.pk}/secret/")
    hook.refresh_from_db()
    assert hook.secret != old and hook.secret in renewed.content.decode()
    edited = {"name": "night", "form": "signed", "kinds": ["built", "returned"], "language": "zh-hans"}
    assert petra.post(f"/projects/sis-omm/webhooks/{hook.pk}/", edited).status_code == 302
    hook.refresh_from_db()
    assert (hook.name, hook.is_on, hook.url) == ("night", False, box.url), "an empty address keeps the old one"


def test_the_log_says_what_came_of_it_and_it_is_sent_once_more(
    world: World, component: Component, box: Receiver, signed_in: SignIn
) -> None:
    hook, _secret = make(world, box.url)
    box.answers = [(404, b"gone"), (200, b"ok")]
    first = send(told(world, component))
    olli, place = signed_in("olli"), f"/projects/sis-omm/webhooks/{hook.pk}/"
    said = words(olli.get(place))
    assert "was built" in said and "It answered 404: gone" in said and str(first.number) in said
    assert olli.post(f"{place}deliveries/{first.pk}/redeliver/").status_code == 302
    second = send(Dispatch.objects.latest("pk"))
    assert second.state == RunState.SUCCEEDED and second.number == first.number and second.repeated_by == world.olli
    assert "sent once more by Olli" in words(olli.get(place))
    items = olli.get(f"/api/v1{place}deliveries/").json()["items"]
    assert [(row["state"], row["is_repeat"]) for row in items] == [("succeeded", True), ("failed", False)]
    assert AuditEvent.objects.filter(verb="outgoing_webhook.redelivered").count() == 1


def test_who_may_what(world: World, component: Component, box: Receiver, signed_in: SignIn) -> None:
    """Project administrators manage them; who runs things may send once more; nobody else sees them."""
    hook, _secret = make(world, box.url)
    row = send(told(world, component))
    place = f"/api/v1/projects/sis-omm/webhooks/{hook.pk}/"
    for name, sees in (("petra", 200), ("olli", 200), ("dana", 403), ("tess", 403), ("ada", 403), ("otto", 404)):
        client = signed_in(name)
        assert client.get(place).status_code == sees, name
        page = client.get("/projects/sis-omm/").content.decode()
        assert ('href="/projects/sis-omm/webhooks/"' in page) == (sees == 200), name
        allowed = {"petra": 200}.get(name, 403 if sees != 404 else 404)
        answer = client.patch(place, {"name": f"by {name}"}, content_type="application/json")
        assert answer.status_code == allowed, name
        assert client.post(f"{place}test/").status_code == (201 if name == "petra" else allowed), name
        assert client.post(f"{place}deliveries/{row.pk}/redelivery/").status_code == (201 if sees == 200 else sees)
    with pytest.raises(Denied):
        services.remove_webhook(actor=world.olli, webhook=hook)
    services.remove_webhook(actor=world.petra, webhook=hook)
    assert not Dispatch.objects.exists() and signed_in("petra").get(place).status_code == 404


def test_a_test_is_told_as_one(world: World, box: Receiver) -> None:
    hook, secret = make(world, box.url)
    row = send(services.try_webhook(actor=world.petra, webhook=hook))
    assert row.state == RunState.SUCCEEDED and json.loads(box.got[0].body)["kind"] == "test"


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"kinds": ["no-such-kind"]}, {"form": "telegram"}, {"language": "tlh"}]
)
def test_what_makes_no_sense_is_refused(world: World, box: Receiver, wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        make(world, box.url, **wrong)


def test_there_are_no_more_than_twenty_and_no_two_of_a_name(world: World, box: Receiver) -> None:
    make(world, box.url, name="one")
    with pytest.raises(Invalid):
        make(world, box.url, name="one")
    OutgoingWebhook.objects.bulk_create(
        OutgoingWebhook(project=world.project, name=f"n{n}", created_by=world.petra) for n in range(19)
    )
    with pytest.raises(Refused):
        make(world, box.url, name="too many")


def test_what_is_under_way_is_not_sent_once_more(world: World, component: Component, box: Receiver) -> None:
    make(world, box.url)
    with pytest.raises(Refused):
        services.redeliver(actor=world.olli, dispatch=told(world, component))
