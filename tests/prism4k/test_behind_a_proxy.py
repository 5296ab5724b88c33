"""What follows from PLATFORM_URL and ``--proxy``: cookies, origins, and whom the web server believes."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, patch

import pytest
from channels.exceptions import StopConsumer
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from prism4k.origins import OwnOrigins
from prism4k.proxies import checked_proxies
from tests.cast import World
from tests.prism4k.loaded import load_settings

TLS = "https://prism.example"


@pytest.fixture
def behind_tls(settings: Any, tmp_path: Path) -> None:
    read = load_settings({"PRISM4K_DATA_DIR": str(tmp_path), "PLATFORM_URL": TLS})
    for name in (
        "PLATFORM_URL", "ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE",
        "SECURE_HSTS_SECONDS", "IS_SECURE",
    ):  # fmt: skip
        setattr(settings, name, getattr(read, name))


def sign_in(client: Client, *, secure: bool, origin: str = TLS) -> Any:
    page = client.get("/sign-in/", headers={"host": "prism.example"}, secure=secure)
    assert page.status_code == 200
    form = {
        "username": "dana",
        "password": "correct horse battery",
        "csrfmiddlewaretoken": page.cookies["csrftoken"].value,
    }
    return client.post(
        "/sign-in/", form, headers={"host": "prism.example", "origin": origin, "referer": f"{origin}/sign-in/"},
        secure=secure,
    )  # fmt: skip


@pytest.mark.security("stolen-sessions")
@pytest.mark.parametrize("secure", [True, False], ids=["the proxy is believed", "the proxy says nothing"])
def test_a_person_signs_in_behind_tls(behind_tls: None, world: World, secure: bool) -> None:
    world.dana.set_password("correct horse battery")
    world.dana.save()
    client = Client(enforce_csrf_checks=True)

    answer = sign_in(client, secure=secure)

    assert answer.status_code == 302
    assert answer.cookies["sessionid"]["secure"] and answer.cookies["sessionid"]["httponly"]
    assert answer.headers.get("Strict-Transport-Security") == ("max-age=31536000" if secure else None)


@pytest.mark.security("forged-requests")
def test_a_form_of_another_site_is_refused_behind_tls(behind_tls: None, world: World) -> None:
    assert sign_in(Client(enforce_csrf_checks=True), secure=True, origin="https://evil.example").status_code == 403
    assert sign_in(Client(enforce_csrf_checks=True), secure=True, origin="http://prism.example").status_code == 403


@pytest.mark.security("stolen-sessions")
def test_host_names_and_origins_follow_the_platforms_address(tmp_path: Path) -> None:
    read = load_settings({"PRISM4K_DATA_DIR": str(tmp_path), "PLATFORM_URL": "https://Prism.example:8443/"})

    assert read.PLATFORM_URL == "https://Prism.example:8443"
    assert "prism.example" in read.ALLOWED_HOSTS and "127.0.0.1" in read.ALLOWED_HOSTS
    assert read.CSRF_TRUSTED_ORIGINS == ["https://prism.example:8443"]
    assert read.SESSION_COOKIE_SECURE and read.CSRF_COOKIE_SECURE and read.LANGUAGE_COOKIE_SECURE
    assert (read.SESSION_COOKIE_NAME, read.CSRF_COOKIE_NAME) == ("__Host-sessionid", "__Host-csrftoken")


def test_over_plain_http_no_cookie_asks_for_https_and_no_browser_is_bound_to_it(tmp_path: Path) -> None:
    read = load_settings({"PRISM4K_DATA_DIR": str(tmp_path), "HSTS_SECONDS": "60"})

    assert not read.SESSION_COOKIE_SECURE and not read.CSRF_COOKIE_SECURE
    assert read.SECURE_HSTS_SECONDS == 0


@pytest.mark.parametrize(
    "address",
    ["prism.example", "ftp://prism.example", "https://", "https://prism.example/desk", "https://a:b@prism.example"],
)
def test_an_address_that_is_none_stops_the_start_with_its_variable(tmp_path: Path, address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="PLATFORM_URL must look like"):
        load_settings({"PRISM4K_DATA_DIR": str(tmp_path), "PLATFORM_URL": address})


@pytest.mark.security("cross-site-websocket")
@pytest.mark.parametrize(
    ("origin", "is_ours"),
    [
        (TLS, True),
        ("https://prism.example:443", True),
        ("http://prism.example", False),
        ("https://prism.example:8443", False),
        ("https://evil.example", False),
        ("https://prism.example.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_a_websocket_is_opened_by_our_own_pages_alone(
    behind_tls: None, settings: Any, origin: str, is_ours: bool
) -> None:
    assert opens(origin, "prism.example") is is_ours


@pytest.mark.security("cross-site-websocket")
@pytest.mark.parametrize(
    ("origin", "host", "is_ours"),
    [
        ("http://localhost:8123", "localhost:8123", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", True),
        ("http://127.0.0.1:8001", "127.0.0.1:8000", False),
        ("http://localhost:8123", "127.0.0.1:8123", False),
        ("https://localhost:8123", "localhost:8123", False),
        ("http://localhost", "localhost:8123", False),
        ("http://evil.example", "evil.example", False),
        ("http://localhost:8123/path", "localhost:8123", False),
        ("http://a@localhost:8123", "localhost:8123", False),
        ("http://localhost:99999", "localhost:8123", False),
    ],
)
def test_over_plain_http_the_very_address_opens_a_websocket(
    settings: Any, origin: str, host: str, is_ours: bool
) -> None:
    settings.IS_SECURE, settings.ALLOWED_HOSTS = False, ["localhost", "127.0.0.1"]
    settings.CSRF_TRUSTED_ORIGINS = ["http://desk.example:8000"]
    assert opens(origin, host) is is_ours
    assert opens("http://desk.example:8000", host) and not opens("http://desk.example", host)


def opens(origin: str, host: str) -> bool:
    """Does the handshake reach the consumer?"""
    reached = []

    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        reached.append(True)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(_message: dict[str, Any]) -> None:
        raise StopConsumer  # denied

    headers = [(b"host", host.encode()), *([(b"origin", origin.encode())] if origin else [])]
    scope = {"type": "websocket", "path": "/ws/live/", "headers": headers}
    # What denies closes old connections: another test may have left one in that thread.
    with contextlib.suppress(StopConsumer), patch("channels.consumer.aclose_old_connections", AsyncMock()):
        asyncio.run(OwnOrigins(application)(scope, receive, send))
    return bool(reached)


@pytest.mark.security("stolen-sessions")
@pytest.mark.parametrize(
    ("peer", "client", "scheme"),
    [("127.0.0.1", "203.0.113.9", "https"), ("10.1.2.3", "203.0.113.9", "https"), ("192.0.2.1", "192.0.2.1", "http")],
)
def test_only_a_named_proxy_is_believed(peer: str, client: str, scheme: str) -> None:
    seen: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope)

    scope = {
        "type": "http", "client": (peer, 50000), "scheme": "http",
        "headers": [(b"x-forwarded-for", b"198.51.100.1, 203.0.113.9"), (b"x-forwarded-proto", b"https")],
    }  # fmt: skip
    middleware = ProxyHeadersMiddleware(application, checked_proxies(" 127.0.0.1, 10.1.0.0/16 ,"))  # type: ignore[arg-type]
    asyncio.run(middleware(scope, None, None))  # type: ignore[arg-type]

    assert (seen["client"][0], seen["scheme"]) == (client, scheme)


@pytest.mark.parametrize("given", ["*", "nginx", "10.0.0.0/8,everybody", "10.0.0.1/8"])
@pytest.mark.parametrize("command", ["web", "up"])
def test_a_proxy_that_is_no_address_is_refused(command: str, given: str) -> None:
    with pytest.raises(CommandError, match="give addresses or networks"):
        call_command(command, proxy=given, port=1)
