"""``python -m tests.ux.two_trains CARRIED APPROVING CRASHED``: trains of orders that the scene has, as plain rows.

One to production, paused before an order that waits for approvals; one that a failure has stopped. Runs beside a
product, in its surroundings; the arguments are numbers of orders.
"""

from __future__ import annotations

import os
import sys

APPROVING, STOPPED = "November release", "Round of FAT"


def main() -> int:
    """Nothing of them is built or deployed by their runs."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "prism4k.settings")
    import django

    django.setup()
    from django.db import transaction

    with transaction.atomic():
        carried, approving, crashed = sys.argv[1:4]
        _make(APPROVING, "prd", "paused", [(carried, 1, "succeeded"), (approving, 2, "waiting")])
        _make(STOPPED, "fat", "running", [(crashed, 1, "failed")])
    return 0


def _make(name: str, environment: str, state: str, members: list[tuple[str, int, str]]) -> None:
    from django.utils import timezone

    from accounts.models import User
    from demo.world import DEVELOPER, OPERATOR
    from environments.models import Space
    from releases.models import Deployment, ReleaseOrder
    from trains.models import Train, TrainOrder, TrainRun

    orders = {order.number: order for order in ReleaseOrder.objects.filter(number__in=[one[0] for one in members])}
    project = next(iter(orders.values())).project_id
    space = Space.objects.get(project=project, environment__slug=environment)
    author, operator = (User.objects.get(username=one) for one in (DEVELOPER, OPERATOR))
    train = Train.objects.create(
        space=space, name=name, state=state, created_by=author, started_by=operator, started_at=timezone.now(),
        reason="Two approvals are missing." if state == "paused" else "",
    )  # fmt: skip
    TrainRun.objects.create(train=train)
    for number, wave, standing in members:
        made = Deployment.objects.filter(order=orders[number], space=space).order_by("-pk").first()
        TrainOrder.objects.create(
            train=train, order=orders[number], wave=wave, state=standing,
            deployment=made if standing != "waiting" else None,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
