"""``manage.py placements --check``: recompute what runs where from the deployments, and say where the rows differ."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from foundation.runs.choices import ACTIVE, RunState
from releases.choices import DeploymentKind
from releases.models import Deployment, Placement


def differences(place: Placement) -> list[str]:
    """Messages about ``applied``, ``good`` and ``active`` where the deployments say otherwise."""
    rows = Deployment.objects.filter(component_id=place.component_id, space_id=place.space_id)
    removals = rows.filter(kind=DeploymentKind.REMOVE, state=RunState.SUCCEEDED)
    removed = removals.order_by("-pk").values_list("pk", flat=True).first()
    rows = rows.filter(pk__gt=removed) if removed else rows
    expected = {
        "last_applied": rows.filter(applied_at__isnull=False).order_by("-applied_at", "-pk").first(),
        "last_succeeded": rows.filter(state=RunState.SUCCEEDED).order_by("-finished_at", "-pk").first(),
        "in_progress": rows.filter(state__in=sorted(ACTIVE)).first(),
    }
    return [
        f"{name} is {getattr(place, f'{name}_id')}, the deployments say {wanted.pk if wanted else None}"
        for name, wanted in expected.items()
        if getattr(place, f"{name}_id") != (wanted.pk if wanted else None)
    ]


class Command(BaseCommand):
    """Reads only; a difference is for a person to look at."""

    help = "Compare what the placements say with what the deployments say."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--check`` is what it does; named so that nobody expects it to repair."""
        parser.add_argument("--check", action="store_true", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """One line a difference; exit code 1 when there is any."""
        found = 0
        for place in Placement.objects.select_related("component", "space__environment", "space__project"):
            for message in differences(place):
                found += 1
                self.stdout.write(f"{place.component.name} in {place.space}: {message}")
        if found:
            raise CommandError(f"{found} differences.")
        self.stdout.write("All placements agree with their deployments.")
