"""The rows under many writers, on PostgreSQL: the same cases as on SQLite."""

# ruff: noqa: F403
from tests.foundation.test_claims import *
from tests.foundation.test_processes import *
from tests.releases.concurrency.test_deliveries import *
from tests.releases.concurrency.test_event_log import *
from tests.releases.concurrency.test_fifty_clicks import *
from tests.releases.concurrency.test_grants import *
from tests.releases.concurrency.test_locks import *
from tests.releases.concurrency.test_turns import *
from tests.releases.concurrency.test_two_clicks import *


def test_this_is_postgresql(db: None) -> None:
    """Or all of the above has proved nothing."""
    from django.db import connection

    assert connection.vendor == "postgresql"


def test_a_query_over_many_tables_is_planned_in_the_order_it_names_them(db: None) -> None:
    """All orders of eight tables take longer than the query: each connection says so."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW join_collapse_limit")
        assert cursor.fetchone() == ("4",)
