"""Orders in whose comments this person is named and which they have not opened since."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from desk.selectors.tasks import Task
from environments.access import Rights
from foundation.messages import verbatim
from releases.mentions import own_mentions
from releases.models import Mention
from releases.waiting import MOST, AtAll

MOST_READ = 2 * (MOST + 1)
LONGEST = 120


def kinds(rights: Rights) -> dict[str, QuerySet[Any]]:
    """What :func:`mentioned` reads only where there is any, by name."""
    return {"mention": Mention.objects.filter(person=rights.user, read_at=None)}


def mentioned(rights: Rights, at_all: AtAll) -> list[Task]:
    """One for each order, the newest first: who named the person there last, and with which words."""
    if not at_all.has("mention"):
        return []
    newest: dict[int, Mention] = {}
    for row in own_mentions(rights, only_unread=True)[:MOST_READ]:
        newest.setdefault(row.order_id, row)
    return [_task(row) for row in newest.values()][: MOST + 1]


def _task(row: Mention) -> Task:
    text = " ".join(row.comment.text.split())[:LONGEST]
    word = verbatim(f"{row.comment.author.shown_name}: {text}")
    return Task(
        row.order, None, row.at, "queued", word, f"{reverse('releases:order', args=[row.order.number])}#activity"
    )
