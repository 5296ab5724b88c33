"""Is this process alive, and can it serve?"""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from audit.triggers import triggers_present


def livez(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """Database reachable, migrated, audit guarded: 200, or 503 with what is wrong."""
    checks: dict[str, Any] = {}
    try:
        executor = MigrationExecutor(connection)
        checks["migrations"] = "ok" if not executor.migration_plan(executor.loader.graph.leaf_nodes()) else "pending"
        checks["audit"] = "ok" if triggers_present() else "triggers missing: run manage.py migrate"
        checks["database"] = "ok"
    except DatabaseError:
        checks["database"] = "unreachable"
    is_ready = all(value == "ok" for value in checks.values())
    return JsonResponse({"ready": is_ready, "checks": checks}, status=200 if is_ready else 503)
