"""A namespace that somebody deleted outside is made anew, by the space's sync, before anything is sent there."""

from __future__ import annotations

import contextlib
from typing import Any

from django.db import transaction

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Forbidden
from deployer.interfaces import ObjectRef
from environments.models import Space, SpaceSync
from environments.reasons import message_for
from environments.services.spaces import launch_sync
from foundation.messages import Message, join_messages
from foundation.messages import message as _
from foundation.runs.choices import RunState
from foundation.runs.lease import Lease

NAMESPACE_PHASE = "namespace"
"""While a review or a deployment waits for a namespace that was deleted outside to be made anew."""


def is_namespace_gone(cluster: KubernetesCluster, space: Space) -> bool:
    """True when somebody deleted it outside, or is about to: nothing that was found out says anything then."""
    with contextlib.suppress(Forbidden):
        live = cluster.read("", ObjectRef("v1", "Namespace", space.namespace))
        return live is None or (live.get("status") or {}).get("phase") == "Terminating"
    return False


def make_namespace(lease: Lease, space: Space, **fields: Any) -> None:
    """Launch the sync that makes it anew; the run waits for its end in :data:`NAMESPACE_PHASE`."""
    with transaction.atomic():
        lease.hold()
        launch_sync(actor=None, space=space)
        lease.save(phase=NAMESPACE_PHASE, **fields)


def latest_sync(space: Space) -> SpaceSync | None:
    """The last one, under way or ended."""
    return SpaceSync.objects.filter(space=space).order_by("-id").first()


def why_not_ready(sync: SpaceSync) -> Message | None:
    """Why the namespace is not there after this sync, which has ended; None when it is."""
    if sync.state == RunState.SUCCEEDED:
        return None
    why = join_messages(message_for(sync.reason), sync.message)
    return _("The namespace %(namespace)s is not ready: %(why)s", namespace=sync.space.namespace, why=why)
