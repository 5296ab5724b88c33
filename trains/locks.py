"""The first lock of every transaction about a train: its own row, before places, orders and runs.

Nothing that holds a place, an order or a run of a deployment ever asks for a train, so no two wait for each other.
"""

from __future__ import annotations

from django.db.models import QuerySet

from foundation.runs.wake import wake
from trains.models import Train, TrainOrder, TrainRun


def lock_train(pk: int) -> Train:
    """The train as it is under its lock, with its space."""
    rows = Train.objects.select_for_update(of=("self",)).select_related(
        "space__project", "space__environment__twin", "space__cluster", "started_by", "created_by"
    )
    return rows.get(pk=pk)


def members_of(train: Train) -> QuerySet[TrainOrder]:
    """In the order of their waves, each with its order and deployment."""
    rows = TrainOrder.objects.filter(train=train).select_related(
        "order__project", "order__component", "order__author", "deployment", "turn__deployment",
        "waits_for__order__component", "waits_for__order__project",
    )  # fmt: skip
    return rows.defer("deployment__applied", "deployment__overlay").order_by("wave", "pk")


def wake_run(train: Train) -> None:
    """What somebody did makes a pass due; the caller has the train's lock."""
    wake(TrainRun, TrainRun.objects.values_list("pk", flat=True).get(train=train))
