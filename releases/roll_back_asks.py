"""Roll backs to an older snapshot that somebody asked approval of: each is a Review of that snapshot. Reads only.

One waits while what stood there when it was asked stands there still: anything that is applied there later ends it.
"""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Now

from components.models import Component
from environments.models import Space
from foundation.clock import now_minus
from foundation.messages import message as _
from foundation.problems import Missing
from foundation.runs.choices import ACTIVE, RunState
from releases.choices import DeploymentKind, OrderState, PromotionState
from releases.holds import stands_over
from releases.models import BreakGlass, Deployment, Placement, Promotion, Review, Snapshot

ASKED_DAYS = 14
"""After so long one that nobody approved and nobody did is asked for no more."""
WAITING = (*sorted(ACTIVE), RunState.SUCCEEDED)
"""Under way, or seen to be possible; what the review found in the way is to be mended first."""


def newest_asks() -> QuerySet[Review]:
    """The last one of each snapshot, with ``target``: id of the deployment whose snapshot it would bring back."""
    later = Review.objects.filter(wanted_snapshot=OuterRef("wanted_snapshot"), pk__gt=OuterRef("pk"))
    standing = Placement.objects.filter(
        component=OuterRef("component"), space=OuterRef("space"), last_applied__applied_at__lt=OuterRef("created_at")
    ).exclude(last_applied__snapshot=OuterRef("wanted_snapshot"))
    successes = Deployment.objects.filter(snapshot=OuterRef("wanted_snapshot"), state=RunState.SUCCEEDED)
    newest = successes.exclude(kind=DeploymentKind.REMOVE).order_by("-pk").values("pk")[:1]
    rows = asked_since_long().annotate(target=Subquery(newest))
    return rows.filter(Exists(standing), ~Exists(later), target__isnull=False)


def asked_since_long() -> QuerySet[Review]:
    """Those that may wait, by their index; what was withdrawn is asked for no more."""
    asked = Review.objects.filter(wanted_snapshot__isnull=False, withdrawn_at=None)
    return asked.filter(created_at__gt=now_minus(ASKED_DAYS * 86_400))


def find_ask(component: Component, space: Space, pk: int) -> Review:
    """The one of this id in this place, however it ended; raises Missing."""
    rows = Review.objects.filter(component=component, space=space, wanted_snapshot__isnull=False, pk=pk)
    review = rows.select_related("order__project", "space__environment", "space__project").first()
    if review is None:
        raise Missing(_("Nobody asked for such a roll back there."))
    return review


def open_ask(pk: int) -> Review | None:
    """The one of this id that may still be withdrawn: not refused by its review, and not being done."""
    being_done = Placement.objects.filter(
        component=OuterRef("component"), space=OuterRef("space"),
        in_progress__snapshot=OuterRef("wanted_snapshot"),
    )  # fmt: skip
    rows = newest_asks().filter(~Exists(being_done), pk=pk, state__in=WAITING)
    return rows.select_related("requested_by", "order__project", "space__environment", "wanted_snapshot").first()


def waiting_asks() -> QuerySet[Review]:
    """Those that an approval would help now: nothing is under way there, and the flow lets the order in.

    With ``has_break_glass``, where only a break-glass may let it in, and ``is_held``.
    """
    free = Placement.objects.filter(component=OuterRef("component"), space=OuterRef("space"))
    there = {"order": OuterRef("order"), "space": OuterRef("space")}
    glass = BreakGlass.objects.filter(**there, reviewed_at=None, ended_at=None, expired_at=None, ends_at__gt=Now())
    promoted = Promotion.objects.filter(**there, state=PromotionState.CURRENT)
    rows = newest_asks().filter(Exists(free.filter(in_progress=None, unknown_since=None)), state__in=WAITING)
    rows = rows.annotate(
        has_break_glass=Exists(glass),
        is_held=stands_over(component="component", space="space"),
        is_promoted=Exists(promoted),
        name_zh=F("order__component_settings__name_zh"),
    )
    return rows.filter(Q(is_promoted=True) & ~Q(order__state=OrderState.CLOSED) | Q(has_break_glass=True))


def ask_of(snapshot: Snapshot) -> Review | None:
    """The last one of this snapshot, whether it waits or was found impossible; None once something else was applied."""
    return newest_asks().filter(wanted_snapshot=snapshot).select_related("requested_by").first()


def waiting_ask_of(snapshot: Snapshot) -> Review | None:
    """The one of this snapshot that waits."""
    return waiting_asks().filter(wanted_snapshot=snapshot).select_related("requested_by").first()
