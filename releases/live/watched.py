"""Builds whose order's page is open in a browser, or whose log a program reads: these are followed closely, the others
now and then."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import BooleanField, Case, Q, Value, When
from django.db.models.functions import Now

from foundation.clock import now_plus
from foundation.runs.choices import ACTIVE
from foundation.runs.wake import wake
from releases.live.topics import on_thread
from releases.models import Build

WATCHED_SECONDS = 60.0
"""So long a subscription, or a read of the log, counts. It is written anew while half of it is left, and nobody writes
that it has ended: a process that dies with its sockets takes nothing with it."""
RENEW_SECONDS = 2.0
"""So often the broadcaster looks for builds to renew, and for those that began while their order was watched."""


def write_watched(order_ids: Collection[int]) -> None:
    """Write on the orders' builds that somebody watches; those that nobody watched before are due now.

    One row a statement: a transaction that locks several runs would have to keep the order of who passes over them.
    """
    if not order_ids:
        return
    is_ending = Q(watched_until=None) | Q(watched_until__lt=now_plus(WATCHED_SECONDS / 2))
    is_new = Case(When(watched_until__gt=Now(), then=Value(False)), default=Value(True), output_field=BooleanField())
    rows = Build.objects.filter(is_ending, order_id__in=list(order_ids), state__in=sorted(ACTIVE)).order_by()
    for pk, begins in list(rows.values_list("pk", is_new)):
        Build.objects.filter(pk=pk).update(watched_until=now_plus(WATCHED_SECONDS))
        if begins:
            wake(Build, pk, prompt=False)


note_watched = on_thread(write_watched)
