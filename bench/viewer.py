"""One person at the product: clicks by HTTP, sees by websocket. Import after ``frame.set_up()``."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from typing import Any

import httpx
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from websockets.sync.client import connect

from accounts.models import Token, User

SECONDS = 60.0


def session_of(user: User) -> str:
    """The cookie of a new session."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "accounts.backends.PasswordBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


class Viewer:
    """Acts by the API over one kept connection, and watches orders as a page does."""

    def __init__(self, port: int, user: User) -> None:
        _token, secret = Token.objects.create(user, name="bench", scopes=["read", "build", "promote", "deploy"])
        url = f"http://127.0.0.1:{port}"
        self._http = httpx.Client(base_url=url, timeout=SECONDS, headers={"Authorization": f"Token {secret}"})
        self._socket = connect(
            f"ws://127.0.0.1:{port}/ws/live/",
            additional_headers={"Cookie": f"sessionid={session_of(user)}"},
            origin=url,  # type: ignore[arg-type]
            compression=None,
        )

    def watch(self, number: str) -> None:
        """Follow an order from now on."""
        self._socket.send(json.dumps({"type": "subscribe", "topic": f"order:{number}", "after": 0}))

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """A click that must be accepted."""
        answer = self._http.post(f"/api/v1/{path}", json=body)
        if answer.status_code >= 300:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found

    def wait(self, kinds: Collection[str], pk: int) -> dict[str, Any]:
        """The first event of these kinds about that row; raises TimeoutError."""
        until = time.monotonic() + SECONDS
        while (left := until - time.monotonic()) > 0:
            for event in json.loads(self._socket.recv(timeout=left)).get("events", ()):
                if event["kind"] in kinds and event["data"].get("id") == pk:
                    return dict(event)
        raise TimeoutError(f"no {kinds} of {pk}")

    def wait_ended(self, what: str, pk: int) -> dict[str, Any]:
        """The success of a run; raises RuntimeError for any other end."""
        ends = {f"{what}.{state}" for state in ("succeeded", "failed", "errored", "cancelled")}
        event = self.wait(ends, pk)
        if event["kind"] != f"{what}.succeeded":
            raise RuntimeError(f"{what} {pk}: {event}")
        return event

    def close(self) -> None:
        """Leave."""
        self._socket.close()
        self._http.close()
