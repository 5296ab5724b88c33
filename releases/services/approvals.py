"""A second person's yes or no to one snapshot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from accounts.models import User
from environments.access import Rights, may_approve, require, who_may
from environments.choices import Role
from environments.models import Space
from foundation.clock import db_now
from foundation.messages import message as _
from foundation.problems import Asked, Denied, Invalid, Refused, Stale
from releases import break_glass, gates, selectors
from releases.choices import ApprovalState, OrderState
from releases.events import record_act
from releases.locks import lock_orders
from releases.models import Approval, Deployment, ReleaseOrder, ScaleRequest, Snapshot
from releases.successes import succeeded_at

AFTER_RESET = timedelta(hours=24)
"""So long an approval says that an administrator had set the password of its giver."""


def approve(*, actor: User, snapshot: Snapshot, comment: str = "") -> Approval:
    """Say yes to exactly this snapshot. Raises Denied where four eyes would be two."""
    return _decide(actor, snapshot, ApprovalState.GIVEN, comment)


def reject(*, actor: User, snapshot: Snapshot, comment: str) -> Approval:
    """Say no: this snapshot is blocked until you withdraw it or a new snapshot comes."""
    if not comment.strip():
        raise Invalid({"comment": [_("Say why: the author and the operators read this.")]})
    return _decide(actor, snapshot, ApprovalState.REJECTED, comment)


def why_not(actor: User, snapshot: Snapshot) -> str:
    """Why this person may not decide on the snapshot, as a message; empty when they may. For greyed buttons."""
    gate = decision_gate(actor, snapshot)
    return "" if gate.is_open else str(gate.message)


def decision_gate(actor: User, snapshot: Snapshot) -> gates.Gate:
    """The same as a gate: may this person decide on the snapshot, and if not who may."""
    try:
        _ensure_may_decide(actor, snapshot)
    except (Denied, Refused) as refusal:
        return gates.Gate(refusal.code, False, refusal.message, refusal.who_can_help)
    return gates.Gate("approved", True, _("This person may decide on the snapshot."))


def _ensure_may_decide(actor: User, snapshot: Snapshot) -> None:
    space, order = snapshot.space, snapshot.order
    asked = gates.asked_about("approve", order, space)
    ensure_role(actor, order, space, asked)
    if actor.pk in gates.makers_of(order):
        raise Denied(
            _("Four eyes: people who created or built an order do not approve it, administrators included."),
            "four-eyes",
            gates.fair_approvers(order, space),
            asked=asked,
        )
    if not space.approvals:
        message = _("%(name)s asks for no approval.", name=space.environment.label)
        raise Refused(message, "no-approval-needed", asked=asked)
    # What stays of a closed order still has to go where it runs: only a deployment of it is over.
    is_over = order.state == OrderState.CLOSED and not break_glass.reopens(order, space)
    if snapshot.removes is None and is_over:
        who = who_may("create_order", project_id=order.project_id)
        raise Refused(_("The order is closed."), "closed", who, asked=asked)
    latest = selectors.latest_review(order, space, is_removal=snapshot.removes is not None)
    is_replaced = latest is not None and latest.snapshot_id and latest.snapshot_id != snapshot.pk
    # What served there may be rolled back to, and is approved for that as it is.
    if is_replaced and succeeded_at(snapshot) is None:
        raise Stale(_("A newer review has replaced this snapshot: open that one."))


def ensure_role(actor: User, order: ReleaseOrder, space: Space, asked: Asked, *, but: int | None = None) -> None:
    """The right, and the space's policy: it may narrow who approves to some of the table's roles, and to some groups.

    Who is refused reads whom to ask: people whom four eyes let approve this order, without ``but``.
    """
    try:
        require(actor, "approve", space=space)
    except Denied as refusal:
        raise Denied(refusal.message, refusal.code, gates.fair_approvers(order, space, but=but), asked=asked) from None
    rights = Rights(actor)
    if space.approver_groups and not rights.groups & set(space.approver_groups):
        message = _("Here only people of these groups approve: %(names)s.", names=space.approver_groups)
        raise Denied(message, "approver-group", gates.fair_approvers(order, space, but=but), asked=asked)
    if not may_approve(rights, space):
        names = [Role(role).label for role in space.approver_roles if role in Role.values]
        message = _("Here only these roles approve: %(names)s.", names=names)
        raise Denied(message, "approver-role", gates.fair_approvers(order, space, but=but), asked=asked)


def _decide(actor: User, snapshot: Snapshot, state: str, comment: str) -> Approval:
    _ensure_may_decide(actor, snapshot)
    return put_word(actor, snapshot, state, comment, ensure=lambda: _ensure_may_decide(actor, snapshot))


def put_word(
    actor: User,
    snapshot: Snapshot,
    state: str,
    comment: str,
    *,
    ensure: Callable[[], None],
    scale_request: ScaleRequest | None = None,
) -> Approval:
    """The row of a yes or no, with event and audit. ``ensure`` raises what stands in the way, and is asked locked."""
    space, order = snapshot.space, snapshot.order
    if space.approval_needs_comment and not comment.strip():
        raise Invalid({"comment": [_("Here an approval needs a comment.")]})
    hours = space.approval_hours
    expires_at = db_now() + timedelta(hours=hours) if hours and state == ApprovalState.GIVEN else None
    try:
        with transaction.atomic():
            # Under the order's lock: a review that freezes new inputs voids decisions, and a new one must not land on
            # a snapshot that was replaced a moment ago.
            lock_orders(order.pk)
            ensure()
            approval = Approval.objects.create(
                snapshot=snapshot,
                scale_request=scale_request,
                order=order,
                component_id=snapshot.component_id,
                space=space,
                state=state,
                by=actor,
                comment=comment.strip()[:2000],
                expires_at=expires_at,
                is_after_reset=_is_after_reset(actor),
            )
            _record(approval, actor)
    except IntegrityError:
        message = _("You have decided on this snapshot already: withdraw that first.")
        if scale_request is not None:
            message = _("You have decided on this number of pods already: withdraw that first.")
        raise Refused(message, "decided-already", actor.shown_name) from None
    return approval


def _is_after_reset(actor: User) -> bool:
    """Did an administrator, who knew the password then, set it less than a day ago?"""
    fresh = User.objects.only("password_reset_at").get(pk=actor.pk)
    return fresh.password_reset_at is not None and db_now() - fresh.password_reset_at < AFTER_RESET


def given_by(person: User) -> QuerySet[Approval]:
    """What they approved and nobody has ended, deployed or not."""
    return Approval.objects.filter(by=person, state=ApprovalState.GIVEN)


def void_unused(actor: User, person: User) -> None:
    """The person left: what they approved and nobody deployed yet is void. In the caller's transaction."""
    given = given_by(person)
    lock_orders(*given.values_list("order_id", flat=True))
    deployed = Deployment.objects.filter(snapshot=OuterRef("snapshot"), space=OuterRef("space"))
    unused = given.filter(
        Q(scale_request=None) & ~Exists(deployed) | Q(scale_request__isnull=False, scale_request__deployment=None)
    ).select_related("by", "order__project", "space__environment", "snapshot", "scale_request__snapshot")
    for approval in unused:
        void(approval, actor=actor, reason="left")


