"""占用: hold a space or one component in it, lift a hold, and end those that are over."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

import audit
from accounts.models import User
from components.models import Component
from environments.access import can, know_groups, read_rights, require
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import MessageLike, localized_time
from foundation.messages import message as _
from foundation.problems import Invalid, Refused, Stale
from releases import holds
from releases.models import Hold, Placement

LONGEST = timedelta(days=7)
LONGEST_TEXT = 500


def hold(*, actor: User, space: Space, reason: str, ends_at: datetime, component: Component | None = None) -> Hold:
    """From now on nothing is promoted or deployed there: of one component, or without one of any.

    What is being deployed already goes on. Raises Denied, Invalid without a reason or for more than a week, Stale where
    the person holds it already.
    """
    require(actor, "hold", space=space)
    now = db_now()
    _check(space, component, reason, ends_at, now)
    with transaction.atomic():
        # Their own one that is over and was not told yet would stand in the way of a new one.
        _end_each(_over().filter(space=space, held_by=actor))
        try:
            with transaction.atomic():
                row = Hold.objects.create(
                    space=space, component=component, reason=reason.strip(), held_by=actor, held_at=now, ends_at=ends_at
                )
        except IntegrityError:
            raise Stale(_("You hold it already: lift that hold to make another."), "already-held") from None
        _record(row, "opened", actor, reason=row.reason)
    return row


def _check(space: Space, component: Component | None, reason: str, ends_at: datetime, now: datetime) -> None:
    problems: dict[str, list[MessageLike]] = {}
    if not reason.strip():
        problems["reason"] = [_("Say why: who waits for the place reads it.")]
    if len(reason.strip()) > LONGEST_TEXT:
        problems["reason"] = [_("At most %(most)s characters.", most=LONGEST_TEXT)]
    if ends_at <= now:
        problems["ends_at"] = [_("The end must be later than now.")]
    elif ends_at > now + LONGEST:
        problems["ends_at"] = [_("A hold ends within 7 days: hold it again then.")]
    if component is not None and component.project_id != space.project_id:
        problems["component"] = [_("This component belongs to another project.")]
    if problems:
        raise Invalid(problems)


def lift_hold(*, actor: User, row: Hold, reason: str = "") -> Hold:
    """It ends now. Raises Denied, Invalid for somebody else's without a reason, Refused where it is over already."""
    require(actor, "lift_hold", space=row.space, owner_id=row.held_by_id)
    if row.held_by_id != actor.pk and not reason.strip():
        raise Invalid({"reason": [_("Say why: %(who)s reads it.", who=row.held_by.localized_name)]})
    with transaction.atomic():
        locked = _lock(row.pk)
        if locked is None or not holds.is_standing(locked):
            raise Refused(_("This hold is over already."), "hold-over")
        _end(locked, "lifted", actor, reason.strip()[:LONGEST_TEXT])
    return locked


def expire_holds() -> None:
    """One pass of the engine: what is over by its time, or whose holder lost the right, ends and says so."""
    _end_each(_over())
    standing = list(holds.rows().filter(holds.standing()))
    people = {row.held_by_id: row.held_by for row in standing}
    found = {rights.user.pk: rights for rights, _ends in read_rights(people.values())}
    know_groups(found.values())
    for row in standing:
        if not found[row.held_by_id].can("hold", space=row.space):
            with transaction.atomic():
                locked = _lock(row.pk)
                if locked is not None and not can(locked.held_by, "hold", space=locked.space):
                    _end(locked, "expired", None, _("its holder has lost the right"))


def end_holds_of(actor: User, person: User) -> None:
    """The person may not sign in any more: in the transaction of the caller, who deactivated them."""
    for pk in Hold.objects.filter(held_by=person, ended_at=None).order_by("pk").values_list("pk", flat=True):
        locked = _lock(pk)
        if locked is not None:
            _end(locked, "expired", actor, _("%(who)s may not sign in any more.", who=person.localized_name))


def _over() -> QuerySet[Hold]:
    return Hold.objects.filter(Q(ends_at__lte=Now()) | Q(held_by__is_active=False), ended_at=None)


def _end_each(over: QuerySet[Hold]) -> None:
    for pk in list(over.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            locked = _lock(pk)
            if locked is not None:
                _end(locked, "expired", None, why_over(locked))


def why_over(row: Hold) -> MessageLike:
    """Why it is over without a person's act."""
    if not row.held_by.is_active:
        return _("%(who)s may not sign in any more.", who=row.held_by.localized_name)
    return _("its time has passed")


def _lock(pk: int) -> Hold | None:
    """The row under its lock; None where somebody has ended it."""
    return holds.rows().select_for_update(of=("self",)).filter(pk=pk, ended_at=None).first()


def _end(row: Hold, act: str, actor: User | None, why: MessageLike) -> None:
    row.ended_at, row.message = db_now(), why
    row.ended_by = actor if act == "lifted" else None
    row.save(update_fields=["ended_at", "ended_by", "message"])
    _record(row, act, actor, reason=why)


def _record(row: Hold, act: str, actor: User | None, *, reason: MessageLike) -> None:
    audit.record_act(
        actor or audit.platform, f"hold.{act}", row, reason=reason,
        after={"held_by": row.held_by.username, "component": row.component.slug if row.component else "",
               "ends_at": localized_time(row.ends_at)},
    )  # fmt: skip
    # After the commit: this transaction may have locked orders, and places come before them.
    transaction.on_commit(partial(_tell_pages, row.space_id, row.component_id))


def _tell_pages(space_id: int, component_id: int | None) -> None:
    """Pages of what stands there are drawn anew."""
    places = Placement.objects.filter(space=space_id)
    if component_id is not None:
        places = places.filter(component=component_id)
    places.update(changed_at=Now())
