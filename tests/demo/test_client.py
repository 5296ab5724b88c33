"""What the demo says when the product cannot do what it was asked, and when there is no product."""

from __future__ import annotations

import httpx
import pytest

from demo import client
from demo.client import Api, Away, Refusal


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


def api(transport: httpx.MockTransport) -> Api:
    return Api(httpx.Client(base_url="http://product/api/v1/", transport=transport), "dana", "token")


def test_an_answer_that_somebody_else_is_away_is_asked_for_again_then_told_in_the_products_words() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Idempotency-Key"])
        return httpx.Response(503, json={"detail": "The Git server cannot be reached.", "code": "away"})

    with pytest.raises(Refusal, match=r"^The Git server cannot be reached\.$"):
        api(httpx.MockTransport(answer)).post("orders/")
    assert len(asked) == client.TRIES
    assert len(set(asked)) == 1


def test_a_product_that_does_not_answer_is_called_so() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with pytest.raises(Away, match="GET http://product/api/v1/orders/ was not answered: ConnectError: refused"):
        api(httpx.MockTransport(answer)).get("orders/")


def test_a_refusal_is_not_asked_for_again() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(409, json={"detail": "Somebody was faster."})

    with pytest.raises(Refusal, match="Somebody was faster"):
        api(httpx.MockTransport(answer)).post("orders/")
    assert len(asked) == 1
