"""What the shell of every page needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.models import User
from accounts.selectors import demo_people


def shell(request: HttpRequest) -> dict[str, Any]:
    """Values for ``base.html``; people are read only where a page lists them."""
    return {"is_demo": settings.DEMO, "product_version": settings.VERSION, "demo_people": _people}


def _people() -> list[User]:
    return [someone.person for someone in demo_people()]
