"""Where the product may connect to."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from foundation.outbound import check_url
from foundation.problems import Refused

pytestmark = pytest.mark.security("requests-to-inner-hosts")

NAMES = {
    "public.example": "93.184.216.34",
    "inner.corp.example": "10.1.2.3",
    "rebound.example": "127.0.0.1",
    "metadata.corp.example": "169.254.169.254",
}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """A name server of our own (the tests have no network); numbers are left to the real one."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int, **options: Any) -> Any:
        return real(NAMES.get(host, host if host[0].isdigit() or ":" in host else "none.invalid"), port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    settings.OUTBOUND_ALLOW = []


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "https://192.168.1.1:8443/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://[fe80::1]/",
        "https://[fd00::1]/",
        "https://224.0.0.1/",
        "https://rebound.example/",
        "https://inner.corp.example/",
        "https://rebound.example./",
    ],
)
def test_inner_addresses_are_refused(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        check_url(url)
    assert refusal.value.status == 400 and "not on the list" in str(refusal.value)
    assert "OUTBOUND_ALLOW" in str(refusal.value.who_can_help)


@pytest.mark.parametrize(
    "url",
    [
        "", "public.example", "/etc/passwd", "file:///etc/passwd", "gopher://public.example/", "http://public.example/",
        "https://user:secret@public.example/", "https://user@public.example/", "https://public.example:99999/",
        "https://public.example/ x", " https://public.example/", "https://public.example\\@127.0.0.1/", "https:///x",
        "https://[::1/", "javascript:alert(1)", "https://unknown.example/", "https://public.example/\n",
    ],
)  # fmt: skip
def test_what_is_no_clean_address_is_refused_with_a_message(url: str) -> None:
    with pytest.raises(Refused) as refusal:
        check_url(url)
    assert str(refusal.value).endswith((".", "path.")) and "secret" not in str(refusal.value)


def test_public_addresses_pass_and_say_where_they_lead() -> None:
    found = check_url("https://public.example/path?q=1")
    assert (found.scheme, found.host, found.port, found.addresses) == (
        "https",
        "public.example",
        443,
        ("93.184.216.34",),
    )
    assert check_url("git@public.example:team/app.git", allowed_schemes=("https", "ssh")).port == 22
    with pytest.raises(Refused, match="ssh://"):
        check_url("git@public.example:team/app.git")


def test_the_list_opens_networks_hosts_and_schemes(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8", "http"]
    assert check_url("http://127.0.0.1:8080/", allowed_schemes=("http", "https")).port == 8080
    with pytest.raises(Refused, match="not allowed"):
        check_url("http://127.0.0.1:8080/")
    with pytest.raises(Refused):
        check_url("https://inner.corp.example/")
    settings.OUTBOUND_ALLOW = ["*.corp.example"]
    assert check_url("https://inner.corp.example/").addresses == ("10.1.2.3",)
    with pytest.raises(Refused, match=r"169\.254"):
        check_url("https://metadata.corp.example/")
    settings.OUTBOUND_ALLOW = ["INNER.corp.example"]
    assert check_url("https://inner.corp.example/").host == "inner.corp.example"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("jenkins.corp.example:8080/", "http://jenkins.corp.example:8080/"),
        ("jenkins.corp.example", "http://jenkins.corp.example"),
        ("10.0.0.1:6443", "http://10.0.0.1:6443"),
        ("localhost:8080/jenkins", "http://localhost:8080/jenkins"),
        ("http:/jenkins/x", "http://jenkins/x"),
        ("http:jenkins", "http://jenkins"),
        ("//jenkins/x", "http://jenkins/x"),
        ("ttp:/jenkins", "http://jenkins"),
    ],
)
def test_an_address_without_its_beginning_is_told_how_to_begin(typed: str, shown: str) -> None:
    with pytest.raises(Refused) as refusal:
        check_url(typed, allowed_schemes=("https", "http"))
    assert "begin with https:// or http://" in str(refusal.value)
    assert f"{shown}." in str(refusal.value)
