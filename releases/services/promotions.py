"""环境流转: the right to be deployed somewhere, and taking it back."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts.models import User
from environments.access import require
from environments.models import Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.outbound import check_link, is_link
from foundation.problems import Invalid, Refused, Stale
from foundation.runs.choices import RunState
from releases import gates, going_on
from releases.choices import PromotionState, TestVerdict
from releases.events import record_act
from releases.locks import current_promotions, lock_for_promotion, lock_order, lock_orders
from releases.models import Deployment, Promotion, ReleaseOrder
from releases.placing import ensure_not_archived
from releases.services.reviews import request_review
from releases.whom_to_ask import who_stops


def promote(
    *, actor: User, order: ReleaseOrder, space: Space, test_verdict: str = "", note: str = "", report_url: str = ""
) -> Promotion:
    """Promote the order to the space and start its review there; the order before it is replaced and told."""
    require(actor, "promote", space=space, owner_id=order.author_id)
    asked = gates.asked_about("promote", order, space)
    gates.ensure_open(gates.promotion_gates(order, space), asked=asked)
    check_test_verdict(space, test_verdict, report_url)
    with transaction.atomic():
        lock_for_promotion(order, space)
        locked = lock_order(order.pk)
        gates.ensure_open(gates.promotion_gates(locked, space), asked=asked)
        ensure_not_archived(space)
        _ensure_not_promoted(locked, space)
        promotion = create_promotion(
            locked, space, actor=actor, test_verdict=test_verdict, note=note.strip(), report_url=report_url
        )
        request_review(locked, space, actor=actor)
    return promotion


def _ensure_not_promoted(order: ReleaseOrder, space: Space) -> None:
    """Many who promote one order at once: the first has done it. The caller holds the locks."""
    held = current_promotions(order, space).filter(order=order).select_related("promoted_by").first()
    if held is not None:
        message = _(
            "%(who)s has promoted this order to %(name)s already. Withdraw that promotion to make another.",
            who=held.promoted_by.localized_name,
            name=space.environment.label,
        )
        asked = gates.asked_about("promote", order, space)
        raise Stale(message, "already-promoted", held.promoted_by.shown_name, asked=asked)


def check_test_verdict(space: Space, test_verdict: str, report_url: str = "") -> None:
    """Raises Invalid where an environment comes before and nothing is said of it, or the report is no link."""
    problems: dict[str, list[MessageLike]] = {}
    follows = space.environment.follows.exists()
    if follows and test_verdict not in TestVerdict.values:
        problems["test_verdict"] = [_("Say whether it passed, or passed with remarks.")]
    if report_url and (message := _why_no_link(report_url)):
        problems["report_url"] = [message]
    if problems:
        raise Invalid(problems)


def _why_no_link(url: str) -> MessageLike | None:
    """Others click it on the order's page."""
    if not is_link(url):
        return _("The link to the report must begin with http:// or https://.")
    try:
        check_link(url)
    except Refused as refusal:
        return refusal.message
    return None


def withdraw_promotion(*, actor: User, promotion: Promotion, reason: str = "") -> None:
    """Take the right back; what is deployed stays."""
    require(actor, "promote", space=promotion.space, owner_id=promotion.order.author_id)
    if promotion.state != PromotionState.CURRENT:
        raise Refused(_("This promotion has ended already."), "promotion-ended")
    with transaction.atomic():
        # Under the order's lock: a deployment that begins now waits for us and finds the promotion gone.
        lock_orders(promotion.order_id)
        rows = Deployment.objects.filter(
            order=promotion.order, space=promotion.space, state__in=[RunState.QUEUED, RunState.RUNNING]
        )
        if active := rows.select_related("deployed_by").first():
            message = _("The order is being deployed there right now: wait for the verdict or cancel it first.")
            asked = gates.asked_about("promote", promotion.order, promotion.space)
            raise Refused(message, "being-deployed", who_stops(active.deployed_by, promotion.space), asked=asked)
        end_promotion(promotion, PromotionState.WITHDRAWN, actor=actor, reason=reason.strip()[:200])
    promotion.refresh_from_db()


def create_promotion(
    order: ReleaseOrder, space: Space, *, actor: User, test_verdict: str = "", note: str = "", report_url: str = ""
) -> Promotion:
    """Make this order the one that may be deployed there; the one before is replaced and its order is told.

    The caller holds the locks of ``lock_for_promotion``, so nobody else promotes there meanwhile.
    """
    before = current_promotions(order, space).select_for_update(of=("self",))
    for old in before.select_related("order__project"):
        end_promotion(old, PromotionState.REPLACED, actor=actor, by=order.number)
    try:
        with transaction.atomic():
            promotion = Promotion.objects.create(
                order=order,
                component_id=order.component_id,
                space=space,
                promoted_by=actor,
                test_verdict=test_verdict,
                note=note,
                report_url=report_url,
            )
    except IntegrityError:
        raise Stale(_("Somebody else has just promoted another order there.")) from None
    data = {"test_verdict": test_verdict, "note": note}
    record_act(order, "promotion.current", actor, subject=promotion, space=space, data=data)
    going_on.mark_again(order.pk)
    return promotion


def end_promotion(promotion: Promotion, to: str, *, actor: User, by: str = "", reason: str = "") -> None:
    """Replace or withdraw a current promotion, with event and audit."""
    changed = Promotion.objects.filter(pk=promotion.pk, state=PromotionState.CURRENT)
    if changed.update(state=to, ended_at=Now()) != 1:
        raise Stale(_("This promotion has ended already."))
    record_act(
        promotion.order,
        f"promotion.{to}",
        actor,
        subject=promotion,
        space=promotion.space,
        data={"by": by, "reason": reason},
        reason=reason,
        after={"by": by},
    )
    if to == PromotionState.WITHDRAWN:
        going_on.mark_again(promotion.order_id)
