"""Mails, through a mail server that listens: language, rights, the night, back-off, and a worker that dies between."""

from __future__ import annotations

import html
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.utils import timezone

from accounts.models import User
from components.models import Component
from environments.models import Membership
from foundation.models import Remote
from foundation.runs import kinds
from foundation.runs.choices import RunState
from foundation.runs.claim import claim
from notifications import smtp
from notifications.models import Mail, Notice, Telling
from notifications.services.preferences import mute, save_preferences
from notifications.steps import telling
from tests.cast import World, browse
from tests.notifications.mail_server import Mailbox, knows, mail_server, silent_port
from tests.notifications.telling import tell
from tests.releases.rows import make_built
from tests.releases.test_contact_deadline import run_once

pytestmark = pytest.mark.security("rights-that-ended")


@pytest.fixture
def box(settings: Any) -> Iterator[Mailbox]:
    settings.PLATFORM_URL = "https://prism.example"
    with mail_server(settings) as found:
        yield found


@pytest.fixture
def dana(world: World) -> User:
    """Wants mails of what was built, in Chinese."""
    User.objects.filter(pk=world.dana.pk).update(
        email="dana@corp.example", language="zh-hans", time_zone="Asia/Shanghai"
    )
    world.dana.refresh_from_db()
    save_preferences(actor=world.dana, ways={"built": ["mail"]})
    return world.dana


def told(world: World, component: Component) -> Mail:
    """Dana's order was built, and she is to be told by mail."""
    make_built(component, world.dana)
    tell()
    return Mail.objects.latest("pk")


def send(mail: Mail) -> Mail:
    """One pass of the engine over it, without its pause."""
    Mail.objects.filter(pk=mail.pk).update(next_at=timezone.now() - timedelta(seconds=1))
    Remote.objects.update(probe_at=timezone.now() - timedelta(seconds=1))
    run_once("mail", mail.pk)
    mail.refresh_from_db()
    return mail


def pause_of(mail: Mail) -> float:
    return (mail.next_at - timezone.now()).total_seconds()


def text_of(found: Any) -> str:
    return str(found.get_content())


