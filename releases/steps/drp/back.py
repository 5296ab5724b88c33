"""A drill is taken back, the last wave first: what served before is applied again, what was not there is removed."""

from __future__ import annotations

from django.db import transaction

from foundation.clock import db_now
from foundation.messages import MessageLike, as_message
from foundation.messages import message as _
from foundation.problems import PlatformError, Refused
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.lease import Lease
from releases import drp, gates, selectors
from releases.choices import BackState, DeploymentKind, DrpMemberState, DrpState
from releases.drp_transitions import move_switch, record
from releases.locks import lock_order, lock_placement
from releases.models import Deployment, DrpMember, DrpSwitch, Placement
from releases.placing import create_deployment
from releases.services.reviews import request_review, review_failed
from releases.services.ticks import roll_back_ticks
from releases.steps.drp.held import WAITS, hold_switch, still_due

OVER = frozenset({BackState.DONE, BackState.STAYS})


def take_back(row: DrpSwitch, lease: Lease) -> None:
    """One pass over a drill that is being taken back. Raises LeaseLost."""
    _follow(row, lease)
    for member in _due(row):
        try:
            with transaction.atomic():
                locked = hold_switch(row, lease)
                held = still_due(_due(locked), member)
                if held is not None and locked.state == DrpState.RETURNING:
                    _begin(locked, held)
        except PlatformError as error:
            _note(row, member, lease, error)
    _end(row, lease)


def _follow(row: DrpSwitch, lease: Lease) -> None:
    with transaction.atomic():
        locked = hold_switch(row, lease)
        for member in drp.members_of(locked):
            back = member.back
            if member.back_state != BackState.DEPLOYING or back is None or back.state in ACTIVE:
                continue
            is_good = back.state == RunState.SUCCEEDED
            why = "" if is_good else back.message or back.get_state_display()
            _set(locked, member, BackState.DONE if is_good else BackState.FAILED, note=why)


def _set(row: DrpSwitch, member: DrpMember, to: str, *, note: MessageLike = "", back: Deployment | None = None) -> None:
    """The state of one that is taken back, with its audit row; the caller has the switch's lock."""
    fields = {"back_state": to, "back_note": note, **({"back": back} if back else {})}
    DrpMember.objects.filter(pk=member.pk).update(**fields)
    record(row, f"component_back_{to}", None, reason=note, order=member.order.number)


def _brought_up(row: DrpSwitch) -> list[DrpMember]:
    """Those that the drill deployed, whether that went well or not."""
    return [one for one in drp.members_of(row) if one.deployment_id]


def _last_wave(members: list[DrpMember]) -> int:
    """The last wave that is not back yet; 0 where all are."""
    return max((one.wave for one in members if one.back_state not in OVER), default=0)


def _due(row: DrpSwitch) -> list[DrpMember]:
    """Those of the last wave that is not back yet; none while something of the drill is being deployed."""
    members = _brought_up(row)
    if any(one.state == DrpMemberState.DEPLOYING for one in members):
        return []
    wave = _last_wave(members)
    return [one for one in members if one.wave == wave and not one.back_state]


def _begin(row: DrpSwitch, member: DrpMember) -> None:
    place = lock_placement(member.order, row.space)
    made = member.deployment
    assert made is not None
    if made.applied_at is None:
        _set(row, member, BackState.STAYS, note=_("Nothing of the drill was applied here."))
    elif place.last_applied_id != made.pk:
        _set(row, member, BackState.STAYS, note=_("Something else was applied here since: it stays."))
    elif member.before is None:
        _remove(row, member, place)
    elif (member.before.snapshot_id, member.before.overlay) == (made.snapshot_id, made.overlay):
        _set(row, member, BackState.STAYS, note=_("The same served here before the drill."))
    else:
        _roll_back(row, member, place, member.before)


def _roll_back(row: DrpSwitch, member: DrpMember, place: Placement, before: Deployment) -> None:
    """To the snapshot and the replicas that stood here, whole."""
    to = Deployment.objects.select_related("snapshot").get(pk=before.pk)
    order = lock_order(to.order_id)
    actor = drp.deployer_of(row, gates.makers_of(order), row.space)
    found = gates.drp_gates(row, order, row.space, deployer=actor, is_back=True)
    gates.ensure_open(found, asked=gates.asked_about("deploy", order, row.space))
    assert to.snapshot is not None
    made = create_deployment(
        order, row.space, place, actor=actor, kind=DeploymentKind.ROLL_BACK, snapshot=to.snapshot, overlay=to.overlay,
        removals=roll_back_ticks(place, to.snapshot), drp_switch=row,
    )  # fmt: skip
    _set(row, member, BackState.DEPLOYING, back=made)


def _remove(row: DrpSwitch, member: DrpMember, place: Placement) -> None:
    """As the act of removing a component: what its own review of this moment found, never a claim or Secret."""
    order = lock_order(member.order_id)
    actor = drp.deployer_of(row, gates.makers_of(order), row.space)
    review = selectors.latest_review(order, row.space, is_removal=True)
    if review is None or row.returns_at is None or review.created_at < row.returns_at:
        request_review(order, row.space, actor=actor, taken={}, is_removal=True)
        return
    if review.is_active:
        return
    if review.state != RunState.SUCCEEDED or review.snapshot is None:
        raise review_failed("remove", review, order, row.space)
    found = gates.drp_gates(row, order, row.space, deployer=actor, is_back=True)
    gates.ensure_open(found, asked=gates.asked_about("remove", order, row.space))
    named = [f"{one['kind']}/{one['name']}" for one in review.snapshot.removes or ()]
    made = create_deployment(
        order, row.space, place, actor=actor, kind=DeploymentKind.REMOVE, snapshot=review.snapshot, review=review,
        removals=named, drp_switch=row,
    )  # fmt: skip
    _set(row, member, BackState.DEPLOYING, back=made)


def _note(row: DrpSwitch, member: DrpMember, lease: Lease, error: PlatformError) -> None:
    with transaction.atomic():
        locked = hold_switch(row, lease)
        held = still_due(_due(locked), member)
        if held is None or locked.state != DrpState.RETURNING:
            return
        if isinstance(error, Refused) and error.code in WAITS:
            DrpMember.objects.filter(pk=held.pk).update(back_note=as_message(error.message))
        else:
            _set(locked, held, BackState.FAILED, note=as_message(error.message))


def _end(row: DrpSwitch, lease: Lease) -> None:
    """All of it is back; or a wave came to its end with a failure, and nothing before it is touched."""
    with transaction.atomic():
        locked = hold_switch(row, lease)
        members = _brought_up(locked)
        if locked.state != DrpState.RETURNING or any(one.state == DrpMemberState.DEPLOYING for one in members):
            return
        wave = _last_wave(members)
        here = [one for one in members if one.wave == wave and one.back_state != BackState.FAILED]
        if not wave:
            move_switch(locked, DrpState.RETURNED, actor=None, ended_at=locked.ended_at or db_now())
        elif all(one.back_state in OVER for one in here):
            failed = [one.component.name for one in members if one.back_state == BackState.FAILED]
            reason = _("%(names)s could not be taken back: nothing of an earlier wave is touched.", names=failed)
            move_switch(locked, DrpState.STOPPED, actor=None, reason=reason)
