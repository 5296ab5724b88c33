"""A filter for an order's menu, which is below this app and shows a button of it."""

from __future__ import annotations

from django import template

from accounts.models import User
from notifications.selectors.preferences import is_muted
from releases.models import ReleaseOrder

register = template.Library()


@register.filter
def is_muted_by(order: ReleaseOrder, person: User) -> bool:
    """``order|is_muted_by:request.user``: is this person told nothing of it?"""
    return is_muted(person, order)
