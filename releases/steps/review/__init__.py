"""A review: freeze what we want (Snapshot), then see what applying it would do (findings). One pass."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from deployer.adapters import kubernetes
from deployer.errors import NotFound, Rejected
from environments.models import SpaceSync
from environments.reasons import sentence_of
from environments.services.syncs import launch_sync
from environments.targets import cluster_target
from foundation.problems import Refused
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Done, Lease, Outcome
from foundation.sentences import say as _
from foundation.sentences import together
from releases.choices import Reason
from releases.models import Review, Snapshot
from releases.steps.review.examine import Examination, examine
from releases.steps.review.problems import Trouble
from releases.steps.review.wanted import freeze
from releases.transitions import end_run


def step(lease: Lease) -> Outcome:
    """One pass over a review. Nothing outside is changed, so it may run any number of times."""
    rows = Review.objects.select_related(
        "order__project",
        "order__component",
        "order__settings",
        "space__cluster",
        "space__environment",
        "space__project",
        "wanted_snapshot",
    )
    review: Review = rows.get(pk=lease.pk)
    if review.is_terminal:
        return Done()
    try:
        if not _is_synced(review):
            return Again(0.5, contacted=False)
        snapshot = review.wanted_snapshot or freeze(lease, review)
        cluster = kubernetes.connect(cluster_target(review.space.cluster))
        seen = examine(cluster, review.space, snapshot)
    except Trouble as trouble:
        return _fail(lease, review, trouble)
    except (Rejected, NotFound) as error:
        return _fail(lease, review, Trouble(Reason.REFUSED, error.said, []))
    except Refused as refusal:
        return _fail(lease, review, Trouble(Reason.REFUSED, refusal.sentence, []))
    return _end(lease, review, snapshot, seen)


def _is_synced(review: Review) -> bool:
    """Namespace and quota must stand before anything can be dry-run in them."""
    space = review.space
    latest = SpaceSync.objects.filter(space=space).order_by("-id").first()
    if latest is None:
        with transaction.atomic():
            launch_sync(actor=None, space=space)
        return False
    if latest.is_active:
        return False
    if latest.state != RunState.SUCCEEDED:
        why = together(sentence_of(latest.reason), latest.message)
        sentence = _("The namespace %(namespace)s is not ready: %(why)s", namespace=space.namespace, why=why)
        raise Trouble(Reason.REFUSED, sentence, [])
    return True


def _fail(lease: Lease, review: Review, trouble: Trouble) -> Outcome:
    findings = {"problems": [{"path": problem.path, "message": problem.message} for problem in trouble.problems]}
    with transaction.atomic():
        data = {"message": trouble.sentence}
        end_run(
            review,
            RunState.FAILED,
            actor=review.requested_by,
            reason=trouble.reason,
            lease=lease,
            data=data,
            message=trouble.sentence,
            findings=findings,
            seen_at=Now(),
        )
    return Done()


def _end(lease: Lease, review: Review, snapshot: Snapshot, seen: Examination) -> Outcome:
    state = RunState.FAILED if seen.reason else RunState.SUCCEEDED
    with transaction.atomic():
        data = {"snapshot": snapshot.short_hash, "message": seen.message}
        end_run(
            review,
            state,
            actor=review.requested_by,
            reason=seen.reason,
            lease=lease,
            data=data,
            snapshot=snapshot,
            message=seen.message,
            findings=seen.findings,
            live_fingerprint=seen.fingerprint,
            seen_at=Now(),
        )
    return Done()
