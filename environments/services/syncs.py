"""Bringing a space's namespace and quota in line: the row is written here, a worker carries it out."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction

import audit
from accounts.models import User
from environments.access import require
from environments.ceilings import hard_of
from environments.models import Space, SpaceSync
from foundation.problems import Stale
from foundation.runs.choices import ACTIVE
from foundation.runs.engine import hinted_at, launch_hint, wake
from foundation.sentences import say as _

MANAGED_BY = "app.kubernetes.io/managed-by"
PRODUCT = "prism4k"


def wanted_of(space: Space) -> dict[str, Any]:
    """What a sync applies, as plain data: fixed here, so that a step never mixes two versions of the space."""
    return {
        "cluster": space.cluster_id,
        "namespace": space.namespace,
        "labels": {MANAGED_BY: PRODUCT, "project": space.project.slug, "environment": space.environment.slug},
        "hard": hard_of(space),
        "force": space.force_conflicts,
    }


def launch_sync(*, actor: User | None, space: Space) -> SpaceSync:
    """Makes a sync due, inside the caller's transaction. One that is under way takes the new wishes over.

    The step compares what it applied with the row under a lock before it ends, so wishes that come meanwhile are
    never lost.
    """
    wanted = wanted_of(space)
    for _attempt in range(3):
        active = space.syncs.filter(state__in=ACTIVE).order_by("-pk").first()
        if active is not None:
            taken = SpaceSync.objects.filter(pk=active.pk, state__in=ACTIVE).update(
                wanted=wanted, remote=space.cluster.remote_key
            )
            if taken and wake(SpaceSync, active.pk):
                return active
            continue
        try:
            with transaction.atomic():
                run = SpaceSync.objects.create(
                    space=space, requested_by=actor, wanted=wanted, remote=space.cluster.remote_key, next_at=hinted_at()
                )
        except IntegrityError:
            # Another process launched one between our look and our insert.
            continue
        launch_hint("space-sync", run.pk)
        return run
    raise Stale(_("This space is being saved by somebody else just now: try again in a moment."))


def sync_again(*, actor: User, space: Space) -> SpaceSync:
    """Applies the space's namespace and quota once more. Raises Denied."""
    require(actor, "manage_places")
    with transaction.atomic():
        Space.objects.select_for_update().get(pk=space.pk)
        run = launch_sync(actor=actor, space=space)
        audit.record(
            actor, "space.sync_asked", object_type="space", object_id=space.pk, object_name=str(space),
            project=space.project.slug, environment=space.environment.slug,
        )  # fmt: skip
    return run
