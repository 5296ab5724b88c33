"""How long something took, for people."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from django.utils.translation import gettext


def clock(seconds: int | None) -> str:
    """``0:07``, ``1:21``, ``1:02:05``: for columns of figures. Empty for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def in_words(seconds: int | None) -> str:
    """``7 s``, ``1 min 21 s``, ``1 h 2 min``: for messages. Empty for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return gettext("%(h)d h %(m)d min") % {"h": hours, "m": minutes}
    if minutes:
        return gettext("%(m)d min %(s)d s") % {"m": minutes, "s": rest}
    return gettext("%(s)d s") % {"s": rest}


def roughly(seconds: int | None) -> str:
    """``20 s``, ``3 min``: for what is not known exactly. Empty for None."""
    if seconds is None:
        return ""
    if seconds < 50:
        return in_words(max(5, round(seconds / 5) * 5))
    return gettext("%(m)d min") % {"m": max(1, round(seconds / 60))}


class _Timed(Protocol):
    """A run, as far as its duration goes."""

    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


def took(run: _Timed) -> int | None:
    """Seconds from its beginning to its end; None before it ended."""
    if run.finished_at is None:
        return None
    return max(0, int((run.finished_at - (run.started_at or run.created_at)).total_seconds()))
