"""What the entry of a component must answer after a rollout: for every environment, or for one of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from django.db import transaction

import audit
from accounts.models import User
from components.choices import EntryKind
from components.models import Component, EntryCheck
from components.plain_secrets import holds_secret
from components.selectors import own_entry_check
from components.services.allocations import space_to_change
from components.services.versions import check_seen, insert_version
from deployer.entry import DEFAULT_STATUSES, split_header, status_ranges
from environments.access import require
from environments.models import Environment
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.outbound import HostUnknown, check_url
from foundation.problems import Invalid, Refused

FIELDS = ("kind", "url", "port", "path", "statuses", "text", "header", "patience_seconds")
SCHEMES = ("https", "http")
DEFAULT_PATIENCE, LONGEST_PATIENCE = 60, 3600
"""Seconds."""
_OF_KIND: dict[str, frozenset[str]] = {
    EntryKind.SERVICE: frozenset({"port", "path", "statuses", "text", "header"}),
    EntryKind.URL: frozenset({"url", "statuses", "text", "header"}),
}
"""Fields that mean something; the others are saved empty."""
_PORT = re.compile(r"[0-9]{1,5}|(?=.*[a-z])[a-z0-9](?:[a-z0-9]|-(?!-)){0,13}[a-z0-9]?", re.ASCII)
_PATH = re.compile(r"/[!-~]*", re.ASCII)


@transaction.atomic
def save_entry_check(
    *,
    actor: User,
    component: Component,
    environment: Environment | None,
    values: Mapping[str, object],
    seen_number: int | None = None,
    note: str = "",
) -> EntryCheck:
    """A new version; nothing is saved when nothing changed. ``environment`` None: of every environment.

    ``values`` maps FIELDS to text as people type it, those left out are empty. Raises Invalid by field, Stale, Refused.
    """
    if environment is not None:
        space_to_change(actor, "edit_allocation", component, environment)
    else:
        require(actor, "edit_allocation", project_id=component.project_id)
    if component.is_archived:
        raise Refused(_("The component is archived: take it out of the archive first."))
    current = own_entry_check(component, environment)
    check_seen(current, seen_number)
    read = read_values(values, is_general=environment is None)
    if current and all(getattr(current, name) == read[name] for name in FIELDS):
        return current
    number = current.number + 1 if current else 1
    row = EntryCheck(
        component=component, environment=environment, number=number, author=actor, note=note.strip()[:200], **read
    )
    insert_version(row, current)
    audit.record_act(
        actor,
        "save_entry_check",
        component,
        environment=environment.slug if environment else "",
        reason=row.note,
        before={"version": current.number, **shown_values(current)} if current else None,
        after={"version": number, **shown_values(row)},
    )
    return row


def shown_values(row: EntryCheck) -> dict[str, object]:
    """The fields that mean something for what is asked."""
    kept = _OF_KIND.get(row.kind, frozenset())
    patience = {"patience_seconds": row.patience_seconds} if row.is_asked else {}
    return {"kind": row.kind, **{name: getattr(row, name) for name in FIELDS if name in kept}, **patience}


def read_values(values: Mapping[str, object], *, is_general: bool) -> dict[str, object]:
    """The columns of a version; raises Invalid with every message at once."""
    texts = {name: str(values.get(name) or "").strip() for name in FIELDS}
    kind = texts["kind"]
    wrong: dict[str, list[MessageLike]] = {}
    if kind == EntryKind.SERVICE:
        texts["path"] = texts["path"] or "/"
    if kind not in EntryKind.values or (is_general and kind == EntryKind.EVERYWHERE):
        wrong["kind"] = [_("Choose what is asked.")]
    kept = _OF_KIND.get(kind, frozenset())
    read: dict[str, object] = {**dict.fromkeys(FIELDS, ""), "kind": kind}
    for name in kept:
        read[name] = texts[name]
        if said := _CHECKS[name](texts[name]):
            wrong[name] = [said]
    read["patience_seconds"] = _patience(texts["patience_seconds"]) if kept else DEFAULT_PATIENCE
    if not read["patience_seconds"]:
        wrong["patience_seconds"] = [_("Write a whole number of seconds from 1 to 3600.")]
    if wrong:
        raise Invalid(wrong)
    return read


def _patience(text: str) -> int:
    """Seconds; 0 for what is no number of them."""
    if not text:
        return DEFAULT_PATIENCE
    is_number = text.isascii() and text.isdigit() and len(text) < 9
    return int(text) if is_number and int(text) <= LONGEST_PATIENCE else 0


def _wrong_url(text: str) -> MessageLike:
    if not text:
        return _("Give the whole address, for example https://app.corp.example/healthz.")
    if len(text) > 500:
        return _("At most 500 characters.")
    if holds_secret(text):
        return _("The address holds a secret in plain sight: everybody who reads this component would see it.")
    try:
        if urlsplit(text).fragment:
            return _("Leave out what follows the sign #: it never reaches the application.")
        check_url(text, allowed_schemes=SCHEMES)
    except HostUnknown:
        # It may get its name with its first deployment; until then the check says so.
        return ""
    except Refused as refused:
        return refused.message
    except ValueError:
        return _("This is not a complete address: it should look like https://host/path.")
    return ""


def _wrong_port(text: str) -> MessageLike:
    if not text:
        return ""
    is_number = text.isascii() and text.isdigit()
    if not _PORT.fullmatch(text) or (is_number and not 0 < int(text) < 65536):
        return _("A port is the name that the service template gives it, or a number from 1 to 65535.")
    return ""


def _wrong_path(text: str) -> MessageLike:
    parts = text.partition("?")[0].split("/")
    if not _PATH.fullmatch(text) or ".." in parts or "//" in text or "#" in text or "%2e%2e" in text.lower():
        return _("A path begins with / and has no spaces and no “..”, for example /healthz.")
    if len(text) > 300:
        return _("At most 300 characters.")
    return ""


def _wrong_statuses(text: str) -> MessageLike:
    try:
        status_ranges(text or DEFAULT_STATUSES)
    except ValueError:
        return _("Write statuses from 100 to 599 as numbers and ranges, such as 200-299, 401.")
    return _("At most 120 characters.") if len(text) > 120 else ""


def _wrong_text(text: str) -> MessageLike:
    if len(text) > 200:
        return _("At most 200 characters.")
    return _("A text cannot hold a NUL character.") if "\x00" in text else ""


def _wrong_header(text: str) -> MessageLike:
    if not text:
        return ""
    try:
        split_header(text)
    except ValueError:
        return _("Write the name of a header, or “Name: part of its value”.")
    return _("At most 200 characters.") if len(text) > 200 else ""


_CHECKS: dict[str, Callable[[str], MessageLike]] = {
    "url": _wrong_url,
    "port": _wrong_port,
    "path": _wrong_path,
    "statuses": _wrong_statuses,
    "text": _wrong_text,
    "header": _wrong_header,
}
