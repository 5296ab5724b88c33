"""``/ws/live/``: one socket a page, any number of topics. Rights are asked at subscribe, and watched from then on."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from accounts.models import User
from releases.live.broadcast import Subscriber, broadcaster
from releases.live.rights import still_allowed
from releases.live.topics import Found, Topic, find_topics
from releases.live.watched import note_watched

LONGEST_MESSAGE = 8192
MOST_TOPICS = 64
OLDEST_SECONDS = 30 * 86400.0
UNAUTHENTICATED = 4401
TOO_MUCH = 4409


@dataclass(frozen=True)
class _Wish:
    """What to watch, and how much of it the page has: events up to ``after``, or everything ``age`` seconds ago."""

    topic: Topic
    after: int
    age: float | None


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Takes ``{"type": "subscribe", "topic": "order:K8S…", "after": 12}``, ``unsubscribe`` and ``ping``.

    A page subscribes to several at once: ``{"type": "subscribe", "topics": [{"topic": "space:3", "age": 2.5}, …]}``.
    ``age`` says how many seconds ago the page was drawn; if the project or space has changed since, it is told so.
    Sends ``subscribed``, ``events`` (an order's, in order, without gaps), ``signal`` (of an order: its ``log`` or its
    ``pods`` have changed, look again; kept nowhere), ``changed`` (read again), ``gone`` (no longer
    yours to see), ``refused`` and ``pong`` with ``now`` (seconds since 1970) and ``behind`` (seconds since the rows
    were last read).
    """

    channel_layer_alias = ""
    """No layer of that name exists, so a socket needs no Redis: with one, its death would end every socket and refuse
    new ones with a 500. The broadcaster alone listens to hints."""

    is_over = False
    """Closed because its person has signed out."""

    async def connect(self) -> None:
        """Only for people who are signed in."""
        self.topics: dict[Topic, Subscriber] = {}
        await self.accept()
        user = self.scope.get("user")
        if not isinstance(user, User) or not user.is_active or user.must_change_password:
            await self._sign_out()

    async def disconnect(self, code: int) -> None:
        """Every subscription ends with its socket."""
        for subscriber in list(self.topics.values()):
            await broadcaster().unsubscribe(subscriber)
        self.topics.clear()

    async def _sign_out(self) -> None:
        # Several subscriptions of one socket may end at once: a socket is closed once.
        if not self.is_over:
            self.is_over = True
            await self.close(code=UNAUTHENTICATED)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """One message of the client; rubbish is answered with a message and changes nothing."""
        message = _parsed(text_data)
        if message is None:
            await self._say({"type": "refused", "detail": "Send JSON objects of at most 8 kB."})
            return
        kind = message.get("type")
        if kind == "ping":
            await self._say({"type": "pong", "now": round(time.time(), 3), "behind": round(broadcaster().behind(), 3)})
        elif kind in ("subscribe", "unsubscribe"):
            await self._change(kind, message)
        else:
            await self._say({"type": "refused", "detail": "The types are subscribe, unsubscribe and ping."})

    async def _change(self, kind: str, message: dict[str, Any]) -> None:
        asked = message.get("topics", [message])
        wishes: dict[Topic, _Wish] = {}
        for one in asked if isinstance(asked, list) else [{}]:
            wish = _wish(one)
            if wish is None:
                await self._refuse(str(one.get("topic", "")) if isinstance(one, dict) else "")
            else:
                wishes[wish.topic] = wish
        for topic in wishes:
            if before := self.topics.pop(topic, None):
                await broadcaster().unsubscribe(before)
        if kind == "subscribe" and wishes:
            await self._subscribe(wishes)

    async def _subscribe(self, wishes: Mapping[Topic, _Wish]) -> None:
        if len(self.topics) + len(wishes) > MOST_TOPICS:
            await self.close(code=TOO_MUCH)
            return
        user_id, key = self.scope["user"].pk, self.scope["session"].session_key or ""
        found = await find_topics(self.scope["user"], wishes)
        # The person as of now: the socket's own is as old as the socket, and may have signed out since.
        allowed, signed_out = await still_allowed({(user_id, key, row.project_id) for row in found.values()})
        if signed_out:
            await self._sign_out()
            return
        seen = [row for row in found.values() if (user_id, key, row.project_id) in allowed]
        await note_watched([row.order_id for row in seen if row.order_id])
        for topic, wish in wishes.items():
            row = found.get(topic)
            if row is None or (user_id, key, row.project_id) not in allowed:
                await self._refuse(str(topic))
            else:
                await self._start(wish, row, user_id, key)

    async def _start(self, wish: _Wish, row: Found, user_id: int, key: str) -> None:
        subscriber = Subscriber(
            send=self._send_text,
            user_id=user_id,
            session_key=key,
            topic=wish.topic,
            project_id=row.project_id,
            order_id=row.order_id,
            # A cursor beyond the end is of another database: start from what there is.
            cursor=min(wish.after, row.last_seq),
            age=wish.age,
            close=self._sign_out,
        )
        self.topics[wish.topic] = subscriber
        await self._say({"type": "subscribed", "topic": str(wish.topic), "last_seq": row.last_seq})
        await broadcaster().subscribe(subscriber)

    async def _refuse(self, topic: str) -> None:
        await self._say({"type": "refused", "topic": topic[:80], "detail": "There is no such topic."})

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


def _wish(asked: Any) -> _Wish | None:
    if not isinstance(asked, dict):
        return None
    topic, after, age = Topic.parse(str(asked.get("topic", ""))), asked.get("after", 0), asked.get("age")
    if topic is None or not isinstance(after, int) or isinstance(after, bool) or after < 0:
        return None
    if age is None:
        return _Wish(topic, after, None)
    if not isinstance(age, int | float) or isinstance(age, bool) or not age >= 0:
        return None
    return _Wish(topic, after, float(min(age, OLDEST_SECONDS)))
