"""Secrets at rest: readable through their own row and nowhere else."""

from __future__ import annotations

import base64
import json
import os

import pytest
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction
from django.forms import ModelForm
from django.forms.models import model_to_dict

from foundation.encryption import SecretUnreadable, encrypted_fields
from foundation.redaction import MASK, redact
from tests.foundation.probe.models import Vault

pytestmark = pytest.mark.security("secrets-that-leak")

SECRET = "glsa_a-very-secret-value"


def stored(vault: Vault, column: str = "token") -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {Vault._meta.db_table} WHERE id = %s", [vault.pk])
        return str(cursor.fetchone()[0])


def overwrite(vault: Vault, text: str, column: str = "token") -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Vault._meta.db_table} SET {column} = %s WHERE id = %s", [text, vault.pk])


@pytest.fixture
def vault(db: None) -> Vault:
    return Vault.objects.create(name="a", token=SECRET)


@pytest.mark.security("stolen-cluster-credentials")
def test_it_is_sealed_in_the_database_and_clear_on_access(vault: Vault) -> None:
    assert stored(vault).startswith("v1:") and SECRET not in stored(vault)
    assert vault.token == SECRET and Vault.objects.get().token == SECRET
    assert stored(vault, "password") == "" and Vault.objects.get().password == ""


def test_saving_again_keeps_an_untouched_secret(vault: Vault) -> None:
    before = stored(vault)
    again = Vault.objects.get()
    again.name = "b"
    again.save()
    assert stored(vault) == before
    again.token = "another-secret"
    again.save()
    assert stored(vault) != before and Vault.objects.get().token == "another-secret"


@pytest.mark.security("stolen-cluster-credentials")
def test_a_ciphertext_moved_to_another_row_or_column_does_not_decrypt(vault: Vault) -> None:
    other = Vault.objects.create(name="b", token="of-the-other")
    overwrite(other, stored(vault))
    with pytest.raises(SecretUnreadable, match="enter it anew"):
        _ = Vault.objects.get(pk=other.pk).token
    overwrite(vault, stored(vault), "password")
    with pytest.raises(SecretUnreadable):
        _ = Vault.objects.get(pk=vault.pk).password


@pytest.mark.parametrize("damage", ["v1:k1:AAAA", "v2:k1:AAAA", "plain text", "v1:gone:AAAA", "v1:k1:!!"])
def test_damage_is_told_not_guessed(vault: Vault, damage: str) -> None:
    overwrite(vault, damage)
    with pytest.raises(SecretUnreadable):
        _ = Vault.objects.get().token


def test_it_does_not_show_by_accident(vault: Vault) -> None:
    class Form(ModelForm):
        class Meta:
            model = Vault
            fields = ["name", "token"]

    fresh = Vault.objects.get()
    shown = [
        repr(vault),
        repr(fresh.__dict__),
        repr(vault.__dict__),
        repr(list(Vault.objects.values())),
        json.dumps(model_to_dict(fresh)),
        serializers.serialize("json", [fresh]),
        repr(Form(instance=fresh).initial),
        redact(f"error: could not sign in with {SECRET}!"),
    ]
    for text in shown:
        assert SECRET not in text
    assert MASK in shown[-1]


def test_writing_around_the_row_is_refused(vault: Vault) -> None:
    with pytest.raises(TypeError, match="save the row"), transaction.atomic():
        Vault.objects.update(token="clear")
    with pytest.raises(TypeError, match="save the row"):
        Vault.objects.filter(token=SECRET).exists()
    Vault.objects.bulk_create([Vault(name="c", token="in-bulk")])
    assert Vault.objects.get(name="c").token == "in-bulk"


@pytest.mark.security("stolen-cluster-credentials")
def test_keys_rotate(vault: Vault, settings: object, capsys: pytest.CaptureFixture[str]) -> None:
    old = settings.PRISM4K_ENCRYPTION_KEYS  # type: ignore[attr-defined]
    new = "k2:" + base64.b64encode(os.urandom(32)).decode()
    settings.PRISM4K_ENCRYPTION_KEYS = [new, *old]  # type: ignore[attr-defined]
    assert Vault.objects.get().token == SECRET
    call_command("rotate_secrets")
    assert "1 secrets" in capsys.readouterr().out
    assert stored(vault).startswith("v1:k2:")
    settings.PRISM4K_ENCRYPTION_KEYS = [new]  # type: ignore[attr-defined]
    assert Vault.objects.get().token == SECRET
    settings.PRISM4K_ENCRYPTION_KEYS = old  # type: ignore[attr-defined]
    with pytest.raises(SecretUnreadable, match="ENCRYPTION_KEYS"):
        _ = Vault.objects.get().token


@pytest.mark.parametrize("keys", [[], ["k1:short"], ["nokey"], [":" + base64.b64encode(b"x" * 32).decode()]])
def test_bad_keys_stop_with_a_message(db: None, settings: object, keys: list[str]) -> None:
    settings.PRISM4K_ENCRYPTION_KEYS = keys  # type: ignore[attr-defined]
    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS"):
        Vault.objects.create(token="x" * 10)


def test_the_fields_are_found(db: None) -> None:
    assert [field.name for field in encrypted_fields(Vault)] == ["token", "password"]
