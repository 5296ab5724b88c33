"""Medians that the database takes: rows are ranked there, and only those in the middle and at nine of ten are read."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, F, Func, IntegerField, Q, QuerySet, Window
from django.db.models.functions import RowNumber


@dataclass
class Spread:
    """Many durations in seconds: the middle one, and the one that nine of ten do not exceed."""

    median: int | None = None
    ninth: int | None = None


class Seconds(Func):
    """``Seconds(later, earlier)``: whole seconds, without the function in Python that SQLite has for a difference."""

    output_field = IntegerField()

    def as_sqlite(self, compiler: Any, connection: Any, **_context: Any) -> Any:
        """By days, which are exact to a tenth of a millisecond."""
        template = "CAST(ROUND((julianday(%(expressions)s)) * 86400) AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, arg_joiner=") - julianday(")

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        """By intervals."""
        template = "ROUND(EXTRACT(EPOCH FROM (%(expressions)s)))::bigint"
        return self.as_sql(compiler, connection, template=template, arg_joiner=" - ")


Group = tuple[Hashable, ...]


def spreads(rows: QuerySet[Any], *partitions: Sequence[str]) -> Iterator[tuple[int, Group, Spread]]:
    """(number of the partition, values of its names, spread of ``seconds``); one query, two rows a group at most."""
    ranks: dict[str, Any] = {}
    for number, names in enumerate(partitions):
        over = [F(name) for name in names]
        ranks[f"of_{number}"] = Window(Count("*"), partition_by=over)
        ranks[f"rank_{number}"] = Window(RowNumber(), partition_by=over, order_by="seconds")
    wanted = [Q(**{f"rank_{n}": F(f"of_{n}") / 2 + 1}) | Q(**{f"rank_{n}": F(f"of_{n}") * 9 / 10 + 1}) for n in
              range(len(partitions))]  # fmt: skip
    found: dict[tuple[int, Group], Spread] = {}
    for row in rows.annotate(**ranks).filter(reduce(or_, wanted)).order_by().values(
        *{name for names in partitions for name in names}, *ranks, "seconds"
    ):  # fmt: skip
        for number, names in enumerate(partitions):
            spread = found.setdefault((number, tuple(row[name] for name in names)), Spread())
            _note(spread, row["seconds"], row[f"rank_{number}"], row[f"of_{number}"])
    for (number, group), spread in found.items():
        yield number, group, spread


def _note(spread: Spread, seconds: int, rank: int, of: int) -> None:
    if rank == of // 2 + 1:
        spread.median = seconds
    if rank == of * 9 // 10 + 1:
        spread.ninth = seconds
