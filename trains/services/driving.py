"""Start, pause and go on; skip an order, or try it again. Each writes rows; the train's run does the rest."""

from __future__ import annotations

from django.db import transaction

from accounts.models import User
from environments.access import require
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.problems import Invalid, Refused
from releases.choices import TestVerdict
from trains.choices import ENDED, MemberState, TrainState
from trains.locks import lock_train, wake_run
from trains.models import Train, TrainOrder
from trains.transitions import MEMBER_MOVES, TRAIN_MOVES, move_member, move_train


def start_train(*, actor: User, train: Train, test_verdict: str = "") -> None:
    """Let it go, or go on: from now on it promotes and deploys as this person, through the gates of each order.

    ``test_verdict``: the word with which it promotes what nobody promoted; only from who may promote there. Raises
    Denied, Invalid, Refused.
    """
    space = train.space
    require(actor, "deploy", space=space)
    if test_verdict:
        if test_verdict not in TestVerdict.values:
            raise Invalid({"test_verdict": [_("Say whether it passed, or passed with remarks.")]})
        require(actor, "promote", space=space)
    with transaction.atomic():
        locked = lock_train(train.pk)
        _ensure(locked, TrainState.RUNNING)
        move_train(
            locked, TrainState.RUNNING, actor=actor, started_by=actor, reason="", test_verdict=test_verdict,
            started_at=locked.started_at or db_now(),
        )  # fmt: skip
        # What was refused before may be possible now.
        locked.members.exclude(note="").filter(state=MemberState.WAITING).update(note="")
        wake_run(locked)


def pause_train(*, actor: User, train: Train, reason: str = "") -> None:
    """Nothing more begins; what is being deployed goes on to its verdict. Raises Denied, Refused."""
    require(actor, "deploy", space=train.space)
    with transaction.atomic():
        locked = lock_train(train.pk)
        _ensure(locked, TrainState.PAUSED)
        # What the person says is kept on the row, and in the audit.
        why = reason.strip()[:500]
        Train.objects.filter(pk=locked.pk).update(reason=why)
        move_train(locked, TrainState.PAUSED, actor=actor, reason=why)
        wake_run(locked)


def skip_order(*, actor: User, member: TrainOrder, reason: str) -> None:
    """Go on without it; the order itself stays as it is. Raises Denied, Invalid without a reason, Refused."""
    require(actor, "deploy", space=member.train.space)
    reason = reason.strip()[:500]
    if not reason:
        raise Invalid({"reason": [_("Say why it is skipped: those who wait for it read this.")]})
    with transaction.atomic():
        held = _member(member, MemberState.SKIPPED)
        TrainOrder.objects.filter(pk=held.pk).update(reason=reason)
        move_member(held, MemberState.SKIPPED, actor=actor, reason=reason)
        wake_run(held.train)


def retry_order(*, actor: User, member: TrainOrder) -> None:
    """A failed one waits for its deployment again. Raises Denied, Refused."""
    require(actor, "deploy", space=member.train.space)
    with transaction.atomic():
        held = _member(member, MemberState.WAITING)
        move_member(held, MemberState.WAITING, actor=actor)
        wake_run(held.train)


def _ensure(train: Train, to: str) -> None:
    if to not in TRAIN_MOVES.get(train.state, frozenset()):
        messages = {
            TrainState.DRAFT: _("This train was not started yet."),
            TrainState.RUNNING: _("This train is running already."),
            TrainState.PAUSED: _("This train is paused already."),
            TrainState.DONE: _("This train has ended."),
            TrainState.ROLLED_BACK: _("This train has ended."),
        }
        raise Refused(messages[TrainState(train.state)], f"train-{train.state}")


def _member(member: TrainOrder, to: str) -> TrainOrder:
    """Read under the train's lock; raises Refused where it cannot come to that state."""
    train = lock_train(member.train_id)
    if train.state in ENDED:
        raise Refused(_("This train has ended."), "train-done")
    held = train.members.select_related("order__component").get(pk=member.pk)
    held.train = train
    if to not in MEMBER_MOVES.get(held.state, frozenset()):
        message = _("Order %(number)s is %(state)s in this train.", number=held.order.number,
                    state=held.get_state_display())  # fmt: skip
        raise Refused(message, f"order-{held.state}")
    return held
