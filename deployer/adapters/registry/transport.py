"""HTTP to one registry: sign-in (Basic, bearer tokens), time and size limits, redirects, vendor errors as ours.

``WWW-Authenticate`` is answered with Basic, or with a bearer token from the registry's token service (Harbor, Docker
Hub). Source: "Token Authentication Specification" of the distribution project; Harbor asks for a token per repository.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlencode

import httpx

from deployer.adapters.pinned import pinned
from deployer.adapters.registry.urls import Origin, check_redirect, may_sign_in_at
from deployer.dialing import barred_in
from deployer.errors import Forbidden, Rejected, Unavailable
from deployer.interfaces import OnAnswer, RegistryTarget
from deployer.messages import message as _

_PARAMETER = re.compile(r'([a-zA-Z_]+)="([^"]*)"')
_MOST_TOKEN_BYTES = 256 * 1024
_EARLY_SECONDS = 10.0
_MOST_TOKENS = 1000


@dataclass(frozen=True)
class Credentials:
    """What to send along: a header, or Basic, or nothing."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: httpx.Auth | None = field(default=None, repr=False)


class Fetched(Protocol):
    """The parts of an answer that are needed here."""

    @property
    def status(self) -> int: ...

    @property
    def content(self) -> bytes: ...


class Fetch(Protocol):
    """One GET with limits; vendor errors are translated by the callee."""

    def __call__(self, url: str, *, headers: Mapping[str, str], credentials: Credentials, most: int) -> Fetched: ...


class TokenDesk:
    """Keeps the tokens of one registry by scope until shortly before they end; safe for several threads."""

    def __init__(self, origin: Origin, basic: httpx.BasicAuth | None, fetch: Fetch) -> None:
        self._origin = origin
        self._basic = basic
        self._fetch = fetch
        self._tokens: dict[str, tuple[str, float]] = {}
        self._is_basic = False
        self._lock = threading.Lock()

    def known(self, scope: str) -> Credentials:
        """What the registry asked for last time, so that not every request is refused once before it works."""
        with self._lock:
            token, end = self._tokens.get(scope, ("", 0.0))
            is_basic = self._is_basic
        if time.monotonic() < end:
            return Credentials(headers={"Authorization": f"Bearer {token}"})
        return Credentials(auth=self._basic) if is_basic else Credentials()

    def answer(self, challenge: str, scope: str) -> Credentials:
        """Credentials for the challenge; raises Forbidden when there are none or it asks for something unknown."""
        scheme = challenge.partition(" ")[0].lower()
        if scheme == "basic":
            if self._basic is None:
                raise Forbidden(
                    _(
                        "The registry %(host)s asks for a user and a password: enter them in its settings.",
                        host=self._origin.host,
                    )
                )
            with self._lock:
                self._is_basic = True
            return Credentials(auth=self._basic)
        if scheme == "bearer":
            token = self._ask(dict(_PARAMETER.findall(challenge)), scope)
            return Credentials(headers={"Authorization": f"Bearer {token}"})
        raise Forbidden(
            _(
                "The registry %(host)s asks for a way to sign in that the platform does not know.",
                host=self._origin.host,
            )
        )

    def _ask(self, parameters: Mapping[str, str], scope: str) -> str:
        try:
            realm = Origin.of(parameters.get("realm", ""))
        except Rejected as exc:
            raise Forbidden(_("The registry %(host)s names no usable token service.", host=self._origin.host)) from exc
        if self._basic is not None and not may_sign_in_at(self._origin, realm):
            raise Forbidden(
                _(
                    "The registry %(host)s wants its password sent to %(other)s, outside its domain: it was not sent.",
                    host=self._origin.host,
                    other=realm.host,
                )
            )
        query = {"service": parameters["service"]} if "service" in parameters else {}
        query |= {"scope": scope} if scope else {}
        url = f"{realm.url}?{urlencode(query)}" if query else realm.url
        basic = Credentials(auth=self._basic)
        answer = self._fetch(url, headers={"Accept": "application/json"}, credentials=basic, most=_MOST_TOKEN_BYTES)
        if answer.status == 429 or answer.status >= 500:
            raise Unavailable(
                _("The token service of the registry %(host)s cannot answer now.", host=self._origin.host)
            )
        if answer.status != 200:
            raise Forbidden(
                _(
                    "The registry %(host)s refuses the platform's account. Check its user and password.",
                    host=self._origin.host,
                )
            )
        return self._keep(scope, answer.content)

    def _keep(self, scope: str, content: bytes) -> str:
        try:
            document = json.loads(content)
            token = str(document.get("token") or document["access_token"])
            seconds = float(document.get("expires_in") or 60)
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise Unavailable(
                _("The token service of the registry %(host)s gave no token.", host=self._origin.host)
            ) from exc
        if not token.isascii() or not token.isprintable():
            raise Unavailable(
                _("The token service of the registry %(host)s gave no usable token.", host=self._origin.host)
            )
        with self._lock:
            if len(self._tokens) >= _MOST_TOKENS:
                self._tokens.clear()
            self._tokens[scope] = (token, time.monotonic() + seconds - _EARLY_SECONDS)
        return token


CONNECT_SECONDS = 3.0
READ_SECONDS = 15.0
TOTAL_SECONDS = 20.0
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_ERROR_BYTES = 16 * 1024


