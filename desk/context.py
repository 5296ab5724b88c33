"""What the shell of every page needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from accounts.models import User
from accounts.selectors import demo_people
from desk.shell import Shell


def shell(request: HttpRequest) -> dict[str, Any]:
    """Values for ``base.html``; each is read only where a page asks for it."""
    values: dict[str, Any] = {"is_demo": settings.DEMO, "product_version": settings.VERSION, "demo_people": _people}
    user = getattr(request, "user", None)
    if isinstance(user, User):
        values |= _lazily(Shell(request, user))
    return values


def _lazily(frame: Shell) -> dict[str, Callable[[], Any]]:
    return {
        "rail": lambda: frame.rail,
        "in_project": lambda: frame.in_project,
        "own_projects": lambda: frame.own_projects,
        "chosen_project": lambda: frame.chosen_project,
        "project_page": lambda: frame.project_page,
    }


def _people() -> list[User]:
    return [someone.person for someone in demo_people()]
