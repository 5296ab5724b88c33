"""One GET to an entry. All that can happen is an answer about the entry: nothing is raised, nothing is repeated.

The host is connected to by the addresses that were checked, so that a name which leads elsewhere a moment later leads
nowhere. Neither credentials nor cookies are sent; redirects are followed on the same host alone.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

import httpx

from deployer.entry import REDIRECTS, Expectation
from deployer.interfaces import (
    ASK_SECONDS,
    MOST_BODY_BYTES,
    MOST_REDIRECTS,
    EntryAnswer,
    EntryTarget,
    OnAnswer,
    ignore_answer,
)
from deployer.messages import Message
from deployer.messages import message as _

CONNECT_SECONDS = 3.0
AGENT = "prism4k-entry-check"


class EntryPage:
    """The entry that a target names."""

    def __init__(self, target: EntryTarget, on_answer: OnAnswer) -> None:
        self._target = target
        self._on_answer = on_answer

    def ask(self, wanted: Expectation) -> EntryAnswer:
        """What it answers within 5 s, redirects on its own host included; never raises."""
        began = time.monotonic()
        url, answer = self._target.url, EntryAnswer()
        for _hop in range(MOST_REDIRECTS + 1):
            answer = self._get(url, began)
            leads_to = _redirect_of(url, answer)
            if not leads_to or wanted.stops_at(answer.status):
                break
            if not _is_same_place(url, leads_to):
                answer = replace(answer, leads_to=leads_to)
                break
            url = leads_to
        else:
            answer = replace(answer, code="entry_redirects", leads_to=url)
        if answer.code == "answered":
            self._on_answer()
        return replace(answer, seconds=round(time.monotonic() - began, 3))

    def _get(self, url: str, began: float) -> EntryAnswer:
        try:
            with httpx.Client(verify=_trust(), trust_env=False, follow_redirects=False) as client:
                return self._first_that_connects(client, url, began)
        except httpx.TimeoutException:
            return EntryAnswer("entry_timeout")
        except httpx.ConnectError as error:
            return _unconnected(error)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return EntryAnswer("entry_broken", words=_words(error))

    def _first_that_connects(self, client: httpx.Client, url: str, began: float) -> EntryAnswer:
        *others, last = self._target.addresses
        for address in others:
            try:
                return _ask_one(client, url, address, began)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return _ask_one(client, url, last, began)


def _ask_one(client: httpx.Client, url: str, address: str, began: float) -> EntryAnswer:
    asked = httpx.URL(url)
    left = max(0.05, began + ASK_SECONDS - time.monotonic())
    headers = {
        "Host": asked.netloc.decode("ascii").rpartition("@")[2],
        "User-Agent": AGENT,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    # The certificate is still that of the name.
    extensions = {"sni_hostname": asked.host} if asked.scheme == "https" else {}
    timeout = httpx.Timeout(left, connect=min(CONNECT_SECONDS, left))
    request = client.build_request(
        "GET", asked.copy_with(host=address), headers=headers, extensions=extensions, timeout=timeout
    )
    answer = client.send(request, stream=True)
    try:
        body = _start_of(answer.iter_raw(), began)
    finally:
        answer.close()
    return EntryAnswer(status=answer.status_code, headers=_lowered(answer.headers), body=body)


def _start_of(pieces: Iterator[bytes], began: float) -> bytes:
    """The first 64 KiB; raises TimeoutException for a body that trickles."""
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) >= MOST_BODY_BYTES:
            break
        if time.monotonic() - began > ASK_SECONDS:
            raise httpx.ReadTimeout("The body takes too long.")
    return bytes(body[:MOST_BODY_BYTES])


def _lowered(headers: httpx.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _redirect_of(url: str, answer: EntryAnswer) -> str:
    """The whole address that an answer leads to; empty for one that leads nowhere."""
    location = answer.headers.get("location", "") if answer.status in REDIRECTS else ""
    try:
        return urljoin(url, location) if location else ""
    except ValueError:
        return location


def _is_same_place(url: str, other: str) -> bool:
    """The same host, and no step down from an encrypted connection."""
    try:
        here, there = urlsplit(url), urlsplit(other)
        is_same_port = (here.scheme, here.port) == (there.scheme, there.port)
    except ValueError:
        return False
    is_upgrade = (here.scheme, there.scheme) == ("http", "https")
    return here.hostname == there.hostname and (is_same_port or is_upgrade) and "@" not in there.netloc


def _unconnected(error: httpx.ConnectError) -> EntryAnswer:
    text = str(error)
    causes = [cause for cause in (error.__cause__, error.__context__) if cause is not None]
    is_tls = any(isinstance(cause, ssl.SSLError) for cause in _chain(error)) or "SSL" in text or "CERTIFICATE" in text
    if is_tls:
        return EntryAnswer("entry_tls", words=_tls_words(text))
    if any(isinstance(cause, ConnectionRefusedError) for cause in _chain(error)) or "refused" in text.lower():
        return EntryAnswer("entry_refused")
    return EntryAnswer("entry_unreachable", words=_words(causes[0] if causes else error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _step in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _tls_words(text: str) -> Message | str:
    if "self-signed" in text or "self signed" in text:
        return _("the certificate is signed by nobody that the platform trusts")
    if "expired" in text:
        return _("the certificate has expired")
    if "Hostname mismatch" in text or "doesn't match" in text or "IP address mismatch" in text:
        return _("the certificate is for another name")
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return _("the certificate is signed by nobody that the platform trusts")
    return text[:200]


def _words(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]


@lru_cache(maxsize=1)
def _trust() -> ssl.SSLContext:
    """The machine's authorities. Kept: reading them takes longer than most answers."""
    return ssl.create_default_context()


def connect(target: EntryTarget, *, on_answer: OnAnswer = ignore_answer) -> EntryPage:
    """A client of one entry; connects to nothing yet."""
    return EntryPage(target, on_answer)
