"""Forms about trains: what somebody ticked, as the service takes it."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict

from foundation.api.routes import FormInput
from foundation.digits import parse_digits
from trains.services.making import Wanted


def wanted_of(data: QueryDict) -> list[Wanted]:
    """The ticked components, each with its own branch where it has one."""
    common = data.get("branch", "").strip()[:250]
    return [
        Wanted(
            slug[:130],
            data.get(f"branch-{slug}", "").strip()[:250] or common,
            wave_of(data.get(f"wave-{slug}", "")),
            data.get(f"after-{slug}", "").strip()[:130],
            data.get(f"database-{slug}") == "on",
        )
        for slug in data.getlist("components")
    ]


def wave_of(text: str) -> int:
    """The first where nothing was typed; 0, which is no wave, for what is no number."""
    return parse_digits(text.strip() or "1", 3) or 0


def orders_body(form: FormInput) -> dict[str, Any]:
    """What the API takes in the place of these fields."""
    return {"orders": [
        {"component": one.component, "branch": one.branch, "wave": one.wave, "waits_for": one.waits_for,
         "changes_database": one.changes_database} for one in wanted_of(form.data)
    ]}  # fmt: skip
