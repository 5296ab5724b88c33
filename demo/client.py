"""The product's REST API as another platform uses it: a token for each person, a key for each act."""

from __future__ import annotations

import contextlib
import time
import uuid
from typing import Any

import httpx

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
TRIES = 4
Json = dict[str, Any]


class Refusal(Exception):
    """The product said no: ``code`` for programs, ``str()`` its own message with what each field lacks."""

    def __init__(self, status: int, problem: Json) -> None:
        self.status = status
        self.code = str(problem.get("code", ""))
        errors = problem.get("errors") or problem.get("fields") or {}
        fields = "; ".join(f"{name}: {' '.join(map(str, said))}" for name, said in errors.items())
        message = str(problem.get("detail") or problem.get("title") or f"answered {status}")
        help_by = f" (who can help: {problem['who_can_help']})" if problem.get("who_can_help") else ""
        super().__init__(f"{message}{f' [{fields}]' if fields else ''}{help_by}")


class Away(Exception):
    """The product does not answer."""


class Api:
    """``/api/v1/`` of one product, as one person."""

    def __init__(self, http: httpx.Client, username: str, token: str) -> None:
        self._http, self.username = http, username
        self._headers = {"Authorization": f"Token {token}"}

    @classmethod
    def sign_in(cls, url: str, username: str, password: str) -> Api:
        """A token for the person; raises Refusal, Away."""
        http = httpx.Client(base_url=f"{url}/api/v1/", timeout=TIMEOUT, trust_env=False)
        api = cls(http, username, "")
        api._headers = {}
        answer = api.post("sign-in/", {"username": username, "password": password})
        return cls(http, username, str(answer["token"]))

    def sign_out(self) -> None:
        """The token is worth nothing from now on; a product that is gone already is no reason to complain."""
        with contextlib.suppress(Refusal, httpx.TransportError):
            self._http.post("sign-out/", headers=self._headers)
        self._http.close()

    def get(self, path: str, **query: str) -> Any:
        """The answer; raises Refusal, Away."""
        return self._call("GET", path, query, None, {})

    def post(self, path: str, body: Json | None = None) -> Any:
        """Act once: the key makes a repeated request give the first answer. Raises Refusal, Away."""
        return self._call("POST", path, {}, body or {}, {"Idempotency-Key": uuid.uuid4().hex})

    def patch(self, path: str, body: Json) -> Any:
        """Change some fields; raises Refusal, Away."""
        return self._call("PATCH", path, {}, body, {"Idempotency-Key": uuid.uuid4().hex})

    def put(self, path: str, body: Json) -> Any:
        """Replace; raises Refusal, Away."""
        return self._call("PUT", path, {}, body, {"Idempotency-Key": uuid.uuid4().hex})

    def _call(self, method: str, path: str, query: Json, body: Json | None, headers: dict[str, str]) -> Any:
        problem: Refusal | Away = Away("not tried")
        for attempt in range(TRIES):
            time.sleep(0.5 * attempt)
            try:
                answer = self._http.request(method, path, params=query, json=body, headers={**self._headers, **headers})
            except httpx.TransportError as error:
                problem = Away(
                    f"{method} {self._http.base_url}{path} was not answered: {type(error).__name__}: {error}"
                )
                continue
            if answer.status_code < 400:
                return answer.json() if answer.content else None
            problem = Refusal(answer.status_code, _json(answer))
            if answer.status_code != 503:
                break
        raise problem


def _json(answer: httpx.Response) -> Json:
    try:
        content = answer.json()
    except ValueError:
        return {
            "detail": f"{answer.request.method} {answer.request.url.path} answered {answer.status_code}, not in JSON"
        }
    return content if isinstance(content, dict) else {"detail": str(content)}


class Cast:
    """People by user name, signed in when they first act and signed out together at the end of the block."""

    def __init__(self, url: str, password: str) -> None:
        self._url, self._password = url, password
        self._signed_in: dict[str, Api] = {}

    def __getitem__(self, username: str) -> Api:
        if username not in self._signed_in:
            self._signed_in[username] = Api.sign_in(self._url, username, self._password)
        return self._signed_in[username]

    def __enter__(self) -> Cast:
        return self

    def __exit__(self, *_: object) -> None:
        for api in self._signed_in.values():
            api.sign_out()
