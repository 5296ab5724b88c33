"""What people wrote down, with those whom it names. Reads of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from releases.models import SpaceComment
from releases.models.written import WrittenText

MOST = 50


@dataclass(frozen=True)
class ShownText:
    """One with those whom it names."""

    row: WrittenText
    named: tuple[User, ...]


def shown_texts(rows: QuerySet[Any]) -> tuple[list[ShownText], bool]:
    """The first :data:`MOST` of them, and whether there are more: two queries at most."""
    found: list[WrittenText] = list(rows[: MOST + 1])
    shown = found[:MOST]
    names = {name for row in shown for name in row.named}
    people = {one.username: one for one in User.objects.filter(username__in=names)} if names else {}
    texts = [ShownText(row, tuple(people[name] for name in row.named if name in people)) for row in shown]
    return texts, len(found) > MOST


def comments_of_space(space_id: int) -> QuerySet[SpaceComment]:
    """Newest first."""
    return SpaceComment.objects.filter(space=space_id).select_related("author").order_by("-pk")
