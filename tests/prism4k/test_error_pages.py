"""What a page says when something went wrong: the message, what was done, what is safe, who can help, the number."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.test import Client, RequestFactory

from accounts.models import User
from foundation.problems import Denied, Invalid, Missing, PlatformError, Refused
from prism4k import errors
from tests.cast import World
from tests.releases.pages.conftest import component, quick_passwords, signed_in

__all__ = ["component", "quick_passwords", "signed_in"]

SignIn = Callable[[str], Client]


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def test_a_refusal_says_who_may(world: World, component: object, signed_in: SignIn) -> None:
    page = signed_in("dana").get("/health/")
    said = words(page)
    assert page.status_code == 403 and "You may not do this here." in said
    assert "Who may Ada" in said, "the one who may is named"
    assert "You are developer · SIS-OMM" in said, "and what one is oneself"
    assert "Nothing was changed." in said and page["X-Request-Number"] in said


def test_an_unknown_address_leads_on(world: World, signed_in: SignIn, client: Client) -> None:
    page = signed_in("dana").get("/orders/K8S20200101000000AA/")
    assert page.status_code == 404 and "There is no such order" in words(page)
    assert 'href="/search/"' in page.content.decode()
    visitor = client.get("/nowhere/")
    assert visitor.status_code == 404 and "There is no such page" in words(visitor)


def test_the_message_is_in_the_readers_language(world: World, signed_in: SignIn) -> None:
    User.objects.filter(username="dana").update(language="zh-hans")
    page = signed_in("dana").get("/nowhere/")
    assert '<html lang="zh-Hans"' in page.content.decode() and "There is no such page" not in words(page)


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (Invalid({"branch": ["No such branch."]}), "This cannot be taken as it is"),
        (Denied("Not you."), "You may not do this"),
        (Missing(), "Not found"),
        (Refused("Being deployed."), "Not possible in this state"),
        (Refused("Git is away.", status=503), "Another system does not answer just now"),
        (Refused("The cluster said no.", status=502), "Another system does not answer just now"),
        (PlatformError("Oh."), "Platform error"),
        (Refused("Too many.", status=429), "This cannot be taken as it is"),
    ],
)
def test_every_status_has_its_words(db: None, rf: RequestFactory, error: PlatformError, title: str) -> None:
    request = rf.get("/somewhere/")
    request.user = AnonymousUser()
    page = errors.error_page(request, error)
    said = words(page)
    assert page.status_code == error.status and title in said and str(error.message) in said
    assert "What was done" in said and "What is safe" in said


def test_without_a_database_the_page_stands_alone(rf: RequestFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No ``db`` fixture: a query would fail the test."""
    request = rf.get("/orders/")

    class Gone:
        @property
        def is_authenticated(self) -> bool:
            raise OperationalError("connection refused")

    request.user = Gone()  # type: ignore[assignment]
    error = errors.as_platform_error(OperationalError("connection refused"))
    assert error is not None
    page = errors.error_page(request, error)
    said = words(page)
    assert page.status_code == 503 and page["Retry-After"] == "3"
    assert "The database does not answer just now" in said and "Try again" in said


def test_a_panel_gets_a_fragment(world: World, signed_in: SignIn) -> None:
    part = signed_in("dana").get("/health/", headers={"HX-Request": "true"})
    assert part.status_code == 403 and "<html" not in part.content.decode()
    assert "Who can help" in words(part)


def test_a_failure_before_anybody_is_known_is_a_page_too(db: None, rf: RequestFactory) -> None:
    """As in a middleware that comes before the sessions: the request has no user."""
    page = errors.server_error(rf.get("/"))
    assert page.status_code == 500 and "The platform failed on this request" in words(page)
