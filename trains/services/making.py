"""Make a train with its orders in one act, and add or remove an order before its wave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.models import User
from components.models import Component
from environments.access import require
from environments.models import Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid, Refused
from foundation.runs.wake import hinted_at, launch_hint
from releases.services.create_many import Planned, choose_origins, create_orders
from trains.choices import ENDED, TrainState
from trains.locks import lock_train, wake_run
from trains.models import MOST_WAVES, Train, TrainOrder, TrainRun
from trains.selectors import open_wave
from trains.transitions import record

MOST = 60


@dataclass(frozen=True)
class Wanted:
    """One component: from which branch, in which wave, and the short name of the component that it waits for there."""

    component: str
    branch: str
    wave: int = 1
    waits_for: str = ""
    changes_database: bool = False


def plan(*, actor: User, space: Space, wanted: Sequence[Wanted]) -> list[Planned]:
    """Checks what was ticked and finds its branches, which may ask Git: not inside a transaction.

    Raises Invalid for what does not fit, Denied, and what :func:`releases.services.create_many.choose_origins` raises.
    """
    require(actor, "create_order", project_id=space.project_id)
    _check(wanted)
    slugs = [one.component for one in wanted]
    rows = Component.objects.filter(project=space.project_id, slug__in=slugs, is_archived=False)
    found = {row.slug: row for row in rows.select_related("project")}
    if missing := [slug for slug in slugs if slug not in found]:
        raise Invalid({"orders": [_("There is no such component: %(names)s.", names=missing)]})
    planned = [Planned(found[one.component], one.branch.strip(), one.changes_database) for one in wanted]
    return choose_origins(planned)


def create_train(
    *,
    actor: User,
    space: Space,
    name: str,
    wanted: Sequence[Wanted],
    planned: Sequence[Planned],
    description: str = "",
    change_ticket: str = "",
) -> Train:
    """The train, a draft, with one new order for each of the ``planned``; its run builds them all, at once.

    ``planned`` is what :func:`plan` answered for ``wanted``. Raises Invalid, Denied, Refused.
    """
    require(actor, "create_order", project_id=space.project_id)
    if not name.strip() or len(name.strip()) > 100:
        raise Invalid({"name": [_("Write between 1 and 100 characters.")]})
    with transaction.atomic():
        train = Train.objects.create(space=space, name=name.strip(), created_by=actor)
        made = create_orders(actor=actor, planned=planned, description=description, change_ticket=change_ticket)
        members = TrainOrder.objects.bulk_create(
            TrainOrder(train=train, order=order, wave=one.wave) for order, one in zip(made, wanted, strict=True)
        )
        _link(members, wanted)
        run = TrainRun.objects.create(train=train, next_at=hinted_at())
        record(train, "train.created", actor, orders=[order.number for order in made])
        launch_hint("train", run.pk)
    return train


def add_order(*, actor: User, train: Train, wanted: Wanted, planned: Sequence[Planned]) -> TrainOrder:
    """One order more, in a wave that has not begun. Raises Refused for an earlier one or a train that is done."""
    require(actor, "create_order", project_id=train.space.project_id)
    with transaction.atomic():
        locked = lock_train(train.pk)
        members = list(locked.members.select_related("order__component"))
        _ensure_to_come(locked, wanted.wave, members)
        if any(one.order.component.slug == wanted.component for one in members):
            raise Invalid({"component": [_("The train has an order of this component already.")]})
        if len(members) >= MOST:
            raise Invalid({"component": [_("At most %(most)s orders at once.", most=MOST)]})
        (order,) = create_orders(actor=actor, planned=planned)
        waits_for = next((one for one in members if one.order.component.slug == wanted.waits_for), None)
        if wanted.waits_for and (waits_for is None or waits_for.wave != wanted.wave):
            raise Invalid({"waits_for": [_("It can wait only for one of its own wave.")]})
        member = TrainOrder.objects.create(train=locked, order=order, wave=wanted.wave, waits_for=waits_for)
        record(locked, "train.order_added", actor, order=order.number, wave=wanted.wave)
        wake_run(locked)
    return member


def remove_order(*, actor: User, member: TrainOrder) -> None:
    """Out of the train before its wave; the order itself stays as it is. Raises Refused once its wave has begun."""
    require(actor, "create_order", project_id=member.train.space.project_id)
    with transaction.atomic():
        locked = lock_train(member.train_id)
        members = list(locked.members.all())
        _ensure_to_come(locked, member.wave, members)
        if len(members) < 2:
            raise Refused(_("A train has at least one order."), "last-order")
        number = member.order.number
        TrainOrder.objects.filter(pk=member.pk).delete()
        record(locked, "train.order_removed", actor, order=number)
        wake_run(locked)


def _ensure_to_come(train: Train, wave: int, members: Sequence[TrainOrder]) -> None:
    """A draft takes everything; later only what comes after the wave that is under way."""
    if train.state in ENDED:
        raise Refused(_("This train has ended."), "train-ended")
    if not 1 <= wave <= MOST_WAVES:
        raise Invalid({"wave": [_("Between 1 and %(most)s.", most=MOST_WAVES)]})
    if train.state != TrainState.DRAFT and wave <= open_wave(members):
        raise Refused(_("Wave %(wave)s has begun: choose a later one.", wave=wave), "wave-begun")


def _check(wanted: Sequence[Wanted]) -> None:
    problems: dict[str, list[MessageLike]] = {}
    slugs = [one.component for one in wanted]
    waves = {one.component: one.wave for one in wanted}
    if not wanted:
        problems["orders"] = [_("Tick at least one component.")]
    elif len(wanted) > MOST:
        problems["orders"] = [_("At most %(most)s orders at once.", most=MOST)]
    elif len(set(slugs)) < len(slugs):
        problems["orders"] = [_("A component is named twice.")]
    elif not all(one.branch.strip() for one in wanted):
        problems["branch"] = [_("Choose a branch, a Git tag or a commit.")]
    elif not all(1 <= one.wave <= MOST_WAVES for one in wanted):
        problems["orders"] = [_("A wave is a number between 1 and %(most)s.", most=MOST_WAVES)]
    elif not all(waves.get(one.waits_for, one.wave) == one.wave for one in wanted):
        problems["orders"] = [_("It can wait only for one of its own wave.")]
    elif _in_a_circle(wanted):
        problems["orders"] = [_("They wait for each other in a circle.")]
    if problems:
        raise Invalid(problems)


def _in_a_circle(wanted: Sequence[Wanted]) -> bool:
    """Each waits for one at most: who has a next one after more steps than there are goes round."""
    after = {one.component: one.waits_for for one in wanted if one.waits_for}
    for here in after:
        for _step in range(len(after) + 1):
            here = after.get(here, "")
        if here:
            return True
    return False


def _link(members: Sequence[TrainOrder], wanted: Sequence[Wanted]) -> None:
    by_slug = {one.component: member for one, member in zip(wanted, members, strict=True)}
    waiting = []
    for one, member in zip(wanted, members, strict=True):
        if one.waits_for:
            if one.waits_for not in by_slug:
                raise Invalid({"orders": [_("There is no such component: %(names)s.", names=[one.waits_for])]})
            member.waits_for = by_slug[one.waits_for]
            waiting.append(member)
    if waiting:
        TrainOrder.objects.bulk_update(waiting, ["waits_for"])
