"""Proof has one language; a page says the reason of a refusal in the reader's."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.utils.translation import gettext_lazy, override

import audit
from audit import chain
from audit.models import AuditEvent
from audit.triggers import remove
from audit.verification import verify
from foundation.messages import LocalizedName, message
from tests.cast import World

pytestmark = pytest.mark.django_db


class Robot:
    """Somebody who acts."""

    id = "1"
    name = "robot"


def test_a_refusal_is_kept_in_english_for_everybody(client: Client, world: World) -> None:
    person = world.people["dana"]
    person.language = "zh-hans"
    person.save()
    client.force_login(person, backend="accounts.backends.PasswordBackend")
    assert client.post("/new-server/jenkins/").status_code == 403
    event = AuditEvent.objects.latest("pk")
    assert event.reason == "You may not do this here."
    with override("zh-hans"):
        assert str(event.shown_reason) != event.reason
        assert str(event.shown_reason) == str(gettext_lazy("You may not do this here."))


def test_the_words_of_a_person_stay_theirs() -> None:
    audit.record(Robot(), "x.done", object_type="x", reason="You may not do this here.")
    event = AuditEvent.objects.latest("pk")
    assert event.reason_message is None
    with override("zh-hans"):
        assert event.shown_reason == "You may not do this here."


def test_what_changed_is_kept_in_english_too() -> None:
    with override("zh-hans"):
        after = {
            "message": message("%(who)s may not.", who=LocalizedName("陈磊", "Chen Lei")),
            "all": [gettext_lazy("Waiting")],
        }
        audit.record(Robot(), "x.done", object_type="x", after=after)
    assert AuditEvent.objects.latest("pk").after == {"message": "Chen Lei may not.", "all": ["Waiting"]}


def test_a_reason_in_parts_is_sealed_and_its_change_is_found() -> None:
    audit.record(Robot(), "x.refused", object_type="x", reason=message("No %(what)s.", what="entry"))
    audit.record(Robot(), "x.done", object_type="x", reason="plain")
    chain.seal_events()
    assert verify().is_whole
    event = AuditEvent.objects.get(verb="x.refused")
    assert (event.reason, str(event.shown_reason)) == ("No entry.", "No entry.")
    remove()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditevent SET reason_message = NULL WHERE id = %s", [event.pk])
    assert not verify().is_whole
