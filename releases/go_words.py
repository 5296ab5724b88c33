"""What people say of orders that are to go to a space. Reads of rows; no gate asks here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from django.db.models import QuerySet

from releases.models import GoWord, ReleaseOrder

Place = tuple[int, int]
"""The ids of an order and of a space."""


def words_of(places: Collection[Place]) -> dict[Place, list[GoWord]]:
    """By place, the first word first: one query, and none for no places."""
    found: dict[Place, list[GoWord]] = defaultdict(list)
    if not places:
        return found
    rows = GoWord.objects.filter(order__in={order for order, _space in places}).select_related("by")
    for row in rows.order_by("said_at", "pk"):
        found[row.order_id, row.space_id].append(row)
    return found


def words_on(order: ReleaseOrder) -> QuerySet[GoWord]:
    """All of one order, newest first."""
    return GoWord.objects.filter(order=order).select_related("by", "space__environment").order_by("-pk")
