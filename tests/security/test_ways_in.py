"""What is not a page and not the API: the websocket's own door, and messages that workers take."""

from __future__ import annotations

import asyncio
import base64
import pickle
from datetime import timedelta
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from kombu.exceptions import ContentDisallowed
from kombu.serialization import loads

from accounts.services import create_token
from foundation.clock import PARKED
from foundation.runs.choices import RunState
from foundation.runs.tasks import take
from prism4k.asgi import application
from prism4k.celery import app
from releases.live.routing import websocket_urlpatterns
from releases.live.topics import Topic
from releases.models import Build
from tests.cast import World
from tests.releases.rows import build, make_built, make_component, make_order


# ---------------------------------------------------------------- the websocket
@pytest.mark.security("cross-site-websocket", "rights-on-every-way-in")
def test_there_is_one_websocket_with_three_kinds_of_topics() -> None:
    """Each asks ``find_topics`` for the right; another address or kind needs its tests."""
    assert [str(one.pattern) for one in websocket_urlpatterns] == ["ws/live/"]
    tried = ("order", "project", "space", "component", "user", "audit", "health", "deployment", "*")
    assert [kind for kind in tried if Topic.parse(f"{kind}:1")] == ["order", "project", "space"]


@pytest.mark.security("cross-site-websocket")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("origin", "query", "answer"),
    [
        ("http://127.0.0.1:8000", "", "websocket.accept"),
        ("http://127.0.0.1:8000", "token=", "websocket.accept"),
        ("https://evil.example", "", "websocket.close"),
        ("null", "", "websocket.close"),
        ("", "token=", "websocket.close"),
    ],
)
def test_a_token_in_the_address_opens_nothing(world: World, origin: str, query: str, answer: str) -> None:
    """Addresses end in logs and histories: only a session's cookie opens a socket, from our own pages."""
    _row, token = create_token(actor=world.dana, name="t", scopes=["read"], lifetime=timedelta(days=1))
    headers = [(b"host", b"127.0.0.1:8000"), (b"authorization", f"Token {token}".encode())]
    scope = {
        "type": "websocket", "path": "/ws/live/", "subprotocols": [], "query_string": f"{query}{token}".encode(),
        "headers": headers + ([(b"origin", origin.encode())] if origin else []),
    }  # fmt: skip

    async def play() -> list[dict[str, Any]]:
        socket = ApplicationCommunicator(application, scope)
        await socket.send_input({"type": "websocket.connect"})
        heard = [await socket.receive_output(3)]
        if heard[0]["type"] == "websocket.accept":
            # Nobody is signed in: it is told so by the code with which the socket ends.
            heard.append(await socket.receive_output(3))
        return heard

    first, *more = asyncio.run(play())
    assert first["type"] == answer
    assert [(one["type"], one["code"]) for one in more] == [("websocket.close", 4401)] * len(more)


# ---------------------------------------------------------------- messages to workers
@pytest.mark.security("forged-tasks", "rights-on-every-way-in")
def test_workers_know_one_task_and_read_plain_json_alone() -> None:
    """With another serializer, who can write to the broker would run code in the worker."""
    app.loader.import_default_modules()
    assert {name for name in app.tasks if not name.startswith("celery.")} == {"foundation.runs.tasks.take"}
    assert (app.conf.accept_content, app.conf.task_serializer) == (["json"], "json")
    assert app.conf.worker_enable_remote_control is False and app.conf.task_ignore_result is True
    with pytest.raises(ContentDisallowed):
        loads(pickle.dumps({"a": 1}), "application/x-python-serialize", "binary", accept=app.conf.accept_content)
    with pytest.raises(ContentDisallowed):
        yaml = base64.b64encode(b"!!python/object/apply:os.system [id]").decode()
        loads(yaml, "application/x-yaml", "utf-8", accept=app.conf.accept_content)


@pytest.mark.security("forged-tasks")
def test_a_forged_hint_has_no_authority(world: World) -> None:
    """It says what is to be looked at; what is done there stands in the rows, which it cannot write."""
    order = make_order(make_component(world), world.dana)
    waiting, done = build(order), make_built(order.component, world.dana, branch="other").builds.get()
    Build.objects.filter(pk=waiting.pk).update(next_at=PARKED)
    before = list(Build.objects.order_by("pk").values())
    for kind, pk in (("build", waiting.pk), ("build", done.pk), ("build", 999_999), ("os.system", 1), ("", 0)):
        take(kind, pk)
    assert list(Build.objects.order_by("pk").values()) == before
    assert done.state == RunState.SUCCEEDED
