"""What a page may watch, and who may watch it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async

from accounts.models import Project, User
from environments.access import Rights
from environments.models import Space
from foundation.digits import parse_digits
from releases.models import ReleaseOrder

P = ParamSpec("P")
T = TypeVar("T")


def on_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run a function that reads rows off the event loop; its connection is given back afterwards."""
    found: Callable[P, Awaitable[T]] = database_sync_to_async(function)
    return found


ME = "me"
"""The kind of the topic that tells of what was written for a person; its key is that person's own id."""
NO_PROJECT = 0
"""The project of a person's own topic: nobody needs a role for it."""


@dataclass(frozen=True)
class Topic:
    """``order:<number>`` is replayed; ``project:<id>``, ``space:<id>`` and one's own ``me:<id>`` only say "changed"."""

    kind: str
    key: str

    @classmethod
    def parse(cls, text: str) -> Topic | None:
        """The topic that a client named, or None for anything else."""
        kind, _colon, key = text.partition(":")
        if kind == "order" and key.isalnum() and len(key) <= 20:
            return cls(kind, key)
        if kind in ("project", "space", ME) and parse_digits(key) is not None:
            return cls(kind, key)
        return None

    def __str__(self) -> str:
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True)
class Found:
    """A topic that is there. ``order_id`` and ``last_seq`` are 0 for all but orders."""

    project_id: int
    order_id: int = 0
    last_seq: int = 0


@on_thread
def find_topics(user: User, topics: Collection[Topic]) -> dict[Topic, Found]:
    """Those that this person may see, in five queries at most: a topic without access is missing like a wrong name."""
    found = _rows_of(topics)
    own = {topic: Found(NO_PROJECT) for topic in topics if topic == Topic(ME, str(user.pk))}
    rights = Rights(user)
    return own | {topic: row for topic, row in found.items() if rights.sees(row.project_id)}


def _rows_of(topics: Collection[Topic]) -> dict[Topic, Found]:
    keys = {kind: [topic.key for topic in topics if topic.kind == kind] for kind in ("order", "project", "space")}
    found: dict[Topic, Found] = {}
    if keys["order"]:
        orders = ReleaseOrder.objects.filter(number__in=keys["order"]).order_by()
        for number, *row in orders.values_list("number", "project_id", "pk", "feed__last_seq"):
            found[Topic("order", number)] = Found(*row)
    if keys["project"]:
        for pk in Project.objects.filter(pk__in=map(int, keys["project"])).order_by().values_list("pk", flat=True):
            found[Topic("project", str(pk))] = Found(pk)
    if keys["space"]:
        spaces = Space.objects.filter(pk__in=map(int, keys["space"])).order_by()
        for pk, project_id in spaces.values_list("pk", "project_id"):
            found[Topic("space", str(pk))] = Found(project_id)
    return found
