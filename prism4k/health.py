"""Is this process alive, and can it serve?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from audit.triggers import triggers_present
from foundation.migration_history import history_refusal


def livez(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """Database reachable, migrated, audit guarded: 200, or 503 with what is wrong."""
    checks: dict[str, Any] = {}
    try:
        refusal = history_refusal(connection)
        checks["migrations"] = str(refusal) if refusal else _migrations()
        checks["audit"] = "ok" if triggers_present() else "triggers missing: run manage.py migrate"
        checks["database"] = "ok"
    except DatabaseError:
        checks["database"] = "unreachable"
    is_ready = all(value == "ok" for value in checks.values())
    return JsonResponse({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    return "pending" if executor.migration_plan(executor.loader.graph.leaf_nodes()) else "ok"


class HealthMiddleware:
    """Answers probes before any other middleware: they name the process by its address, which is no ALLOWED_HOSTS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._views: dict[str, Callable[[HttpRequest], HttpResponse]] = {"/livez": livez, "/readyz": readyz}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        view = self._views.get(request.path_info, self._get_response)
        return view(request)
