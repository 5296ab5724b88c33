"""One delivery, its signatures and its body."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deployer.errors import DeployerError
from deployer.messages import message as _

Headers = Mapping[str, str]
"""By any spelling of a header's name, as Django's ``request.headers``."""
_LAST_SECOND = 253_402_300_799
"""Of the year 9999."""


class NotAuthentic(DeployerError):
    """Without the right signature or token: nobody knows who sent it."""


class Unreadable(DeployerError):
    """From one who has the secret, but in no form that is known here."""


@dataclass(frozen=True)
class Delivery:
    """What somebody who has the secret sent.

    ``mark``: 64 hexadecimal digits that the same delivery has each time. ``sent_at``: None where the form tells no
    time. ``names``: repositories (``group/name``), images (``site/app:tag``) or trigger ids, as the form names them;
    none where it is about something else. ``is_repeated``: the sender repeats it until the answer is a success.
    """

    mark: str
    names: tuple[str, ...] = ()
    sent_at: datetime | None = None
    is_repeated: bool = False


def hmac_hex(secret: str, signed: bytes) -> str:
    """HMAC-SHA256 in hexadecimal digits."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def demand_same(given: str, right: str) -> None:
    """Compares in constant time; raises NotAuthentic."""
    if not hmac.compare_digest(given.encode(errors="replace"), right.encode()):
        raise NotAuthentic(_("The signature or token is not the one that belongs to the secret."))


def is_signed(headers: Headers) -> bool:
    """Whether it claims to be signed in our own form."""
    return "X-Prism4k-Signature" in headers


def open_signed(secret: str, headers: Headers, body: bytes) -> tuple[str, datetime]:
    """Mark and time of a delivery in our own form.

    ``X-Prism4k-Signature: sha256=<hex>`` is the HMAC over ``X-Prism4k-Timestamp`` (seconds since 1970), a full stop
    and the body. Raises NotAuthentic.
    """
    stamp, given = headers.get("X-Prism4k-Timestamp", ""), headers.get("X-Prism4k-Signature", "")
    right = "sha256=" + hmac_hex(secret, stamp.encode(errors="replace") + b"." + body)
    demand_same(given.lower(), right)
    return mark_of(right.encode()), moment(stamp)


def mark_of(*parts: bytes) -> str:
    """One mark of what makes a delivery one of a kind."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def moment(value: object) -> datetime:
    """Seconds since 1970 as a number or its digits, or a time of RFC 3339. Raises Unreadable."""
    text = str(value)
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(min(int(text[:20]), _LAST_SECOND), UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise Unreadable(_("Its time is no time: %(value)s", value=text[:40])) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def read_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises Unreadable."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unreadable(_("Its body is no JSON object: choose the content type application/json there."))
    return found


def part(value: Any, *names: str) -> Any:
    """What lies under these names, one in the other; None where one is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def texts(*values: Any) -> tuple[str, ...]:
    """Those that are texts, each once, in order. What holds a control character or half of one names nothing here."""
    return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and value and value.isprintable()))
