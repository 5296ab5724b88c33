"""The card of things to try, for pages of demo data."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context

from demo.differences import differences
from demo.sides import sides_said
from demo.stand_ins import Choices
from demo.tries import tries

register = template.Library()


@register.simple_tag
def sides() -> str:
    """Which other sides are stand-ins here: those that nobody named a real one for."""
    return str(sides_said(Choices.from_environment()))


@register.inclusion_tag("demo/_tries.html", takes_context=True)
def try_this(context: Context) -> dict[str, Any]:
    """Draws what to try as things stand now; only demo data has the people and branches for it."""
    request = context["request"]
    return {
        "tries": tries(),
        "differences": differences(),
        "request": request,
        "csrf_token": context.get("csrf_token"),
    }
