"""Reads of trains."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, Q, QuerySet

from accounts.models import User
from environments.access import Rights
from foundation.messages import message as _
from foundation.problems import Missing
from trains.choices import OVER
from trains.models import Train, TrainComment, TrainOrder


def trains_visible_to(rights: Rights) -> QuerySet[Train]:
    """Newest first, with how many orders each has and how many of them are over."""
    rows = Train.objects.filter(space__project__in={space.project_id for space in rights.spaces})
    rows = rows.select_related("space__project", "space__environment", "created_by", "started_by")
    return rows.annotate(count=Count("members"), over=Count("members", filter=Q(members__state__in=sorted(OVER))))


def train_by_id(user: User, pk: int) -> Train:
    """Raises Missing, the same without access as for a wrong number."""
    rows = Train.objects.select_related(
        "space__project", "space__environment__twin", "space__cluster", "created_by", "started_by"
    )
    train = rows.filter(pk=pk).first()
    if train is None or not Rights(user).sees(train.space.project_id):
        raise Missing(_("There is no such train, or it is not yours to see."))
    return train


def comments_of_train(train: Train) -> QuerySet[TrainComment]:
    """Newest first."""
    return TrainComment.objects.filter(train=train).select_related("author").order_by("-pk")


def open_wave(members: Sequence[TrainOrder]) -> int:
    """The first wave that is not over; 0 where all are."""
    return min((one.wave for one in members if one.state not in OVER), default=0)


def is_its_turn(member: TrainOrder, members: Sequence[TrainOrder]) -> bool:
    """Nothing of the train comes before it: neither an earlier wave nor the one that it waits for."""
    return member.wave == open_wave(members) and not is_held(member, members)


def is_held(member: TrainOrder, members: Sequence[TrainOrder]) -> bool:
    """The one of its wave that it waits for is not over."""
    return any(one.pk == member.waits_for_id and one.state not in OVER for one in members)


def member_by_number(user: User, pk: int, number: str) -> TrainOrder:
    """An order of a train that this person may see; raises Missing for either."""
    train = train_by_id(user, pk)
    rows = TrainOrder.objects.select_related("order__component", "order__project")
    member = rows.filter(train=train, order__number=number).first()
    if member is None:
        raise Missing(_("This train has no such order."))
    member.train = train
    return member