def test_it_is_plain_text_in_the_readers_language_with_a_link(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    mail = send(told(world, component))
    assert (mail.state, mail.attempts, str(mail.message)) == (RunState.SUCCEEDED, 1, "")
    (found,) = box.mails
    notice = Notice.objects.get(mail=mail)
    assert found["To"] == "dana@corp.example" and found["From"].addresses[0].domain
    assert found["Subject"] == f"[Prism4k] {component.name} {notice.order.short_name} 构建成功"
    assert found.get_content_type() == "text/plain" and found["Auto-Submitted"] == "auto-generated"
    body = text_of(found)
    assert f"https://prism.example{notice.path}" in body and "https://prism.example/me/notifications/" in body
    assert "CST" in body, "times are those of the receiver's zone"
    save_preferences(actor=dana, ways={"built": ["mail"]})
    User.objects.filter(pk=dana.pk).update(language="en")
    send(told(world, component))
    assert box.mails[1]["Subject"].endswith("was built")


def test_who_chose_no_mail_or_has_no_address_gets_none(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    save_preferences(actor=dana, ways={"built": ["list"]})
    save_preferences(actor=world.dave, ways={"built": ["mail"]})
    make_built(component, world.dana, builder=world.dave)
    tell()
    assert Notice.objects.count() == 2 and not Mail.objects.exists()


def test_what_happened_more_than_a_day_ago_is_in_the_list_alone(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    """The audit was not sealed for a while, or nothing told: what is over by now fills no mailbox."""
    make_built(component, world.dana)
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        tell()
    assert Notice.objects.filter(person=dana).exists() and not Mail.objects.exists()


def test_without_a_mail_server_nothing_waits_for_one(
    world: World, component: Component, dana: User, settings: Any
) -> None:
    settings.MAIL_HOST = ""
    make_built(component, world.dana)
    tell()
    assert Notice.objects.exists() and not Mail.objects.exists()


@pytest.mark.parametrize("how", ["a role that ended", "switched off", "no address any more"])
def test_the_receivers_rights_are_those_of_the_sending(
    world: World, component: Component, dana: User, box: Mailbox, how: str
) -> None:
    mail = told(world, component)
    if how == "a role that ended":
        Membership.objects.filter(user=dana).delete()
    else:
        User.objects.filter(pk=dana.pk).update(**({"is_active": False} if how == "switched off" else {"email": ""}))
    assert send(mail).state == RunState.CANCELLED and str(mail.message) and box.mails == []


def test_an_order_that_is_muted_meanwhile_is_not_sent(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    mail = told(world, component)
    mute(actor=dana, order=Notice.objects.get(mail=mail).order)
    assert send(mail).state == RunState.CANCELLED and "muted" in mail.message.in_english and box.mails == []


# ---------------------------------------------------------------- the night
def test_all_of_a_night_is_one_mail_at_its_end(world: World, component: Component, dana: User, box: Mailbox) -> None:
    save_preferences(actor=dana, has_digest=True)
    with time_machine.travel(datetime(2026, 12, 1, 15, 30, tzinfo=UTC), tick=False):  # 23:30 in Shanghai
        first = told(world, component)
        assert first.is_digest and first.due_at == datetime(2026, 12, 1, 23, 0, tzinfo=UTC)
        assert first.next_at == first.due_at
        assert told(world, component) == first, "it joins the mail that waits"
        early = send(first)
        assert (early.state, box.mails) == (RunState.QUEUED, []), "woken before its time, it waits on"
    with time_machine.travel(datetime(2026, 12, 1, 23, 0, 1, tzinfo=UTC), tick=False):  # 7:00
        assert told(world, component) != first, "by day each has its own"
        Notice.objects.filter(mail=first).order_by("pk").first()
        assert send(first).state == RunState.SUCCEEDED
    (found,) = box.mails
    assert "2" in found["Subject"] and text_of(found).count("构建成功") == 2


def test_a_night_of_more_than_one_mail_holds_says_how_many_more_there_are(
    world: World, component: Component, dana: User, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifications.steps import mail as step

    monkeypatch.setattr(step, "MOST_LINES", 2)
    save_preferences(actor=dana, has_digest=True)
    with time_machine.travel(datetime(2026, 12, 1, 15, 30, tzinfo=UTC), tick=False):
        mail = [told(world, component) for _ in range(5)][-1]
    with time_machine.travel(datetime(2026, 12, 1, 23, 0, 1, tzinfo=UTC), tick=False):
        assert send(mail).state == RunState.SUCCEEDED
    (found,) = box.mails
    body = text_of(found)
    assert "5" in found["Subject"] and body.count("构建成功") == 2
    (line,) = [one for one in body.splitlines() if one.endswith("https://prism.example/notifications/")]
    assert "3" in line


def test_what_was_read_at_night_is_not_sent_in_the_morning(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    save_preferences(actor=dana, has_digest=True)
    with time_machine.travel(datetime(2026, 12, 1, 15, 30, tzinfo=UTC), tick=False):
        mail = told(world, component)
        Notice.objects.update(read_at=timezone.now())
    with time_machine.travel(datetime(2026, 12, 1, 23, 0, 1, tzinfo=UTC), tick=False):
        assert send(mail).state == RunState.CANCELLED and box.mails == []


def test_a_mail_that_is_being_sent_takes_nothing_more(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    save_preferences(actor=dana, has_digest=True)
    with time_machine.travel(datetime(2026, 12, 1, 15, 30, tzinfo=UTC), tick=False):
        first = told(world, component)
        Mail.objects.filter(pk=first.pk).update(state=RunState.RUNNING)
        assert told(world, component) != first


# ---------------------------------------------------------------- what goes wrong
def test_another_time_is_asked_again_later_and_later(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    box.answers = ["451 greylisted", "452 full", "450 busy"]
    mail = told(world, component)
    pauses = []
    for _ in range(3):
        send(mail)
        assert mail.state == RunState.RUNNING
        pauses.append((mail.next_at - timezone.now()).total_seconds())
    assert [round(pause, -1) for pause in pauses] == [30, 60, 120] and "busy" in str(mail.message)
    assert send(mail).state == RunState.SUCCEEDED and mail.attempts == 4 and len(box.mails) == 1


def test_after_a_long_silence_another_time_is_still_a_pause(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    box.answers = ["451 greylisted"]
    mail = told(world, component)
    Mail.objects.update(attempts=2000)
    send(mail)
    assert mail.state == RunState.RUNNING and "greylisted" in str(mail.message)
    assert round((mail.next_at - timezone.now()).total_seconds(), -1) == 3600


def test_a_mail_that_the_engine_gave_up_is_shown_to_its_receiver(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    told(world, component)
    Mail.objects.update(state=RunState.ERRORED, finished_at=timezone.now())
    page = browse(world, "dana").get("/me/notifications/").content.decode()
    assert "未送达的邮件" in page and "平台异常" in page


@pytest.mark.parametrize("where", ["at the text", "at the address"])
def test_never_is_given_up_with_its_reason(
    world: World, component: Component, dana: User, box: Mailbox, where: str
) -> None:
    if where == "at the text":
        box.answers = ["554 no such thing here"]
    else:
        box.rcpt_answer = "550 nobody of that name"
    mail = send(told(world, component))
    assert mail.state == RunState.FAILED and mail.attempts == 1
    client = browse(world, "dana")
    assert str(mail.message).partition(":")[2].strip() in html.unescape(
        client.get("/me/notifications/").content.decode()
    )
    assert ("no such thing" if where == "at the text" else "nobody of that name") in str(mail.message)


def test_after_a_day_it_is_given_up_and_not_sent_late(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    mail = told(world, component)
    Mail.objects.update(due_at=timezone.now() - timedelta(hours=25))
    assert send(mail).state == RunState.FAILED and "day" in str(mail.message) and box.mails == []


def test_a_server_that_is_silent_is_a_remote_that_is_away(
    world: World, component: Component, dana: User, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifications.steps import mail as step

    monkeypatch.setattr(step, "ANSWER_SECONDS", 0.3)
    settings.MAIL_SECURITY = "none"
    with silent_port() as port:
        settings.MAIL_HOST, settings.MAIL_PORT = "127.0.0.1", port
        mail = send(told(world, component))
    assert mail.state == RunState.RUNNING and mail.contact_lost_since is not None
    assert Remote.objects.get(name=smtp.KEY).is_open
    with mail_server(settings) as box:
        assert send(mail).state == RunState.SUCCEEDED and len(box.mails) == 1
    assert not Remote.objects.get(name=smtp.KEY).is_open


def test_a_worker_that_dies_between_sending_and_writing_doubles_it_once_under_one_id(
    world: World, component: Component, dana: User, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifications.steps import mail as step

    mail, real = told(world, component), step.end

    def dies(*args: Any) -> Any:
        raise SystemError("killed")

    monkeypatch.setattr(step, "end", dies)
    send(mail)
    assert mail.state == RunState.RUNNING and len(box.mails) == 1
    monkeypatch.setattr(step, "end", real)
    assert send(mail).state == RunState.SUCCEEDED
    first, second = box.mails
    assert first["Message-ID"] == second["Message-ID"] == f"<notice-{mail.number}@prism.example>"
    assert claim(kinds.get("mail"), owner="x", limit=1, pk=mail.pk, grace=1e9) == [], "it is never sent again"


def test_no_answer_after_the_text_is_sent_again(world: World, component: Component, dana: User, box: Mailbox) -> None:
    box.ends_after_data = 1
    mail = send(told(world, component))
    assert mail.state == RunState.RUNNING and len(box.mails) == 1
    assert "without an answer" in str(mail.message) and round(pause_of(mail), -1) == 30
    assert mail.contact_lost_since is None and not Remote.objects.filter(name=smtp.KEY, opened_at__isnull=False)
    assert send(mail).state == RunState.SUCCEEDED
    assert {one["Message-ID"] for one in box.mails} == {box.mails[0]["Message-ID"]}


def test_a_text_without_an_answer_is_sent_a_few_times_only(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    box.ends_after_data = 100
    mail, pauses = told(world, component), []
    while not send(mail).is_terminal:
        pauses.append(round(pause_of(mail), -1))
    assert pauses == [30, 60, 120, 240] and len(box.mails) == 5
    assert mail.state == RunState.FAILED and "it may have arrived" in str(mail.message)
    assert not Remote.objects.filter(name=smtp.KEY, opened_at__isnull=False), "the mails of others go on"


def test_a_server_that_hangs_up_before_the_text_has_certainly_not_got_it(
    world: World, component: Component, dana: User, box: Mailbox
) -> None:
    box.ends_at_sender = True
    mail = send(told(world, component))
    assert (mail.state, mail.unanswered) == (RunState.RUNNING, 0) and mail.contact_lost_since is not None
    box.ends_at_sender = False
    assert send(mail).state == RunState.SUCCEEDED and len(box.mails) == 1


def test_too_little_time_before_the_text_sends_nothing_and_waits(
    world: World, component: Component, dana: User, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that was slow up to there would have the text, and its answer would come after the lease."""
    mail = told(world, component)
    with monkeypatch.context() as patch:
        patch.setattr("foundation.runs.lease.Lease.remaining", lambda self: 11.0)
        send(mail)
    assert box.mails == [] and mail.state == RunState.RUNNING and "nothing was sent" in str(mail.message)
    assert round(pause_of(mail), -1) == 30
    assert send(mail).state == RunState.SUCCEEDED and len(box.mails) == 1


def test_the_answer_to_the_text_may_take_longer_than_a_word(
    world: World, component: Component, dana: User, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from notifications.steps import mail as step

    monkeypatch.setattr(step, "ANSWER_SECONDS", 0.2)
    box.thinks_seconds = 0.5
    assert send(told(world, component)).state == RunState.SUCCEEDED and len(box.mails) == 1


def test_a_late_worker_sends_nothing(
    world: World, component: Component, dana: User, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept through its lease between its intent and the sending."""
    from notifications.steps import mail as step

    mail, real = told(world, component), step.letter

    def sleeps(*args: Any) -> Any:
        monkeypatch.setattr("foundation.runs.lease.Lease.remaining", lambda self: 0.0)
        return real(*args)

    monkeypatch.setattr(step, "letter", sleeps)
    send(mail)
    assert box.mails == [] and mail.state == RunState.RUNNING


def test_it_signs_in_over_tls_alone(
    world: World, component: Component, dana: User, settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, trusted = make_certificate(tmp_path)
    settings.MAIL_SECURITY, settings.MAIL_USER, settings.MAIL_PASSWORD = "starttls", "bot", "mail-password"
    mail = told_with_host(world, component, settings)
    how = {"tls_context": certificate, "auth_required": True, "authenticator": knows("bot", "mail-password")}
    with mail_server(settings, **how) as box:
        assert send(mail).state == RunState.RUNNING and "certificate" in str(mail.message), "nobody vouches for it"
        monkeypatch.setattr(smtp, "_context", lambda: trusted)
        settings.MAIL_PASSWORD = "wrong"
        assert send(mail).state == RunState.RUNNING and "mail-password" not in str(mail.message)
        settings.MAIL_PASSWORD = "mail-password"
        assert send(mail).state == RunState.SUCCEEDED and len(box.mails) == 1


def told_with_host(world: World, component: Component, settings: Any) -> Mail:
    settings.MAIL_HOST = "127.0.0.1"
    return told(world, component)


def make_certificate(folder: Any) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's for 127.0.0.1, and who trusts it."""
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now, day = datetime.now(UTC), timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = builder.add_extension(names, critical=True).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = folder / "mail.pem"
    file.write_bytes(key.private_bytes(pem, plain, serialization.NoEncryption()) + made.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return server, ssl.create_default_context(cafile=str(file))


def test_a_name_with_a_line_break_adds_no_header(world: World, component: Component, dana: User, box: Mailbox) -> None:
    mail = told(world, component)
    Notice.objects.update(message="built\r\nBcc: everybody@corp.example")
    send(mail)
    (found,) = box.mails
    assert found["Bcc"] is None and "Bcc: everybody" in found["Subject"]


def test_old_ones_go_with_their_notices(world: World, component: Component, dana: User, box: Mailbox) -> None:
    mail = send(told(world, component))
    long_ago = timezone.now() - timedelta(days=91)
    Mail.objects.update(due_at=long_ago)
    Notice.objects.update(at=long_ago)
    Telling.objects.update(tidied_at=None, next_at=timezone.now())
    for _ in range(2):
        run_once("telling", Telling.objects.get().pk)
    assert not Mail.objects.filter(pk=mail.pk).exists() and not Notice.objects.exists()


def test_old_ones_go_in_bites(dana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand that are old at once hold up nobody who is to be told now."""
    monkeypatch.setattr(telling, "BITE", 2)
    long_ago = timezone.now() - timedelta(days=91)
    for _ in range(3):
        Mail.objects.create(person=dana, number=uuid4(), due_at=long_ago, state="succeeded")
    Telling.objects.update(tidied_at=None, next_at=timezone.now())
    left = []
    for _ in range(3):
        run_once("telling", Telling.objects.get().pk)
        left.append(Mail.objects.count())
    assert left == [1, 0, 0] and Telling.objects.get().tidied_at is not None
