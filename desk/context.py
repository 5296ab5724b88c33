"""What the shell of every page needs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, Any]:
    """Values for ``base.html``."""
    return {"is_demo": settings.DEMO, "product_version": settings.VERSION}
