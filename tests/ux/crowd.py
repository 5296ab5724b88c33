"""``python -m tests.ux.crowd``: a project with three hundred components and ten thousand orders, for full screens.

Only one new person sees it, so that nobody else's pages change; another new one sees nothing at all. Runs beside a
product, in its surroundings.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta

CROWD = "sis-crowd"
IN_CROWD, OUTSIDER = "mayan", "hejing"
COMPONENTS, ORDERS = 300, 10_000


def main() -> int:
    """Plain rows: nothing of this is built or runs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
    import django

    django.setup()
    from django.db import transaction

    with transaction.atomic():
        _fill()
    return 0


def _fill() -> None:
    from django.utils import timezone

    from accounts.models import Organisation, Project, User
    from components.models import Component
    from environments.models import Membership, Space
    from releases.models import OrderFeed, ReleaseOrder

    author = User.objects.create(username=IN_CROWD, name="马燕", name_en="Ma Yan")
    User.objects.create(username=OUTSIDER, name="何静", name_en="He Jing")
    organisation = Organisation.objects.order_by("pk")[0]
    project = Project.objects.create(
        organisation=organisation, slug=CROWD, name="批量系统", name_en="Crowd of components"
    )
    Membership.objects.create(user=author, project=project, role="developer", granted_by=author)
    for space in Space.objects.filter(project__slug="sis-omm"):
        space.pk, space.project, space.namespace = None, project, f"{space.namespace}-crowd"
        space._state.adding = True
        space.save()
    components = Component.objects.bulk_create(
        Component(project=project, name=f"SIS-CROWD-APP-{n:03d}", slug=f"sis-crowd-app-{n:03d}")
        for n in range(COMPONENTS)
    )
    now = timezone.now()
    states = ("created", "built", "closed", "build_failed")
    ReleaseOrder.objects.bulk_create(
        (
            ReleaseOrder(
                number=f"K8S{20250000000000 + n}CR", component=components[n % COMPONENTS], project=project,
                branch=f"release/{n // 100}.{n % 100}", description="一批发布单 (one of many)", author=author,
                state=states[n % len(states)], closed_reason="done" if states[n % len(states)] == "closed" else "",
                created_at=now - timedelta(minutes=ORDERS - n),
            )
            for n in range(ORDERS)
        ),
        batch_size=1000,
    )  # fmt: skip
    bare = ReleaseOrder.objects.filter(feed=None)
    OrderFeed.objects.bulk_create((OrderFeed(order=order) for order in bare), batch_size=1000)


if __name__ == "__main__":
    sys.exit(main())
