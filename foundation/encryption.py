"""Secrets at rest: AES-256-GCM, each ciphertext tied to its table, column and row.

Stored as ``v1:<key id>:<base64 of nonce and ciphertext>``. The associated data are ``table.column:secret_id``, so
that a ciphertext moved to another row or column does not decrypt. The keys are ``settings.PRISM4K_ENCRYPTION_KEYS``
("id:base64" of 32 bytes each): the first encrypts, all decrypt.
"""

from __future__ import annotations

import base64
import binascii
import os
import uuid
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django import forms
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.expressions import BaseExpression

from foundation.redaction import register_secret

if TYPE_CHECKING:
    _TextField = models.TextField[str, str]
else:
    _TextField = models.TextField

_NONCE_BYTES = 12


class SecretUnreadable(Exception):
    """A stored secret does not decrypt: a key is missing, or the value was moved or changed."""


class Sealed:
    """A ciphertext as the database has it; shows nothing of itself."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return "<sealed>"

    def __bool__(self) -> bool:
        return bool(self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def key_id(self) -> str:
        """Which key it was sealed with."""
        return self.text.split(":", 2)[1] if self.text else ""


def _keys() -> dict[str, bytes]:
    """Key bytes by id, the current one first; raises ImproperlyConfigured."""
    keys: dict[str, bytes] = {}
    for entry in settings.PRISM4K_ENCRYPTION_KEYS:
        key_id, _, encoded = entry.strip().partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not key_id or len(key) != 32:
            raise ImproperlyConfigured("Each entry of ENCRYPTION_KEYS must be <id>:<base64 of 32 bytes>.")
        keys[key_id] = key
    if not keys:
        raise ImproperlyConfigured("ENCRYPTION_KEYS is empty: give at least one <id>:<base64 of 32 bytes>.")
    return keys


def current_key_id() -> str:
    """The id of the key that new secrets are sealed with."""
    return next(iter(_keys()))


def seal(plain: str, *, place: str, secret_id: uuid.UUID) -> Sealed:
    """Encrypts for one row: ``place`` is ``table.column``; an empty string stays empty."""
    if not plain:
        return Sealed("")
    key_id, key = next(iter(_keys().items()))
    nonce = os.urandom(_NONCE_BYTES)
    cipher = AESGCM(key).encrypt(nonce, plain.encode(), _associated(place, secret_id))
    return Sealed(f"v1:{key_id}:{base64.b64encode(nonce + cipher).decode()}")


def unseal(sealed: Sealed, *, place: str, secret_id: uuid.UUID) -> str:
    """Decrypts; raises SecretUnreadable."""
    if not sealed:
        return ""
    try:
        version, key_id, encoded = sealed.text.split(":", 2)
        blob = base64.b64decode(encoded, validate=True)
        if version != "v1":
            raise SecretUnreadable(f"The secret in {place} has the unknown format {version[:8]!r}.")
        key = _keys()[key_id]
        plain = AESGCM(key).decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], _associated(place, secret_id)).decode()
    except KeyError:
        raise SecretUnreadable(f"The secret in {place} needs a key that is not in ENCRYPTION_KEYS.") from None
    except (InvalidTag, ValueError, UnicodeDecodeError):
        raise SecretUnreadable(
            f"The secret in {place} was changed or moved and cannot be read: enter it anew."
        ) from None
    register_secret(plain)
    return plain


def _associated(place: str, secret_id: uuid.UUID) -> bytes:
    return f"{place}:{secret_id.hex}".encode()


class _SecretAttribute:
    """Decrypts on access; keeps only the ciphertext in the instance once it is saved or loaded."""

    def __init__(self, field: EncryptedTextField) -> None:
        self.field = field

    def __get__(self, instance: models.Model | None, owner: type | None = None) -> Any:
        if instance is None:
            return self
        name = self.field.attname
        if name not in instance.__dict__:
            instance.refresh_from_db(fields=[name])
        value = instance.__dict__[name]
        if isinstance(value, Sealed):
            return unseal(value, place=self.field.place, secret_id=instance.secret_id)  # type: ignore[attr-defined]
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class EncryptedTextField(_TextField):
    """Text that is encrypted in the database; the model must have ``HasSecrets`` among its bases.

    Reading the attribute gives the clear text. It stays out of ``values()`` (a :class:`Sealed`), of ``model_to_dict``
    and serialized fixtures (ciphertext or nothing), and ``update(secret="text")`` is refused: save the row instead.
    In DRF serializers declare it ``write_only``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("blank", True)
        kwargs.setdefault("default", "")
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        """As Django's own text field: the column is one, and migrations must import nothing of the product."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", list(args), kwargs

    @property
    def place(self) -> str:
        """``table.column``: half of what a ciphertext is tied to."""
        return f"{self.model._meta.db_table}.{self.column}"

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, self.attname, _SecretAttribute(self))

    def from_db_value(self, value: str | None, *_: Any) -> Sealed:
        return Sealed(value or "")

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = model_instance.__dict__[self.attname]
        if isinstance(value, Sealed | BaseExpression):
            return value
        secret_id: uuid.UUID = model_instance.secret_id  # type: ignore[attr-defined]
        sealed = seal(value or "", place=self.place, secret_id=secret_id)
        if value:
            register_secret(value)
        model_instance.__dict__[self.attname] = sealed
        return sealed

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Sealed):
            return value.text
        if value in ("", None):
            return ""
        raise TypeError(f"{self.place} is encrypted: set it on a row and save the row.")

    def to_python(self, value: Any) -> Any:
        return value if isinstance(value, Sealed) else super().to_python(value)

    def value_from_object(self, obj: models.Model) -> str:
        """What forms and ``model_to_dict`` see: nothing, the field is write-only there."""
        return ""

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("widget", forms.PasswordInput(render_value=False))
        return super().formfield(*args, **kwargs)


def encrypted_fields(model: type[models.Model]) -> list[EncryptedTextField]:
    """The encrypted columns of a model."""
    return [field for field in model._meta.concrete_fields if isinstance(field, EncryptedTextField)]


def rotate(model: type[models.Model]) -> int:
    """Seals every secret of the model with the current key; returns how many changed. May be run at any time.

    Each is replaced only where the old ciphertext still stands: a person saving a new secret meanwhile wins.
    """
    current, changed = current_key_id(), 0
    for field in encrypted_fields(model):
        rows = model._default_manager.exclude(**{field.name: ""}).values_list("pk", "secret_id", field.name)
        for pk, secret_id, sealed in rows.iterator():
            if sealed.key_id != current:
                plain = unseal(sealed, place=field.place, secret_id=secret_id)
                fresh = seal(plain, place=field.place, secret_id=secret_id)
                changed += model._default_manager.filter(pk=pk, **{field.name: sealed}).update(**{field.name: fresh})
    return changed
