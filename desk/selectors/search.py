"""Orders and components by what somebody typed."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import User
from components.models import Component
from components.selectors import list_components
from releases.models import ReleaseOrder
from releases.selectors import filter_orders, orders_visible_to


@dataclass(frozen=True)
class Found:
    """What a search found; ``exact`` is the one order whose whole number was typed."""

    orders: list[ReleaseOrder]
    components: list[Component]
    exact: ReleaseOrder | None


MOST_FOUND = 20


def search(user: User, text: str) -> Found:
    """Orders by the beginning of their number or branch, components by a part of their name."""
    text = text.strip()[:200]
    if not text:
        return Found([], [], None)
    orders = list(filter_orders(orders_visible_to(user), text=text).order_by("-id")[:MOST_FOUND])
    components = list(list_components(user, text=text).order_by("name")[:MOST_FOUND])
    exact = next((order for order in orders if order.number == text.upper()), None)
    return Found(orders, components, exact)
