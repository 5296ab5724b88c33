"""The run of a DRP switch or drill, one pass: follow what is under way, then start what may start now.

Each thing that it does has a transaction of its own under the switch's lock and this pass's lease, so a pass that is
repeated, killed anywhere or comes too late does nothing twice. It asks nothing outside: its deployments ask the
twin's cluster, and nobody asks the sibling's.
"""

from __future__ import annotations

from django.db import transaction

from foundation.clock import db_now
from foundation.messages import MessageLike, as_message, join_messages
from foundation.messages import message as _
from foundation.problems import PlatformError, Refused
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.finish import begin, finish_own
from foundation.runs.lease import Again, Done, Lease, Outcome, Parked
from releases import drp, gates
from releases.choices import DrpKind, DrpMemberState, DrpState
from releases.drp_transitions import move_member, move_switch
from releases.locks import lock_order, lock_placement
from releases.models import Deployment, DrpMember, DrpRun, DrpSwitch
from releases.placing import create_deployment
from releases.services.reviews import request_review
from releases.steps.drp.back import take_back
from releases.steps.drp.held import WAITS, hold_switch, still_due

FOLLOW_SECONDS = 1.0


def step(lease: Lease) -> Outcome:
    """One pass. Raises LeaseLost where another process has the run meanwhile."""
    begin(DrpRun, lease.pk, fence=lease.fence, owner=lease.owner)
    row = drp.rows().get(run=lease.pk)
    if row.state == DrpState.ASKED:
        return _lapse(row, lease)
    if row.state in (DrpState.RUNNING, DrpState.STOPPED):
        return _bring_up(row, lease)
    if row.state == DrpState.RETURNING:
        _follow(row, lease)
        take_back(row, lease)
        row = drp.rows().get(pk=row.pk)
    if row.state == DrpState.RETURNING:
        return Again(FOLLOW_SECONDS)
    if row.state == DrpState.STOPPED or (row.state == DrpState.SERVES and row.kind == DrpKind.DRILL):
        # It may still be taken further by a person, who wakes it.
        return Parked()
    finish_own(lease, to=RunState.SUCCEEDED)
    return Done()


def _lapse(row: DrpSwitch, lease: Lease) -> Outcome:
    left = (row.ends_at - db_now()).total_seconds()
    if left > 0:
        return Again(left)
    with transaction.atomic():
        locked = hold_switch(row, lease)
        if locked.state == DrpState.ASKED:
            move_switch(locked, DrpState.EXPIRED, actor=None, decided_at=db_now())
    return Again(0)


def _bring_up(row: DrpSwitch, lease: Lease) -> Outcome:
    _follow(row, lease)
    if row.state == DrpState.RUNNING:
        for member in _due(row):
            _start(row, member, lease)
        _end(row, lease)
        row = drp.rows().get(pk=row.pk)
    if row.state == DrpState.SERVES:
        return Again(0) if row.kind == DrpKind.SWITCH else Parked()
    is_under_way = row.members.filter(state=DrpMemberState.DEPLOYING).exists()
    return Again(FOLLOW_SECONDS) if is_under_way or row.state == DrpState.RUNNING else Parked()


def _follow(row: DrpSwitch, lease: Lease) -> None:
    """What ended since the pass before."""
    with transaction.atomic():
        locked = hold_switch(row, lease)
        for member in drp.members_of(locked):
            deployment = member.deployment
            if member.state != DrpMemberState.DEPLOYING or deployment is None or deployment.state in ACTIVE:
                continue
            is_good = deployment.state == RunState.SUCCEEDED
            to = DrpMemberState.SERVES if is_good else DrpMemberState.FAILED
            move_member(member, to, actor=None, note="" if is_good else why_ended(deployment))


def why_ended(deployment: Deployment) -> MessageLike:
    """What a deployment that did not succeed says."""
    return deployment.message or _("The deployment ended as %(state)s.", state=deployment.get_state_display())


def _due(row: DrpSwitch) -> list[DrpMember]:
    """Those of the first wave that does not serve yet: all of them together."""
    members = drp.members_of(row)
    wave = drp.open_wave(members)
    return [one for one in members if one.wave == wave and one.state == DrpMemberState.WAITING]


def _start(row: DrpSwitch, member: DrpMember, lease: Lease) -> None:
    """Review and deployment of one component in one act; a gate that stays closed fails it, and says why."""
    try:
        with transaction.atomic():
            locked = hold_switch(row, lease)
            held = still_due(_due(locked), member)
            if held is not None and locked.state == DrpState.RUNNING:
                _deploy(locked, held)
    except PlatformError as error:
        _note(row, member, lease, error)


def _deploy(row: DrpSwitch, member: DrpMember) -> None:
    space = row.space
    place = lock_placement(member.order, space)
    order = lock_order(member.order_id)
    actor = drp.deployer_of(row, gates.makers_of(order), space)
    found = gates.drp_gates(row, order, space, deployer=actor)
    gates.ensure_open(found, asked=gates.asked_about("deploy", order, space))
    review = request_review(order, space, actor=actor)
    made = create_deployment(order, space, place, actor=actor, review=review, drp_switch=row)
    # Of a second try: what stood here before the first one.
    before = member.before_id if member.deployment_id else place.last_succeeded_id
    move_member(member, DrpMemberState.DEPLOYING, actor=None, deployment=made, before_id=before)


def _note(row: DrpSwitch, member: DrpMember, lease: Lease, error: PlatformError) -> None:
    who = _("Who can clear it: %(who)s", who=error.who_can_help) if error.who_can_help else ""
    note = join_messages(as_message(error.message), who)
    with transaction.atomic():
        locked = hold_switch(row, lease)
        held = still_due(_due(locked), member)
        if held is None or locked.state != DrpState.RUNNING:
            return
        if isinstance(error, Refused) and error.code in WAITS:
            DrpMember.objects.filter(pk=held.pk).exclude(note=note).update(note=note)
        else:
            move_member(held, DrpMemberState.FAILED, actor=None, note=note)


def _end(row: DrpSwitch, lease: Lease) -> None:
    """All of it serves; or a wave came to its end with a failure, and nothing after it begins."""
    with transaction.atomic():
        locked = hold_switch(row, lease)
        members = drp.members_of(locked)
        wave = drp.open_wave(members)
        here = {one.state for one in members if one.wave == wave}
        if locked.state != DrpState.RUNNING or here & {DrpMemberState.WAITING, DrpMemberState.DEPLOYING}:
            return
        if not wave:
            move_switch(locked, DrpState.SERVES, actor=None, ended_at=db_now())
        else:
            failed = [one.component.name for one in members if one.state == DrpMemberState.FAILED]
            reason = _("%(names)s failed: nothing of a later wave begins.", names=failed)
            move_switch(locked, DrpState.STOPPED, actor=None, reason=reason)
