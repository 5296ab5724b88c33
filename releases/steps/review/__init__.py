"""A review: freeze what we want (Snapshot), then see what applying it would do (findings). One pass."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from deployer.adapters import kubernetes
from deployer.errors import NotFound, Rejected, Unavailable
from environments.node_observation import ask_for_nodes
from environments.services.spaces import launch_sync
from environments.targets import cluster_target
from foundation.problems import Refused
from foundation.runs.choices import RunState
from foundation.runs.lease import Again, Done, Lease, Outcome
from releases.choices import Reason
from releases.models import Review, Snapshot
from releases.steps.namespaces import is_namespace_gone, latest_sync, make_namespace, why_not_ready
from releases.steps.review.examine import Examination, examine
from releases.steps.review.inventory import Earlier
from releases.steps.review.removal import examine_removal
from releases.steps.review.surroundings import read_surroundings
from releases.steps.review.wanted import Trouble, freeze
from releases.transitions import end_run


def step(lease: Lease) -> Outcome:
    """One pass over a review. Nothing outside is changed, so it may run any number of times."""
    rows = Review.objects.select_related(
        "order__project",
        "order__component",
        "order__component__project",
        "order__component_settings__base_image",
        "space__cluster",
        "space__environment",
        "space__project",
        "wanted_snapshot",
        "requested_by",
    )
    review: Review = rows.get(pk=lease.pk)
    if review.is_terminal:
        return Done()
    try:
        if not _is_synced(review):
            return Again(0.5)
        if review.is_removal:
            with lease.open(kubernetes.connect, cluster_target(review.space.cluster)) as cluster:
                snapshot, seen = examine_removal(lease, cluster, review)
        else:
            snapshot, found = _freeze_and_examine(lease, review)
            if found is None:
                return Again(0.5)
            seen = found
    except Trouble as trouble:
        return _fail(lease, review, trouble)
    except (Rejected, NotFound) as error:
        return _fail(lease, review, Trouble(Reason.REFUSED, error.message, []))
    except Refused as refusal:
        return _fail(lease, review, Trouble(Reason.REFUSED, refusal.message, []))
    return _end(lease, review, snapshot, seen)


def _freeze_and_examine(lease: Lease, review: Review) -> tuple[Snapshot, Examination | None]:
    """None for the examination while the namespace, which was deleted outside, is made anew."""
    space = review.space
    # Read by another worker while this one renders; what is known then is used.
    ask_for_nodes(space.cluster_id)
    try:
        with (
            lease.open(kubernetes.connect, cluster_target(space.cluster)) as cluster,
            read_surroundings(cluster, review.order.component, space) as around,
        ):
            earlier = Earlier(review.order.component, space)
            snapshot = review.wanted_snapshot or freeze(lease, review, while_rendering=earlier.read)
            seen = examine(cluster, space, snapshot, around, earlier)
            if not (seen.reason and is_namespace_gone(cluster, space)):
                return snapshot, seen
            make_namespace(lease, space)
            return snapshot, None
    except Unavailable:
        if review.wanted_snapshot is None:
            # What is wrong with the templates is told without the cluster, too.
            freeze(lease, review)
        raise


def _is_synced(review: Review) -> bool:
    """Namespace and quota must stand before anything can be dry-run in them."""
    space = review.space
    latest = latest_sync(space)
    if latest is None:
        with transaction.atomic():
            launch_sync(actor=None, space=space)
        return False
    if latest.is_active:
        return False
    if why := why_not_ready(latest):
        raise Trouble(Reason.REFUSED, why, [])
    return True


def _fail(lease: Lease, review: Review, trouble: Trouble) -> Outcome:
    findings = {"problems": [{"path": problem.path, "message": problem.message} for problem in trouble.problems]}
    with transaction.atomic():
        data = {"message": trouble.message}
        end_run(
            review,
            RunState.FAILED,
            actor=review.requested_by,
            reason=trouble.reason,
            lease=lease,
            data=data,
            message=trouble.message,
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
