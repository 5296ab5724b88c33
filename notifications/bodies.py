"""What is sent to a webhook: headers, address and body in the form that its receiver reads. Pure: no row, no network.

The forms of chats are those of their makers' documents (docs/notifications.md names them); texts of people never become
a mention or a link there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from deployer.hooks.delivery import hmac_hex
from notifications.choices import BodyForm

MOST_CHARACTERS = 600
"""Of each of two texts in a chat: the shortest limit of a maker is 4096 bytes, and a Chinese character has three."""

TAKEN_BY_STATUS = frozenset({BodyForm.SIGNED, BodyForm.SLACK})
"""The forms whose receivers say all by the status; the others say in the body whether they took it."""


@dataclass(frozen=True)
class Parcel:
    """What is told, in the receiver's language; ``link`` is the word on the link."""

    number: str
    kind: str
    at: datetime
    project: str
    order: str
    component: str
    environment: str
    text: str
    detail: str
    url: str
    link: str


@dataclass(frozen=True)
class Request:
    """One POST."""

    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def request_for(form: str, url: str, secret: str, parcel: Parcel, now: datetime) -> Request:
    """As it goes out at ``now``: what is signed holds for some minutes, so each attempt is made anew."""
    return _FORMS[form](url, secret, parcel, int(now.timestamp()))


def why_not_taken(form: str, answer: bytes) -> str:
    """What an answer with a status of success says against it; chats refuse so. Empty where it was taken."""
    if form in TAKEN_BY_STATUS:
        return ""
    try:
        found = json.loads(answer)
    except ValueError:
        return answer.decode("utf-8", "replace")
    name, said = ("code", "msg") if form == BodyForm.FEISHU else ("errcode", "errmsg")
    code = found.get(name) if isinstance(found, dict) else None
    return "" if code == 0 else f"{code} {found.get(said, '') if isinstance(found, dict) else ''}".strip()


# ---------------------------------------------------------------- our own form
def _signed(url: str, secret: str, parcel: Parcel, seconds: int) -> Request:
    data = {
        "delivery": parcel.number, "kind": parcel.kind, "at": parcel.at.isoformat(), "project": parcel.project,
        "order": parcel.order or None, "component": parcel.component or None,
        "environment": parcel.environment or None, "text": parcel.text, "detail": parcel.detail, "url": parcel.url,
    }  # fmt: skip
    body = json.dumps(data, ensure_ascii=False).encode()
    headers = {
        "X-Prism4k-Delivery": parcel.number,
        "X-Prism4k-Event": parcel.kind,
        "X-Prism4k-Timestamp": str(seconds),
        "X-Prism4k-Signature": "sha256=" + hmac_hex(secret, str(seconds).encode() + b"." + body),
    }
    return Request(url, body, headers)


# ---------------------------------------------------------------- chats
def _wecom(url: str, secret: str, parcel: Parcel, seconds: int) -> Request:
    quoted = f"\n> {_flat(parcel.detail)}" if parcel.detail else ""
    content = f"**{_flat(parcel.text)}**{quoted}\n[{parcel.link}]({parcel.url})"
    return _json(url, {"msgtype": "markdown", "markdown": {"content": content}})


def _dingtalk(url: str, secret: str, parcel: Parcel, seconds: int) -> Request:
    quoted = f"\n\n> {_flat(parcel.detail)}" if parcel.detail else ""
    text = f"#### {_flat(parcel.text)}{quoted}\n\n[{parcel.link}]({parcel.url})"
    if secret:
        stamp = seconds * 1000
        sign = base64.b64encode(_hmac(secret.encode(), f"{stamp}\n{secret}".encode())).decode()
        url = f"{url}{'&' if '?' in url else '?'}timestamp={stamp}&sign={quote_plus(sign)}"
    return _json(url, {"msgtype": "markdown", "markdown": {"title": _flat(parcel.text)[:60], "text": text}})


def _feishu(url: str, secret: str, parcel: Parcel, seconds: int) -> Request:
    lines = [parcel.detail[:MOST_CHARACTERS]] if parcel.detail else []
    content = [
        *([{"tag": "text", "text": line}] for line in lines),
        [{"tag": "a", "text": parcel.link, "href": parcel.url}],
    ]
    post = {"zh_cn": {"title": parcel.text[:MOST_CHARACTERS], "content": content}}
    signed: dict[str, Any] = {}
    if secret:
        # The text is signed as the key of nothing: so their document has it.
        sign = base64.b64encode(_hmac(f"{seconds}\n{secret}".encode(), b"")).decode()
        signed = {"timestamp": str(seconds), "sign": sign}
    return _json(url, {**signed, "msg_type": "post", "content": {"post": post}})


def _slack(url: str, secret: str, parcel: Parcel, seconds: int) -> Request:
    quoted = f"\n>{_escaped(parcel.detail)}" if parcel.detail else ""
    return _json(url, {"text": f"*{_escaped(parcel.text)}*{quoted}\n<{parcel.url}|{_escaped(parcel.link)}>"})


def _json(url: str, data: Mapping[str, Any]) -> Request:
    return Request(url, json.dumps(data, ensure_ascii=False).encode())


def _hmac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


_WIDE = str.maketrans("<>[]*`", "＜＞［］＊｀")


def _flat(text: str) -> str:
    """One line of markdown that is no link, no mention and no emphasis of its own."""
    return " ".join(text.split())[:MOST_CHARACTERS].translate(_WIDE)


def _escaped(text: str) -> str:
    """One line with the three signs that Slack reads as its document has them; it knows no other form of a link."""
    return " ".join(text.split())[:MOST_CHARACTERS].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_FORMS: dict[str, Callable[[str, str, Parcel, int], Request]] = {
    BodyForm.SIGNED: _signed,
    BodyForm.WECOM: _wecom,
    BodyForm.DINGTALK: _dingtalk,
    BodyForm.FEISHU: _feishu,
    BodyForm.SLACK: _slack,
}
