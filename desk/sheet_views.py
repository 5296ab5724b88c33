"""The order sheet's page, made to be printed."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.actor import actor_of
from audit.heads import heads_file
from desk.order_sheet import make_sheet
from desk.selectors.audit import is_stale
from desk.selectors.order_sheet import read_sheet
from foundation.pages import read_view
from releases.presenters.standings import order_states
from releases.selectors import order_by_number
from releases.views.pages import page


@read_view
def order_sheet(request: HttpRequest, number: str) -> HttpResponse:
    """For everybody who sees the order."""
    order = order_by_number(actor_of(request), number)
    rows = read_sheet(order)
    context = {
        "order": order,
        "shown": order_states([order])[order.pk],
        "sheet": make_sheet(rows),
        "check": rows.check,
        "is_stale": rows.check is None or is_stale(rows.check),
        "has_heads_file": heads_file() is not None,
        "printed_at": timezone.now(),
    }
    return page(request, "desk/order_sheet.html", context)
