"""Environments with their neighbours in the flow known, for who reads many at once."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import QuerySet

from environments.models import Environment


def know_flow(row: Environment, follows: Sequence[Environment], followed_by: Sequence[Environment]) -> None:
    """``row.follows.all()`` and ``row.followed_by.all()`` answer these very objects, which a prefetch would not."""
    kept: dict[str, QuerySet[Environment]] = row.__dict__.setdefault("_prefetched_objects_cache", {})
    for name, rows in (("follows", follows), ("followed_by", followed_by)):
        answer = Environment.objects.all()
        answer._result_cache = list(rows)
        kept[name] = answer
