"""HTTP to one registry: sign-in (Basic, bearer tokens), time and size limits, redirects, vendor errors as ours."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

import httpx

from deployer.adapters.registry.tokens import Credentials, TokenDesk
from deployer.adapters.registry.urls import Origin, check_redirect
from deployer.errors import Forbidden, Rejected, Unavailable
from deployer.interfaces import RegistryTarget
from deployer.sentences import say as _

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

    def __init__(self, target: RegistryTarget) -> None:
        self.origin = Origin.of(target.url)
        self.address = target.address or self.origin.host
        self._basic = httpx.BasicAuth(target.username, target.password) if target.username else None
        self._client = httpx.Client(
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            verify=_trust(target.ca_pem, target.address),
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=30.0),
        )
        self._tokens = TokenDesk(self.origin, self._basic, self._fetch)

    def get(self, path: str, *, scope: str, accept: str = "*/*", most: int, follow: bool = False) -> Answer:
        """GET ``/v2/…``; ``scope`` is the right asked of a token service, ``most`` the body's limit in bytes.

        Raises Forbidden (401, 403), Unavailable (429, 5xx, refused, timed out), Rejected (body too large, redirects).
        """
        url, wanted = self.origin.url + path, {"Accept": accept, "Accept-Encoding": "identity"}
        credentials = self._tokens.known(scope)
        answer = self._fetch(url, headers=wanted, credentials=credentials, most=most)
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
