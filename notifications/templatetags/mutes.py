"""A filter for an order's menu, which is below this app and shows buttons of it."""

from __future__ import annotations

from django import template

from accounts.models import User
from notifications.selectors.preferences import Hearing, hearing_of
from releases.models import ReleaseOrder

register = template.Library()


@register.filter
def heard_by(order: ReleaseOrder, person: User) -> Hearing:
    """``order|heard_by:request.user``: is this person told nothing of it, or as much as its author?"""
    return hearing_of(person, order)
