"""How long PostgreSQL thinks about a query before it runs it.

Our rows hang together by keys, and most queries start at one row and join what it names: eight tables and more, in an
order that is right as it is written. Trying all orders of eight tables (PostgreSQL's default) takes 5 to 15 ms, the
query itself 0.3. Source: "Controlling the planner with explicit JOIN clauses" in PostgreSQL's manual.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

JOINS = 4
"""So many tables at a time are put into another order than the query names them in."""


def plan_quickly(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Settings of a new connection to PostgreSQL, not of its start: a pooler in between may refuse those."""
    if connection.vendor != "postgresql":
        return
    # Not by Django's cursor: it is no query of the code that connects.
    with connection.connection.cursor() as cursor:
        cursor.execute(f"SET join_collapse_limit = {JOINS}; SET from_collapse_limit = {JOINS}; SET jit = off")
