"""Lists by id, newest first, without OFFSET and without COUNT: page 1,000 costs what page 1 costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

from foundation.digits import parse_digits
from foundation.messages import message as _
from foundation.problems import Invalid

DEFAULT_SIZE = 50
LARGEST_SIZE = 200
_LARGEST_ID = 2**63 - 1

M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Page(Generic[M]):
    """``next_cursor`` goes into ``before=`` for older rows, ``previous_cursor`` into ``after=`` for newer ones."""

    items: tuple[M, ...]
    next_cursor: int | None
    previous_cursor: int | None


def read_cursor(text: str | None, field: str = "before") -> int | None:
    """The id in a query parameter; None when it is absent; raises Invalid for anything but a positive id."""
    if not text:
        return None
    number = parse_digits(text, 19)
    if number is None or not 0 < number <= _LARGEST_ID:
        raise Invalid({field: [_("This is not a position in the list: take it from the answer of the last page.")]})
    return number


def asked_page(rows: QuerySet[M], query: Mapping[str, str], *, size: int = DEFAULT_SIZE) -> Page[M]:
    """The page that an address asks for by ``?before=`` or ``?after=``; raises Invalid for what is no position."""
    before, after = (read_cursor(query.get(name), name) for name in ("before", "after"))
    return take_page(rows, before=before, after=after, size=size)


def take_page(
    rows: QuerySet[M], *, before: int | None = None, after: int | None = None, size: int = DEFAULT_SIZE
) -> Page[M]:
    """One page of the rows (any ordering they have is replaced). ``after`` wins when both cursors are given."""
    size = max(1, min(size, LARGEST_SIZE))
    if after is not None:
        found = list(_slice(rows, rows.filter(pk__gt=after).order_by("pk"), size + 1))
        items = tuple(reversed(found[:size]))
        return Page(
            items=items,
            next_cursor=items[-1].pk if items else after + 1,
            previous_cursor=items[0].pk if len(found) > size else None,
        )
    older = rows.filter(pk__lt=before) if before is not None else rows
    found = list(_slice(rows, older.order_by("-pk"), size + 1))
    items = tuple(found[:size])
    has_newer = before is not None
    return Page(
        items=items,
        next_cursor=items[-1].pk if len(found) > size else None,
        previous_cursor=(items[0].pk if items else (before or 1) - 1) if has_newer else None,
    )


def _slice(rows: QuerySet[M], ordered: QuerySet[M], count: int) -> QuerySet[M]:
    """The first so many, found by id alone before anything is joined to them.

    With joins in the same statement SQLite may begin at a small table and sort every wide row that it reaches.
    """
    chosen = ordered.select_related(None).values("pk")[:count]
    return rows.filter(pk__in=chosen).order_by(*ordered.query.order_by)
