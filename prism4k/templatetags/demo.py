"""The card of things to try, for pages of demo data."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context

from prism4k.demo_rows.tries import tries

register = template.Library()


@register.inclusion_tag("desk/_try_this.html", takes_context=True)
def try_this(context: Context) -> dict[str, Any]:
    """Draws what to try as things stand now; only demo data has the people and branches for it."""
    request = context["request"]
    return {"tries": tries(), "request": request, "csrf_token": context.get("csrf_token")}
