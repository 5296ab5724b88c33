"""Answers a registry's ``WWW-Authenticate``: Basic, or a bearer token from its token service (Harbor, Docker Hub).

Source: "Token Authentication Specification" of the distribution project; Harbor asks for a token per repository.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

import httpx

from deployer.adapters.registry.urls import Origin, may_sign_in_at
from deployer.errors import Forbidden, Rejected, Unavailable
from deployer.sentences import say as _

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
