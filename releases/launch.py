"""Inserts a run with its event and audit row and hints at it: for a person and for the platform alike."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

import audit
from accounts.models import User
from components.models import Toolchain
from environments.models import Space
from foundation.problems import Stale
from foundation.runs.choices import RunState
from foundation.runs.models import PARKED
from foundation.runs.wake import hinted_at, launch_hint
from foundation.sentences import say as _
from releases import progress
from releases.choices import DeploymentKind, PromotionState
from releases.models import Build, Deployment, NamespaceWatch, Placement, Promotion, ReleaseOrder, Review, Snapshot
from releases.transitions import PLATFORM


def _note(
    row: Any, kind: str, order: ReleaseOrder, actor: User | None, data: dict[str, Any], environment: str = ""
) -> None:
    place = {"environment": environment} if environment else {}
    progress.append(order.pk, f"{kind}.queued", actor=actor, data={"id": row.pk, **place, **data})
    audit.record(
        actor or PLATFORM,
        f"{kind}.queued",
        object_type=kind,
        object_id=str(row.pk),
        object_name=order.number,
        project=order.project.slug,
        environment=environment,
        after=data,
    )


def launch_build(order: ReleaseOrder, toolchain: Toolchain, *, actor: User) -> Build:
    """A new attempt, due now; raises Stale when another one is under way."""
    attempt = Build.objects.filter(order=order).count() + 1
    try:
        with transaction.atomic():
            build = Build.objects.create(
                order=order,
                attempt=attempt,
                started_by=actor,
                server=toolchain.jenkins,
                registry=toolchain.registry,
                job=order.settings.job_name if order.settings else "",
                remote=toolchain.jenkins.remote_key,
                next_at=hinted_at(),
            )
    except IntegrityError:
        raise Stale(_("Somebody else has just started a build of this order.")) from None
    _note(build, "build", order, actor, {"attempt": attempt})
    launch_hint("build", build.pk)
    return build


def launch_review(order: ReleaseOrder, space: Space, *, actor: User | None, of: Snapshot | None = None) -> Review:
    """A look at what deploying would do; one under way is joined, not doubled. ``of``: for a roll back."""
    # Two who insert the same review wait for each other at its unique index: the order's lock must come before.
    progress.lock_orders(order.pk)
    if of is None:
        running = Review.objects.filter(
            order=order, space=space, state__in=[RunState.QUEUED, RunState.RUNNING], wanted_snapshot=None
        ).first()
        if running:
            return running
    try:
        with transaction.atomic():
            review = Review.objects.create(
                order=order,
                component_id=order.component_id,
                space=space,
                requested_by=actor,
                wanted_snapshot=of,
                remote=space.cluster.remote_key,
                next_at=hinted_at(),
            )
    except IntegrityError:
        return Review.objects.get(
            order=order, space=space, state__in=[RunState.QUEUED, RunState.RUNNING], wanted_snapshot=None
        )
    _note(review, "review", order, actor, {}, space.environment.slug)
    launch_hint("review", review.pk)
    return review


def take_place(order: ReleaseOrder, space: Space) -> Placement:
    """The placement, locked: the first lock of every deployment, and what tells a second clicker who was first."""
    Placement.objects.get_or_create(
        component_id=order.component_id,
        space=space,
        defaults={"state": RunState.RUNNING, "remote": space.cluster.remote_key, "next_at": PARKED},
    )
    rows = Placement.objects.select_for_update(of=("self",)).select_related("active__deployed_by", "active__order")
    return rows.get(component_id=order.component_id, space=space)


def launch_deployment(  # noqa: PLR0913 - the columns of one row, nearly all optional
    order: ReleaseOrder,
    space: Space,
    place: Placement,
    *,
    actor: User,
    kind: str = DeploymentKind.DEPLOY,
    snapshot: Snapshot | None = None,
    review: Review | None = None,
    overlay: dict[str, Any] | None = None,
    live_fingerprint: str = "",
    cause: Deployment | None = None,
) -> Deployment:
    """A deployment in the place that ``take_place`` locked, due now; raises Stale naming who was first."""
    if place.active is not None:
        raise Stale(
            _("%(who)s is deploying order %(number)s here right now.")
            % {"who": place.active.deployed_by.shown_name, "number": place.active.order.number},
            who_can_help=place.active.deployed_by.shown_name,
        )
    deployment = Deployment.objects.create(
        order=order,
        component_id=order.component_id,
        space=space,
        kind=kind,
        snapshot=snapshot,
        review=review,
        overlay=overlay or {},
        live_fingerprint=live_fingerprint,
        deployed_by=actor,
        is_automatic=cause is not None,
        cause=cause,
        remote=space.cluster.remote_key,
        next_at=hinted_at(),
    )
    place.active = deployment
    place.save(update_fields=["active", "changed_at"])
    data = {"kind": kind, "snapshot": snapshot.short_hash if snapshot else "", "automatic": cause is not None}
    _note(deployment, "deployment", order, actor, data, space.environment.slug)
    # One remote for all watches: each holds a thread for many seconds, and together they must leave some for the runs.
    NamespaceWatch.objects.get_or_create(
        cluster=space.cluster,
        namespace=space.namespace,
        defaults={"state": RunState.RUNNING, "remote": "watch", "next_at": PARKED},
    )
    launch_hint("deployment", deployment.pk)
    return deployment


def lock_for_promotion(order: ReleaseOrder, *spaces: Space) -> None:
    """The locks of everything that promotions there write to: the places, then all orders, by ascending id."""
    replaced: list[int] = []
    for space in sorted(spaces, key=lambda space: space.pk):
        take_place(order, space)
        replaced += _current_promotions(order, space).values_list("order_id", flat=True)
    progress.lock_orders(order.pk, *replaced)


def _current_promotions(order: ReleaseOrder, space: Space) -> QuerySet[Promotion]:
    return Promotion.objects.filter(component_id=order.component_id, space=space, state=PromotionState.CURRENT)


def promote(
    order: ReleaseOrder, space: Space, *, actor: User, word: str = "", note: str = "", report_url: str = ""
) -> Promotion:
    """Make this order the one that may be deployed there; the one before is replaced and its order is told.

    The caller holds the locks of ``lock_for_promotion``, so nobody else promotes there meanwhile.
    """
    before = _current_promotions(order, space).select_for_update(of=("self",))
    environment = space.environment.slug
    for old in before.select_related("order__project"):
        end_promotion(old, PromotionState.REPLACED, actor=actor, by=order.number)
    try:
        with transaction.atomic():
            promotion = Promotion.objects.create(
                order=order,
                component_id=order.component_id,
                space=space,
                promoted_by=actor,
                word=word,
                note=note,
                report_url=report_url,
            )
    except IntegrityError:
        raise Stale(_("Somebody else has just promoted another order there.")) from None
    data = {"word": word, "note": note}
    progress.append(
        order.pk, "promotion.current", actor=actor, data={"id": promotion.pk, "environment": environment, **data}
    )
    audit.record(
        actor,
        "promotion.current",
        object_type="promotion",
        object_id=str(promotion.pk),
        object_name=order.number,
        project=order.project.slug,
        environment=environment,
        after=data,
    )
    return promotion


def end_promotion(promotion: Promotion, to: str, *, actor: User, by: str = "", reason: str = "") -> None:
    """Replace or withdraw a current promotion, with event and audit."""
    changed = Promotion.objects.filter(pk=promotion.pk, state=PromotionState.CURRENT)
    if changed.update(state=to, ended_at=Now()) != 1:
        raise Stale(_("This promotion has ended already."))
    environment = promotion.space.environment.slug
    order = promotion.order
    data = {"id": promotion.pk, "environment": environment, "by": by, "reason": reason}
    progress.append(order.pk, f"promotion.{to}", actor=actor, data=data)
    audit.record(
        actor,
        f"promotion.{to}",
        object_type="promotion",
        object_id=str(promotion.pk),
        object_name=order.number,
        project=order.project.slug,
        environment=environment,
        reason=reason,
        after={"by": by},
    )
