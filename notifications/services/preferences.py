"""Choosing what one is told. Everybody's own; nobody else sees or changes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import time
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from environments.access import require
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Invalid
from notifications.choices import NoticeKind, Way
from notifications.models import Mute, Preferences
from notifications.selectors.preferences import preferences_of
from releases.models import ReleaseOrder, Watch
from releases.selectors import order_by_number


def save_preferences(
    *,
    actor: User,
    ways: Mapping[str, Collection[str]] | None = None,
    has_digest: bool | None = None,
    night_from: time | None = None,
    night_until: time | None = None,
) -> Preferences:
    """What is None stays as it is, and so do kinds that ``ways`` does not name.

    A way besides the list brings the list with it: what is sent is also to be found. Raises Invalid.
    """
    if problems := _problems(ways or {}):
        raise Invalid({"ways": problems})
    with transaction.atomic():
        # The person's row is the lock: two pages saved at once would both make the first.
        User.objects.select_for_update(no_key=True).get(pk=actor.pk)
        row = preferences_of(actor)
        row.ways = {**row.ways, **{kind: _whole(chosen) for kind, chosen in (ways or {}).items()}}
        given: dict[str, Any] = {"has_digest": has_digest, "night_from": night_from, "night_until": night_until}
        for name, value in given.items():
            if value is not None:
                setattr(row, name, value)
        row.save()
    return row


def _problems(ways: Mapping[str, Collection[str]]) -> list[MessageLike]:
    kinds = [_("There is no kind “%(name)s”.", name=kind) for kind in ways if kind not in NoticeKind.values]
    unknown = {way for chosen in ways.values() for way in chosen} - set(Way.values)
    return [*kinds, *(_("There is no way “%(name)s”.", name=way) for way in sorted(unknown))]


def _whole(chosen: Collection[str]) -> list[str]:
    wanted = {*chosen, *([Way.LIST] if chosen else [])}
    return [way for way in Way.values if way in wanted]


def mute(*, actor: User, order: ReleaseOrder) -> None:
    """From now on the person is told nothing of this order, which they watch no more; a second time changes nothing."""
    require(actor, "see", project_id=order.project_id)
    with transaction.atomic():
        Watch.objects.filter(person=actor, order=order).delete()
        Mute.objects.get_or_create(person=actor, order=order)


def unmute(*, actor: User, number: str) -> None:
    """What happens from now on is told again. Raises Missing."""
    _end_own(Mute.objects.filter(person=actor, order__number=number), actor, number)


def watch(*, actor: User, order: ReleaseOrder) -> None:
    """From now on the person is told of this order as its author is, muted before or not; a second time changes
    nothing."""
    require(actor, "see", project_id=order.project_id)
    with transaction.atomic():
        Mute.objects.filter(person=actor, order=order).delete()
        Watch.objects.get_or_create(person=actor, order=order)


def unwatch(*, actor: User, number: str) -> None:
    """The person is told of it as anybody is. Raises Missing."""
    _end_own(Watch.objects.filter(person=actor, order__number=number), actor, number)


def _end_own(own: QuerySet[Any], actor: User, number: str) -> None:
    """A row that one made oneself goes where its order is seen no more as well; a token ends at its project."""
    if actor.only_project_id is not None:
        own = own.filter(order__project=actor.only_project_id)
    if not own.delete()[0]:
        order_by_number(actor, number)
