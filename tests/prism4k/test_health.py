"""Probes are answered for every host; everything else is held to them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client


@pytest.fixture
def behind_tls(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["prism.example"]
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.parametrize("host", ["localhost", "10.0.0.7:8000", "not a host"])
@pytest.mark.django_db
def test_probes_are_answered_under_any_host_name(client: Client, behind_tls: None, host: str) -> None:
    alive = client.get("/livez", headers={"host": host})
    ready = client.get("/readyz", headers={"host": host})

    assert (alive.status_code, alive.content) == (200, b"ok\n")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)


def test_a_probe_sets_no_cookie_and_names_no_person(client: Client, behind_tls: None) -> None:
    assert not client.get("/livez").cookies


def test_pages_are_held_to_the_host_names(client: Client, behind_tls: None) -> None:
    assert client.get("/sign-in/", headers={"host": "localhost"}, secure=True).status_code == 400