def void_since(snapshot: Snapshot, moment: datetime, *, actor: User | None, reason: str) -> None:
    """What was approved of the snapshot from that moment on is void; under the caller's lock of its order."""
    given = Approval.objects.filter(snapshot=snapshot, scale_request=None, state=ApprovalState.GIVEN)
    parts = ("by", "order__project", "space__environment", "snapshot", "scale_request")
    for approval in given.filter(created_at__gte=moment).select_related(*parts):
        void(approval, actor=actor, reason=reason)


def void(approval: Approval, *, actor: User | None, reason: str, **recorded: Any) -> None:
    """It counts no more, and why; in the caller's transaction, which holds the order's lock."""
    Approval.objects.filter(pk=approval.pk).update(state=ApprovalState.VOID, ended_at=Now())
    record_act(
        approval.order,
        _kind_of(approval, ApprovalState.VOID),
        actor,
        subject=approval,
        space=approval.space,
        data={"by": approval.by.shown_name} | (approval.scale_request.facts if approval.scale_request else {}),
        reason=reason,
        **recorded,
    )


def withdraw_approval(*, actor: User, approval: Approval) -> None:
    """Take one's own yes or no back."""
    require(actor, "withdraw_approval", space=approval.space, owner_id=approval.by_id)
    with transaction.atomic():
        lock_orders(approval.order_id)
        in_force = Approval.objects.filter(pk=approval.pk, state__in=[ApprovalState.GIVEN, ApprovalState.REJECTED])
        if in_force.update(state=ApprovalState.WITHDRAWN, ended_at=Now()) != 1:
            raise Refused(_("This decision has ended already."), "approval-ended")
        approval.refresh_from_db()
        _record(approval, actor)


def _record(approval: Approval, actor: User) -> None:
    scaled = approval.scale_request.facts if approval.scale_request else {}
    record_act(
        approval.order,
        _kind_of(approval, approval.state),
        actor,
        subject=approval,
        space=approval.space,
        data={"snapshot": approval.snapshot.short_hash, "comment": approval.comment, **scaled},
        reason=approval.comment[:500],
        after=scaled
        | {"snapshot": approval.snapshot.hash}
        | ({"soon_after_reset": True} if approval.is_after_reset else {}),
    )


def _kind_of(approval: Approval, state: str) -> str:
    return f"{'scale_approval' if approval.scale_request_id else 'approval'}.{state}"
