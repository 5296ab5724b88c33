"""环境流转: the right to be deployed somewhere, and taking it back."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.db import transaction

from accounts.models import User
from environments.access import require
from environments.models import Space
from foundation.problems import Invalid, Refused
from foundation.runs.choices import RunState
from foundation.sentences import say as _
from releases import gates, launch, progress
from releases.choices import PromotionState, TesterWord
from releases.models import Deployment, Promotion, ReleaseOrder


def promote(
    *, actor: User, order: ReleaseOrder, space: Space, word: str = "", note: str = "", report_url: str = ""
) -> Promotion:
    """Promote the order to the space and start its review there; the order before it is replaced and told."""
    require(actor, "promote", space=space, owner_id=order.author_id)
    gates.insist(gates.promotion_gates(order, space))
    _check_word(space, word, report_url)
    with transaction.atomic():
        launch.lock_for_promotion(order, space)
        locked = (
            ReleaseOrder.objects.select_for_update(of=("self",)).select_related("project", "component").get(pk=order.pk)
        )
        gates.insist(gates.promotion_gates(locked, space))
        promotion = launch.promote(locked, space, actor=actor, word=word, note=note.strip(), report_url=report_url)
        launch.launch_review(locked, space, actor=actor)
    return promotion


def _check_word(space: Space, word: str, report_url: str) -> None:
    problems = {}
    follows = space.environment.follows.exists()
    if follows and word not in TesterWord.values:
        problems["word"] = [_("Say whether it passed, or passed with remarks.")]
    if report_url and urlsplit(report_url).scheme not in ("http", "https"):
        problems["report_url"] = [_("The link to the report must begin with http:// or https://.")]
    if problems:
        raise Invalid(problems)


def withdraw_promotion(*, actor: User, promotion: Promotion, reason: str = "") -> None:
    """Take the right back; what is deployed stays."""
    require(actor, "promote", space=promotion.space, owner_id=promotion.order.author_id)
    if promotion.state != PromotionState.CURRENT:
        raise Refused(_("This promotion has ended already."), "promotion-ended")
    with transaction.atomic():
        # Under the order's lock: a deployment that begins now waits for us and finds the promotion gone.
        progress.lock_orders(promotion.order_id)
        active = Deployment.objects.filter(
            order=promotion.order, space=promotion.space, state__in=[RunState.QUEUED, RunState.RUNNING]
        )
        if active.exists():
            sentence = _("The order is being deployed there right now: wait for the verdict or cancel it first.")
            raise Refused(sentence, "being-deployed")
        launch.end_promotion(promotion, PromotionState.WITHDRAWN, actor=actor, reason=reason.strip()[:200])
    promotion.refresh_from_db()
