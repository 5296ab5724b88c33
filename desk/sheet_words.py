"""How an order sheet writes times and lines."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

DOT = " · "


def moment(at: datetime | None) -> str:
    """A time to the second in the reader's zone."""
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def join(*parts: Any) -> str:
    """What there is of it, in one line."""
    return DOT.join(text for text in (str(part) for part in parts if part) if text)