@dataclass(frozen=True)
class Answer:
    """A whole answer: ``content`` is at most what was asked for, header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Transport:
    """GET requests to one registry; safe for several threads."""

    def __init__(self, target: RegistryTarget, on_answer: OnAnswer) -> None:
        self._on_answer = on_answer
        self.origin = Origin.of(target.url)
        self.address = target.address or self.origin.host
        self._basic = httpx.BasicAuth(target.username, target.password) if target.username else None
        limits = httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=30.0)
        trust = _trust(target.ca_pem, target.address)
        self._client = httpx.Client(
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            transport=pinned(httpx.HTTPTransport(verify=trust, trust_env=False, limits=limits)),
            follow_redirects=False,
            trust_env=False,
        )
        self._tokens = TokenDesk(self.origin, self._basic, self._fetch)

    def get(self, path: str, *, scope: str, accept: str = "*/*", most: int, follow: bool = False) -> Answer:
        """GET ``/v2/…``; ``scope`` is the right asked of a token service, ``most`` the body's limit in bytes.

        Raises Forbidden (401, 403), Unavailable (429, 5xx, refused, timed out), Rejected (body too large, redirects).
        """
        url, wanted = self.origin.url + path, {"Accept": accept, "Accept-Encoding": "identity"}
        credentials = self._tokens.known(scope)
        answer = self._fetch(url, headers=wanted, credentials=credentials, most=most)
        # The first answer is the registry's own; a token service and a storage behind it speak for themselves.
        if answer.status < 500 and answer.status != 429:
            self._on_answer()
        if answer.status == 401:
            credentials = self._tokens.answer(answer.headers.get("www-authenticate", ""), scope)
            answer = self._fetch(url, headers=wanted, credentials=credentials, most=most)
        for _hop in range(_MOST_REDIRECTS if follow else 0):
            if answer.status not in _REDIRECTS:
                break
            url = check_redirect(url, answer.headers.get("location", ""), self.origin)
            if not Origin.of(url).is_same_place(self.origin):
                # Another place (object storage) gets neither our token nor our password: its address is signed.
                credentials = Credentials()
            answer = self._fetch(url, headers=wanted, credentials=credentials, most=most)
        return self._checked(answer)

    def _fetch(self, url: str, *, headers: Mapping[str, str], credentials: Credentials, most: int) -> Answer:
        sent = {**headers, **credentials.headers}
        with self._errors(), self._client.stream("GET", url, headers=sent, auth=credentials.auth) as answer:
            limit = most if answer.status_code == 200 else _MOST_ERROR_BYTES
            content = self._read(answer, limit)
            return Answer(answer.status_code, {key.lower(): value for key, value in answer.headers.items()}, content)

    def _read(self, answer: httpx.Response, most: int) -> bytes:
        """The body, within bytes and time: a server that trickles keeps no thread of ours."""
        content = bytearray()
        end = time.monotonic() + TOTAL_SECONDS
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > most:
                if answer.status_code != 200:
                    return bytes(content[:most])
                raise Rejected(
                    _(
                        "The registry %(address)s sent more than %(most)s bytes where a small document belongs.",
                        address=self.address,
                        most=most,
                    )
                )
            if time.monotonic() > end:
                raise Unavailable(
                    _("The registry %(address)s answers too slowly. Try again in a few minutes.", address=self.address)
                )
        return bytes(content)

    def _checked(self, answer: Answer) -> Answer:
        if answer.status in {401, 403}:
            raise Forbidden(
                _(
                    "The registry %(address)s refuses the platform's account. Check user, password and right to pull.",
                    address=self.address,
                )
            )
        if answer.status == 429 or answer.status >= 500:
            raise Unavailable(
                _(
                    "The registry %(address)s cannot answer now (%(status)s). Try again in a few minutes.",
                    address=self.address,
                    status=answer.status,
                ),
                retry_after_seconds=_seconds(answer.headers.get("retry-after", "")),
            )
        if answer.status in _REDIRECTS:
            raise Rejected(
                _("The registry %(address)s redirects to another address. Enter the final one.", address=self.address)
            )
        return answer

    @contextmanager
    def _errors(self) -> Iterator[None]:
        name = self.address
        try:
            yield
        except httpx.ConnectTimeout as exc:
            raise Unavailable(
                _(
                    "The registry %(name)s did not answer within %(seconds)s seconds.",
                    name=name,
                    seconds=f"{CONNECT_SECONDS:.0f}",
                )
            ) from exc
        except httpx.ConnectError as exc:
            if message := barred_in(exc):
                raise Unavailable(message) from exc
            if isinstance(exc.__context__, ssl.SSLError) or "CERTIFICATE" in str(exc).upper():
                raise Unavailable(
                    _("The certificate of the registry %(name)s is not trusted. Check its CA certificate.", name=name)
                ) from exc
            raise Unavailable(
                _("The registry %(name)s cannot be reached. Check that it is up and its address is right.", name=name)
            ) from exc
        except httpx.TimeoutException as exc:
            raise Unavailable(
                _(
                    "The registry %(name)s took longer than %(seconds)s seconds to answer.",
                    name=name,
                    seconds=f"{READ_SECONDS:.0f}",
                )
            ) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise Unavailable(_("The connection to the registry %(name)s broke.", name=name)) from exc


@lru_cache(maxsize=64)
def _trust(ca_pem: str, address: str) -> ssl.SSLContext:
    """The machine's own CAs and the one entered. Kept: reading the CAs takes longer than most requests."""
    try:
        context = ssl.create_default_context()
        if ca_pem:
            context.load_verify_locations(cadata=ca_pem)
    except ssl.SSLError as exc:
        raise Rejected(
            _("The CA certificate entered for the registry %(address)s is not in PEM form.", address=address)
        ) from exc
    return context


def _seconds(text: str) -> float | None:
    """``Retry-After`` in seconds, at most an hour; a date there is ignored."""
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() and len(text) < 9 else None
