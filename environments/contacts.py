"""Each cluster has the runs that ask whether it is there and what capacity its nodes have, however its row was made."""

from __future__ import annotations

from typing import Any

from environments.models import Cluster, ClusterContact, NodeObservation
from foundation.runs.wake import wake


def make_runs(instance: Cluster, raw: bool = False, **_named: Any) -> None:
    """After each save: a cluster that was changed, or came out of the archive, is asked now."""
    if raw:
        return
    for model in (ClusterContact, NodeObservation):
        row, is_new = model._default_manager.get_or_create(cluster=instance)
        if not is_new:
            wake(model, row.pk, prompt=False)
