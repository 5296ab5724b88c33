"""``/ws/live/``: one socket a page, any number of topics. Rights are asked at subscribe, and again every second."""

from __future__ import annotations

import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from accounts.models import Project, User
from environments.access import Rights
from environments.models import Space
from releases.hub import Subscriber, Topic, hub, on_thread, still_allowed
from releases.models import ReleaseOrder

LONGEST_MESSAGE = 4096
MOST_TOPICS = 64
UNAUTHENTICATED = 4401
TOO_MUCH = 4409


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Takes ``{"type": "subscribe", "topic": "order:K8S…", "after": 12}``, ``unsubscribe`` and ``ping``.

    Sends ``subscribed``, ``events`` (an order's, in order, without gaps), ``changed`` (look again), ``gone`` (no longer
    yours to see), ``refused``, ``pong``.
    """

    channel_layer_alias = ""
    """No layer of that name exists, so a socket needs no Redis: with one, its death would end every socket and refuse
    new ones with a 500. The hub alone listens to hints."""

    async def connect(self) -> None:
        """Only for people who are signed in."""
        self.topics: dict[Topic, Subscriber] = {}
        await self.accept()
        user = self.scope.get("user")
        if not isinstance(user, User) or not user.is_active:
            await self.close(code=UNAUTHENTICATED)

    async def disconnect(self, code: int) -> None:
        """Every subscription ends with its socket."""
        for subscriber in list(self.topics.values()):
            await hub().unsubscribe(subscriber)
        self.topics.clear()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One message of the client; rubbish is answered with a sentence and changes nothing."""
        message = _parsed(text_data)
        if message is None:
            await self._say({"type": "refused", "detail": "Send JSON objects of at most 4 kB."})
            return
        kind = message.get("type")
        if kind == "ping":
            await self._say({"type": "pong"})
        elif kind in ("subscribe", "unsubscribe"):
            await self._change(kind, message)
        else:
            await self._say({"type": "refused", "detail": "The types are subscribe, unsubscribe and ping."})

    async def _change(self, kind: str, message: dict[str, Any]) -> None:
        topic = Topic.parse(str(message.get("topic", "")))
        after = message.get("after", 0)
        if topic is None or not isinstance(after, int) or isinstance(after, bool) or after < 0:
            await self._say(
                {"type": "refused", "topic": str(message.get("topic", ""))[:80], "detail": "There is no such topic."}
            )
            return
        before = self.topics.pop(topic, None)
        if before:
            await hub().unsubscribe(before)
        if kind == "subscribe":
            await self._subscribe(topic, after)

    async def _subscribe(self, topic: Topic, after: int) -> None:
        if len(self.topics) >= MOST_TOPICS:
            await self.close(code=TOO_MUCH)
            return
        user_id, key = self.scope["user"].pk, self.scope["session"].session_key or ""
        found = await find_topic(self.scope["user"], topic)
        # The person as of now: the socket's own is as old as the socket, and may have signed out since.
        if found is None or not await still_allowed({(user_id, key, found[0])}):
            await self._say({"type": "refused", "topic": str(topic), "detail": "There is no such topic."})
            return
        project_id, order_id, last_seq = found
        subscriber = Subscriber(
            send=self._send_text,
            user_id=user_id,
            session_key=key,
            topic=topic,
            project_id=project_id,
            order_id=order_id,
            # A cursor beyond the end is of another database: start from what there is.
            cursor=min(after, last_seq),
        )
        self.topics[topic] = subscriber
        await self._say({"type": "subscribed", "topic": str(topic), "last_seq": last_seq})
        await hub().subscribe(subscriber)

    async def _send_text(self, text: str) -> None:
        # The raw ASGI send: sixteen times cheaper than a message through a channel layer.
        await self.base_send({"type": "websocket.send", "text": text})

    async def _say(self, message: dict[str, Any]) -> None:
        await self._send_text(json.dumps(message))


def _parsed(text: str | None) -> dict[str, Any] | None:
    if text is None or len(text) > LONGEST_MESSAGE:
        return None
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


@on_thread
def find_topic(user: User, topic: Topic) -> tuple[int, int, int] | None:
    """(project id, order id, last event number), or None: the same for a stranger as for a wrong name."""
    order_id = last_seq = 0
    project_id: int | None
    if topic.kind == "order":
        row = ReleaseOrder.objects.filter(number=topic.key).values_list("project_id", "pk", "last_seq").first()
        if row is None:
            return None
        project_id, order_id, last_seq = row
    elif topic.kind == "space":
        project_id = Space.objects.filter(pk=int(topic.key)).values_list("project_id", flat=True).first()
    else:
        project_id = Project.objects.filter(pk=int(topic.key)).values_list("pk", flat=True).first()
    if project_id is None or not Rights(user).sees(project_id):
        return None
    return project_id, order_id, last_seq
