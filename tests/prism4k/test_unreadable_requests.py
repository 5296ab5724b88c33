"""Bodies that are too deep or too large, and verbs that an address has not: refused in the API's own form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from accounts.models import Token
from audit.models import AuditEvent
from foundation.models import Idempotency
from tests.cast import World

DEEP = ["[" * 100_000, '{"username":' * 100_000, "[" * 900 + "]" * 900, '{"username":' * 40 + "1" + "}" * 40]
LARGE = b" " * 6_000_000 + b"{}"


def call(world: World, method: str, path: str, body: Any = b"{}", *, key: str = "", token: str = "") -> Any:
    if not token:
        _row, token = Token.objects.create(world.ada, name="t", scopes=["read", "admin"])
    headers = {"Authorization": f"Token {token}"} | ({"Idempotency-Key": key} if key else {})
    client = Client(raise_request_exception=False, headers=headers)
    return client.generic(method, path, body, content_type="application/json")


def assert_problem(answer: Any, status: int, code: str) -> None:
    assert answer.status_code == status, answer.content[:300]
    assert answer["Content-Type"] == "application/problem+json"
    body = json.loads(answer.content)
    assert (body["status"], body["code"]) == (status, code) and body["detail"]


@pytest.mark.security("floods")
@pytest.mark.parametrize("body", DEEP)
@pytest.mark.parametrize("path", ["/api/v1/sign-in/", "/hooks/jenkins/claim"])
def test_a_body_that_is_too_deep_is_bad_input_for_anybody(db: None, path: str, body: str) -> None:
    answer = Client(raise_request_exception=False).post(path, body, content_type="application/json")
    assert_problem(answer, 400, "too-deep")


@pytest.mark.security("floods")
@pytest.mark.parametrize("key", ["", "k"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/people/"), ("DELETE", "/api/v1/tokens/abc/")])
def test_a_body_that_is_too_deep_or_too_large_is_refused_for_people_too(
    world: World, method: str, path: str, key: str
) -> None:
    assert_problem(call(world, method, path, DEEP[0], key=key), 400, "too-deep")
    assert_problem(call(world, method, path, LARGE, key=key), 413, "too-large")


@pytest.mark.security("floods")
@pytest.mark.parametrize("path", ["/api/v1/sign-in/", "/hooks/jenkins/claim"])
def test_a_body_that_is_too_large_is_refused_for_anybody(db: None, path: str) -> None:
    answer = Client(raise_request_exception=False).post(path, LARGE, content_type="application/json")
    assert_problem(answer, 413, "too-large")


@pytest.mark.security("floods")
def test_a_form_that_is_too_large_gets_a_page(world: World) -> None:
    client = Client(raise_request_exception=False)
    answer = client.post("/sign-in/", "username=" + "a" * 6_000_000, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413
    assert "more than 5 MB" in answer.content.decode()
    many = "&".join(f"a{number}=1" for number in range(2000))
    answer = client.post("/sign-in/", many, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 400
    assert "cannot be read" in answer.content.decode()


def test_a_host_that_is_not_ours_gets_a_page_without_anything_of_ours(world: World) -> None:
    answer = Client(raise_request_exception=False).get("/sign-in/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "cannot be read" in answer.content.decode() and "evil" not in answer.content.decode()


@pytest.mark.parametrize("key", ["", "k"])
@pytest.mark.parametrize("token", ["", "nonsense"])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "FOO"])
def test_a_verb_that_an_address_has_not_is_told_before_anything_else(
    world: World, method: str, token: str, key: str
) -> None:
    answer = call(world, method, "/api/v1/people/", LARGE, key=key, token=token)
    assert_problem(answer, 405, "method-not-allowed")
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert not Idempotency.objects.exists() and not AuditEvent.objects.exists()


def test_every_address_of_the_api_refuses_a_verb_it_has_not(world: World) -> None:
    for path in ("/api/schema/", "/api/docs/", "/hooks/jenkins/claim", "/api/v1/me/", "/api/v1/orders/X/builds/"):
        answer = call(world, "TRACE", path, key="k")
        assert_problem(answer, 405, "method-not-allowed")
        assert answer["Allow"]


@pytest.mark.security("forged-requests")
def test_a_form_without_the_secret_of_its_page_is_told_what_to_do(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.dana)
    answer = client.post("/me/theme/", {"theme": "dark"})
    assert answer.status_code == 403
    assert "older than your session" in answer.content.decode()
