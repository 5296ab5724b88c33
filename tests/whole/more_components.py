"""``python -m tests.whole.more_components NAME COUNT``: so many more components like that one, from its repository.

Runs beside a product, in its surroundings. They are called NAME-00, NAME-01 …
"""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Rows alone: what they are made of was checked when the first one was."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
    import django

    django.setup()
    from django.db import transaction

    name, count = sys.argv[1:3]
    with transaction.atomic():
        for number in range(int(count)):
            _copy(name, number)
    return 0


def _copy(slug: str, number: int) -> None:
    from components.models import Allocation, Component, ComponentSettings

    component = Component.objects.get(slug=slug)
    settings = ComponentSettings.objects.filter(component=component).latest("number")
    allocations = list(Allocation.objects.filter(component=component, number=1))
    component.pk, component.slug, component.name = None, f"{slug}-{number:02d}", f"{component.name}-{number:02d}"
    component._state.adding = True
    component.save()
    settings.pk, settings.component, settings.number = None, component, 1
    settings.service_name = f"{settings.service_name}-{number:02d}"
    settings._state.adding = True
    settings.save()
    for row in allocations:
        row.pk, row.component = None, component
        row._state.adding = True
        row.save()


if __name__ == "__main__":
    sys.exit(main())
