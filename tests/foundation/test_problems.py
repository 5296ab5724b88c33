"""Errors that people read, in their language, and the request number they read out."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.translation import gettext_lazy, override

from foundation.problems import Denied, Invalid, Missing, PlatformError, Refused, Stale, problem
from foundation.request_context import HEADER, RequestContextMiddleware, current, request_context, set_actor


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refused("No.", "gate-closed"), 409, "gate-closed"),
        (Refused("No."), 409, "refused"),
        (Refused("No.", status=422), 422, "refused"),
        (Stale("Too late."), 409, "stale"),
        (Denied("Not you."), 403, "denied"),
        (Missing(), 404, "missing"),
        (Invalid({"name": ["Too long."]}), 400, "invalid"),
    ],
)
def test_each_error_has_its_status_and_code(error: PlatformError, status: int, code: str) -> None:
    document = problem(error, instance="/orders/7", request_number="ABC")
    assert (document["status"], document["code"], document["type"]) == (status, code, f"urn:prism4k:problem:{code}")
    assert document["detail"] and document["title"] and document["instance"] == "/orders/7"
    assert json.loads(json.dumps(document)) == document


def test_fields_and_helpers_are_told() -> None:
    error = Refused("Closed.", "frozen", "Ask operations.", fields={"due_at": ["In a freeze."]})
    document = problem(error)
    assert document["who_can_help"] == "Ask operations." and document["fields"] == {"due_at": ["In a freeze."]}


def test_messages_are_translated_when_they_are_shown() -> None:
    error = Denied(gettext_lazy("Yes"))
    with override("en"):
        english = problem(error)["detail"]
    with override("zh-hans"):
        chinese = problem(error)["detail"]
    assert english == "Yes" and chinese == "是"


def test_a_request_has_one_number_everywhere(rf: RequestFactory) -> None:
    seen: list[Any] = []

    def view(request: HttpRequest) -> HttpResponse:
        set_actor(None)
        seen.append(current())
        return HttpResponse("ok")

    first = RequestContextMiddleware(view)(rf.get("/", REMOTE_ADDR="10.0.0.9"))
    second = RequestContextMiddleware(view)(rf.get("/"))
    assert isinstance(first, HttpResponse) and isinstance(second, HttpResponse)
    assert [first[HEADER], second[HEADER]] == [context.number for context in seen]
    assert first[HEADER] != second[HEADER] and len(first[HEADER]) == 10
    assert seen[0].address == "10.0.0.9" and current().number == ""


def test_async_requests_do_not_mix(rf: RequestFactory) -> None:
    meeting = asyncio.Barrier(2)

    async def view(request: HttpRequest) -> HttpResponse:
        before = current().number
        await meeting.wait()  # both are under way
        assert current().number == before
        return HttpResponse(before)

    async def both() -> list[HttpResponse]:
        middleware = RequestContextMiddleware(view)
        return await asyncio.gather(middleware(rf.get("/")), middleware(rf.get("/")))  # type: ignore[arg-type]

    answers = asyncio.run(both())
    assert [answer[HEADER] for answer in answers] == [answer.content.decode() for answer in answers]
    assert len({answer[HEADER] for answer in answers}) == 2


def test_passes_over_runs_have_a_number_of_their_own() -> None:
    with request_context() as outer:
        with request_context(number="FIXED") as inner:
            assert current() == inner and inner.number == "FIXED"
        assert current() == outer
