"""Roll a train back in reverse order, a step at a time: each is shown before it starts; a database change stops it."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from environments.access import require
from foundation.messages import message as _
from foundation.problems import Refused, Stale
from releases.models import Deployment
from releases.services.deployments import roll_back
from trains.choices import TrainState
from trains.locks import lock_train, members_of, wake_run
from trains.models import Train
from trains.returning import plan_back
from trains.transitions import record


def roll_back_next(*, actor: User, train: Train, number: str) -> Deployment:
    """Start the step of this order, if it is the next one: so a second click starts no other step.

    Raises Denied, Refused (a running train, a gate of the roll back), Stale where another step is next by now.
    """
    require(actor, "deploy", space=train.space)
    with transaction.atomic():
        locked = lock_train(train.pk)
        if locked.state not in (TrainState.PAUSED, TrainState.DONE):
            raise Refused(_("Pause the train first: it would deploy what you roll back."), f"train-{locked.state}")
        steps = plan_back(locked, list(members_of(locked)))
        step = next((one for one in steps if one.state == "next"), None)
        if step is None or step.to is None or step.member.order.number != number:
            raise Stale(_("Another step is next by now: refresh the page."))
        to = Deployment.objects.select_related("order__project", "snapshot").get(pk=step.to.pk)
        made = roll_back(actor=actor, space=locked.space, to=to)
        record(locked, "train.order_rolled_back", actor, order=number, to=to.order.number)
        wake_run(locked)
    return made
