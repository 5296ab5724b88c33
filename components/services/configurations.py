"""Configuration of a component in an environment: environment variables and files, never a secret itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from django.db import transaction

import audit
from accounts.models import User
from components.models import Component, ConfigVersion
from components.plain_secrets import holds_secret, is_secret, secret_lines
from components.selectors import current_config
from components.services.allocations import space_to_change
from components.services.versions import check_seen, insert_version
from environments.models import Environment
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid

MOST_VARIABLES = 300
MOST_FILES = 50
LONGEST_VALUE = 32 * 1024
MOST_FILE_BYTES = 512 * 1024
"""All files together: a ConfigMap holds 1 MiB, and the template's values must fit beside them."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,252}", re.ASCII)
_SECRET = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*", re.ASCII)
_KEY = re.compile(r"(?!\.\Z|\.\.)[A-Za-z0-9._-]{1,253}", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)

Entry = dict[str, str]


@transaction.atomic
def save_config(
    *,
    actor: User,
    component: Component,
    environment: Environment,
    env: Sequence[Mapping[str, Any]],
    files: Mapping[str, str],
    seen_number: int | None = None,
    note: str = "",
) -> ConfigVersion:
    """A new version; nothing is saved when nothing changed.

    ``env``: entries ``{"name", "value"}`` or ``{"name", "secret", "key"}`` in the order wanted; ``files``: text by
    file name. Raises Invalid with fields such as ``env.2.value`` and ``files.app.properties``, Stale, Refused.
    """
    verb = "edit_production_config" if environment.is_production else "edit_config"
    space_to_change(actor, verb, component, environment)
    current = current_config(component, environment)
    check_seen(current, seen_number)
    entries, texts = _read(env, files)
    if current and current.env == entries and current.files == texts:
        return current
    number = current.number + 1 if current else 1
    row = ConfigVersion(
        component=component,
        environment=environment,
        number=number,
        env=entries,
        files=texts,
        author=actor,
        note=note.strip()[:200],
    )
    insert_version(row, current)
    audit.record_act(
        actor,
        "save_config",
        component,
        environment=environment.slug,
        reason=row.note,
        before={"version": number - 1},
        after={"version": number, **_changed_names(current, row)},
    )
    return row


def _changed_names(current: ConfigVersion | None, row: ConfigVersion) -> dict[str, list[str]]:
    """Names only: a value may be worth hiding even where nobody called it a secret."""
    old = {entry["name"]: entry for entry in (current.env if current else [])}
    new = {entry["name"]: entry for entry in row.env}
    old_files = current.files if current else {}
    return {
        "variables": sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)),
        "files": sorted(
            name for name in old_files.keys() | row.files.keys() if old_files.get(name) != row.files.get(name)
        ),
    }


def _read(env: Sequence[Mapping[str, Any]], files: Mapping[str, str]) -> tuple[list[Entry], dict[str, str]]:
    wrong: dict[str, list[MessageLike]] = {}
    if len(env) > MOST_VARIABLES:
        wrong["env"] = [_("At most 300 variables: put the rest into a file.")]
    entries: list[Entry] = []
    names: set[str] = set()
    for index, raw in enumerate(env[: MOST_VARIABLES + 1]):
        entry, said = _read_entry(raw)
        if entry["name"] in names:
            said["name"] = [_("This variable is there twice.")]
        names.add(entry["name"])
        entries.append(entry)
        wrong |= {f"env.{index}.{part}": messages for part, messages in said.items()}
    wrong |= _wrong_files(files)
    if wrong:
        raise Invalid(wrong)
    return entries, {name: text.replace("\r\n", "\n") for name, text in files.items()}


def _read_entry(raw: Mapping[str, Any]) -> tuple[Entry, dict[str, list[MessageLike]]]:
    """The entry in its stored form, and what is wrong with it by part."""
    parts = {part: str(raw.get(part) or "") for part in ("name", "value", "secret", "key")}
    name, value, secret, key = parts["name"].strip(), parts["value"], parts["secret"].strip(), parts["key"].strip()
    wrong: dict[str, list[MessageLike]] = {}
    if not _VARIABLE.fullmatch(name):
        wrong["name"] = [_("A variable is letters, digits, _ . and -, and does not begin with a digit.")]
    if not secret and not key:
        if said := _wrong_value(name, value):
            wrong["value"] = [said]
        return {"name": name, "value": value}, wrong
    if name == "PORT":
        wrong["name"] = [_("PORT is a plain value: checks and the Service need to know it.")]
    if value:
        wrong["value"] = [_("Either a value or a reference to a Secret, not both.")]
    if not _SECRET.fullmatch(secret) or len(secret) > 253:
        wrong["secret"] = [_("Give the name of a Secret in the namespace: lower-case letters, digits, - and .")]
    if not _KEY.fullmatch(key):
        wrong["key"] = [_("Give the key in the Secret: letters, digits, - _ and .")]
    return {"name": name, "secret": secret, "key": key}, wrong


def _wrong_value(name: str, value: str) -> MessageLike:
    if "\x00" in value or len(value.encode()) > LONGEST_VALUE:
        return _("A value has at most 32 KiB and no NUL character: put more into a file.")
    if name == "PORT" and value and not (_PORT.fullmatch(value) and int(value) < 65536):
        return _("PORT is where the component listens: a whole number from 1 to 65535.")
    if holds_secret(value):
        return _(
            "The value holds a key, a token, or an address with a password, in plain sight. Put it into a Secret of the"
            " namespace and give that Secret's name and key here. An address may say ${DB_PASSWORD} where the"
            " program fills that in."
        )
    if is_secret(name, value):
        return _(
            "A variable of this name would be a secret in plain sight. Put it into a Secret of the namespace"
            " and give that Secret's name and key here instead of a value."
        )
    return ""


def _wrong_files(files: Mapping[str, str]) -> dict[str, list[MessageLike]]:
    wrong: dict[str, list[MessageLike]] = {}
    if len(files) > MOST_FILES:
        wrong["files"] = [_("At most 50 files.")]
    if sum(len(str(text).encode()) for text in files.values()) > MOST_FILE_BYTES:
        wrong["files"] = [_("The files have more than 512 KiB together: put large ones into the image.")]
    for name, text in files.items():
        if not _KEY.fullmatch(name):
            wrong[f"files.{name[:60]}"] = [_("A file name is letters, digits, - _ and ., without folders.")]
        elif "\x00" in str(text):
            wrong[f"files.{name}"] = [_("A text cannot hold a NUL character.")]
        elif lines := list(islice(secret_lines(str(text)), 5)):
            wrong[f"files.{name}"] = [
                _(
                    "These lines hold a secret in plain sight: %(lines)s. Write ${DB_PASSWORD} there, and give the"
                    " variable as a reference to a Secret.",
                    lines=[str(line) for line in lines],
                )
            ]
    return wrong
