"""Whom does an order wait for? Candidates by their indexes, then the gates decide, for many orders in a few queries."""

from releases.waiting.at_all import AtAll, ask
from releases.waiting.promoted import Promoted, promoted_orders
from releases.waiting.removals import removals_to_approve
from releases.waiting.roll_backs import RollBacks, roll_backs
from releases.waiting.scales import scales_to_approve
from releases.waiting.to_test import orders_to_test, read_ahead_of_promotions
from releases.waiting.wait import MOST, Wait

__all__ = [
    "MOST", "AtAll", "Promoted", "RollBacks", "Wait", "ask", "orders_to_test", "promoted_orders",
    "read_ahead_of_promotions", "removals_to_approve", "roll_backs", "scales_to_approve",
]  # fmt: skip
