"""The run of a train, one pass: build what nobody built, follow what is deployed, then let the next ones go.

Each thing that it does has a transaction of its own under the train's lock and this pass's lease, so a pass that is
repeated, or comes too late, does nothing twice. What a gate or a right refuses is noted on the order, and asked again.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction
from django.db.models import Exists, OuterRef

from foundation.clock import db_now
from foundation.messages import as_message, join_messages
from foundation.messages import message as _
from foundation.problems import PlatformError, Refused
from foundation.runs.choices import ACTIVE, RunState
from foundation.runs.finish import begin, finish_own
from foundation.runs.lease import Again, Done, Lease, Outcome, Parked
from releases import selectors as orders
from releases.choices import DeploymentKind, OrderState, TurnState
from releases.models import Build, Deployment, Turn
from releases.services.builds import commit_to_build, start_build
from releases.services.promotions import promote
from releases.services.turns import deploy_in_turn
from trains.choices import ENDED, OVER, MemberState, TrainState
from trains.locks import lock_train, members_of
from trains.models import Train, TrainOrder, TrainRun
from trains.returning import plan_back
from trains.selectors import is_its_turn
from trains.transitions import move_member, move_train

FOLLOW_SECONDS = 2.0
ASK_SECONDS = 5.0


def step(lease: Lease) -> Outcome:
    """One pass. Raises LeaseLost where another process has the run meanwhile."""
    begin(TrainRun, lease.pk, fence=lease.fence, owner=lease.owner)
    train = TrainRun.objects.select_related("train").get(pk=lease.pk).train
    if train.state in ENDED:
        return _follow_back(train.pk, lease)
    is_building = _build(train.pk, lease)
    if train.state != TrainState.RUNNING:
        _follow(train.pk, lease)
        back = _follow_back(train.pk, lease)
        if not isinstance(back, Parked):
            return back
        return Again(FOLLOW_SECONDS) if _is_deploying(train.pk) else Again(ASK_SECONDS) if is_building else Parked()
    _follow(train.pk, lease)
    _go_on(train.pk, lease)
    if _end(train.pk, lease):
        # It may still be rolled back: that wakes it.
        return Parked()
    return Again(FOLLOW_SECONDS if _is_deploying(train.pk) else ASK_SECONDS)


def _is_deploying(pk: int) -> bool:
    return TrainOrder.objects.filter(train=pk, state=MemberState.DEPLOYING).exists()


# ---------------------------------------------------------------- builds
def _build(pk: int, lease: Lease) -> bool:
    """Starts the first attempt of every order that has none, all at once; True where Git was away for one of them."""
    rows = TrainOrder.objects.filter(train=pk, state=MemberState.WAITING, order__state=OrderState.CREATED)
    rows = rows.select_related("order__project", "order__component", "order__author", "order__component_settings")
    is_again = False
    unbuilt = ~Exists(Build.objects.filter(order=OuterRef("order")))
    for member in rows.filter(unbuilt, note="").order_by("wave", "pk"):
        try:
            # Asks Git, so before the transaction.
            commit = commit_to_build(actor=member.order.author, order=member.order)
            _under_lease(pk, lease, lambda _train, one=member, tip=commit: _start_build(one, tip))  # type: ignore[misc]
        except PlatformError as error:
            is_away = isinstance(error, Refused) and error.code == "git-away"
            is_again = is_again or is_away
            if not is_away:
                _note(member, lease, error)
    return is_again


def _start_build(member: TrainOrder, commit: str) -> None:
    start_build(actor=member.order.author, order=member.order, commit=commit)


def _under_lease(pk: int, lease: Lease, act: Callable[[Train], None]) -> None:
    """In a transaction that has the train's lock and this pass's lease. Raises LeaseLost, and what ``act`` raises."""
    with transaction.atomic():
        train = lock_train(pk)
        lease.hold()
        act(train)


def _note(member: TrainOrder, lease: Lease, error: PlatformError) -> None:
    """What the order was refused with, for its page; who can clear it is asked there."""
    who = _("Who can clear it: %(who)s", who=error.who_can_help) if error.who_can_help else ""
    note = join_messages(as_message(error.message), who)

    def write(_train: Train) -> None:
        TrainOrder.objects.filter(pk=member.pk, state=MemberState.WAITING).exclude(note=note).update(note=note)

    _under_lease(member.train_id, lease, write)


# ---------------------------------------------------------------- what is under way
def _follow(pk: int, lease: Lease) -> None:
    """What ended since the pass before."""

    def follow(train: Train) -> None:
        for member in members_of(train).filter(state=MemberState.DEPLOYING):
            member.train = train
            _follow_one(member)

    _under_lease(pk, lease, follow)


def _follow_one(member: TrainOrder) -> None:
    turn = member.turn
    if member.deployment is None and turn is not None:
        if turn.deployment is not None:
            member.deployment = turn.deployment
            TrainOrder.objects.filter(pk=member.pk).update(deployment=turn.deployment)
        elif turn.state != TurnState.WAITING:
            why = turn.message or _("It waits for its turn no longer.")
            move_member(member, MemberState.FAILED, actor=None, reason=why, note=why)
            return
    deployment = member.deployment
    if deployment is None or deployment.state in ACTIVE:
        return
    if deployment.state == RunState.SUCCEEDED:
        move_member(member, MemberState.SUCCEEDED, actor=None)
        return
    why = deployment.message or _("The deployment ended as %(state)s.", state=deployment.get_state_display())
    move_member(member, MemberState.FAILED, actor=None, reason=why, note=why)


# ---------------------------------------------------------------- what goes next
def _go_on(pk: int, lease: Lease) -> None:
    """Every order whose turn it is in the train, as far as its own gates let it."""
    members = list(TrainOrder.objects.filter(train=pk))
    # Asked again under the lock; here only so that a train of forty locks itself for few of them.
    next_ones = [one.pk for one in members if one.state == MemberState.WAITING and is_its_turn(one, members)]
    for member_id in next_ones:
        try:
            _under_lease(pk, lease, lambda train, one=member_id: _promote_one(train, one))  # type: ignore[misc]
            _under_lease(pk, lease, lambda train, one=member_id: _deploy_one(train, one))  # type: ignore[misc]
        except PlatformError as error:
            _note(TrainOrder(pk=member_id, train_id=pk), lease, error)


def _whose_turn(train: Train, member_id: int) -> TrainOrder | None:
    """The order, read under the lock; None where the train was paused, or it went on, was skipped or comes later."""
    members = list(members_of(train))
    member = next((one for one in members if one.pk == member_id and one.state == MemberState.WAITING), None)
    if member is None or train.state != TrainState.RUNNING or not is_its_turn(member, members):
        return None
    member.train = train
    return member


def _promote_one(train: Train, member_id: int) -> None:
    member = _whose_turn(train, member_id)
    if member is None or not member.order.image_digest or _own_deployment(member) is not None:
        return
    if orders.current_promotion(member.order, train.space) is None:
        assert train.started_by is not None
        promote(actor=train.started_by, order=member.order, space=train.space, test_verdict=train.test_verdict)


def _deploy_one(train: Train, member_id: int) -> None:
    member = _whose_turn(train, member_id)
    if member is None:
        return
    person = train.started_by
    assert person is not None
    if (made := _own_deployment(member)) is not None:
        move_member(member, MemberState.DEPLOYING, actor=None, deployment=made)
        return
    if not member.order.image_digest:
        return
    review = orders.latest_review(member.order, train.space)
    if train.space.asks_review and (review is None or review.state in ACTIVE):
        return
    seen = review.snapshot.hash if train.space.asks_review and review and review.snapshot else ""
    started = deploy_in_turn(actor=person, order=member.order, space=train.space, snapshot_hash=seen)
    turn, deployment = (started, None) if isinstance(started, Turn) else (None, started)
    move_member(member, MemberState.DEPLOYING, actor=person, turn=turn, deployment=deployment)


def _own_deployment(member: TrainOrder) -> Deployment | None:
    """Somebody deployed the order there by hand since the train was started: the train follows that one."""
    rows = Deployment.objects.filter(order=member.order, space=member.train.space, kind=DeploymentKind.DEPLOY)
    rows = rows.filter(created_at__gte=member.train.started_at, state__in=[*ACTIVE, RunState.SUCCEEDED])
    return rows.exclude(pk=member.deployment_id or 0).order_by("-pk").first()


def _end(pk: int, lease: Lease) -> bool:
    """True once every order is over: the train is done."""
    with transaction.atomic():
        train = lock_train(pk)
        lease.hold()
        left = TrainOrder.objects.filter(train=pk).exclude(state__in=sorted(OVER)).exists()
        if left or train.state != TrainState.RUNNING:
            return False
        move_train(train, TrainState.DONE, actor=None, ended_at=db_now())
    return True


# ---------------------------------------------------------------- back
def _follow_back(pk: int, lease: Lease) -> Outcome:
    """Of a train that is being rolled back: it is when every step has succeeded, and not when the last one began."""
    with transaction.atomic():
        train = lock_train(pk)
        lease.hold()
        states = {one.state for one in plan_back(train, list(members_of(train)))}
        if states == {"done"} and train.state != TrainState.ROLLED_BACK:
            move_train(train, TrainState.ROLLED_BACK, actor=None, ended_at=train.ended_at or db_now())
        if train.state == TrainState.ROLLED_BACK:
            finish_own(lease, to=RunState.SUCCEEDED)
            return Done()
    return Again(FOLLOW_SECONDS) if "running" in states else Parked()
