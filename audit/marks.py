"""Keyed marks: of an event while it waits for its link, and of a link.

An event's mark is made where it is recorded and goes into the same INSERT: a row that somebody else put into the table
has none that fits, sealed or not. The key (``settings.AUDIT_KEY``) lives outside the database.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

from django.conf import settings

from audit.fields import canonical_json
from foundation.messages import to_json_data

TEXTS = (
    "actor_id", "actor_name", "verb", "object_type", "object_id", "object_name", "project", "environment",
    "outcome", "reason", "request_number", "address",
)  # fmt: skip
PROOFS = ("reason_message", "before", "after")
"""Columns of JSON, marked as the text that is stored."""
CONTENT = ("at", *TEXTS, *PROOFS)
"""What a mark covers, in this order."""


def shown_time(moment: datetime) -> str:
    """UTC with six decimals, so that both databases give the same text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def digest_of(row: Sequence[Any]) -> str:
    """SHA-256 (hex) of an event's columns in the order of CONTENT: a datetime, then texts as they are stored."""
    moment, *texts = row
    return digest_of_texts([moment.isoformat(timespec="microseconds"), *texts])


def digest_of_texts(texts: Iterable[str | None]) -> str:
    """The same with the time as text. Raises TypeError where something else than a text is stored."""
    # A JSON list, put together by hand: a verification makes a million of them.
    text = "[" + ", ".join(["null" if one is None else encode_basestring(one) for one in texts]) + "]"
    # Half of a surrogate pair can stand in words of others, and must not stop the sealing.
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def digest_of_values(values: Mapping[str, Any]) -> str:
    """The same of named values: the time in UTC, the columns of JSON as data."""
    proofs = [None if values[name] is None else canonical_json(to_json_data(values[name])) for name in PROOFS]
    return digest_of([values["at"].astimezone(UTC), *(values[name] for name in TEXTS), *proofs])


def new_mark(digest: str) -> str:
    """``NONCE.MAC`` for an event that is recorded now; the nonce makes a copy of a row show as one."""
    nonce = secrets.token_hex(8)
    return f"{nonce}.{_mark_mac(nonce, digest)}"


def mark_fits(mark: str, digest: str) -> bool:
    """Did somebody who has the key record just this?"""
    nonce, _dot, mac = mark.partition(".")
    # Of stored rows alone: nobody who asks learns how long the comparison took.
    return _mark_mac(nonce, digest) == mac


def link_mac(previous_mac: str, sequence: int, event_id: int, mark: str, digest: str) -> str:
    """The HMAC-SHA256 (hex) of one link: over the link before, its place, the event, and the event's own mark."""
    return _mac(f"{sequence}\n{previous_mac}\n{event_id}\n{mark}\n{digest}")


def sign(text: str) -> str:
    """The HMAC-SHA256 (hex) of an export's trailer."""
    return _mac(f"export\n{text}")


def _mark_mac(nonce: str, digest: str) -> str:
    return _mac(f"mark\n{nonce}\n{digest}")


def _mac(text: str) -> str:
    found = _keyed(settings.AUDIT_KEY).copy()
    found.update(text.encode(errors="surrogatepass"))
    return found.hexdigest()


@lru_cache(maxsize=2)
def _keyed(key: str) -> hmac.HMAC:
    """With the key worked in, to be copied: that is most of what a short text costs."""
    return hmac.new(key.encode(), digestmod="sha256")
