"""What capacity do a cluster's nodes have? One read a minute for all its spaces, and sooner when a review asks.

It lists the pods of the whole cluster, so it is bounded, and no review does it by itself.
"""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now

from deployer.adapters import kubernetes
from deployer.errors import Forbidden, NotFound, Rejected
from deployer.nodes import nodes_as_data
from environments.models import NodeObservation, Space
from environments.targets import cluster_target
from foundation.encryption import SecretUnreadable
from foundation.messages import MessageLike, as_message
from foundation.messages import message as _
from foundation.problems import Refused
from foundation.runs.engine import Again, Lease, Outcome, Parked

EVERY_SECONDS = 60.0
REFUSED_SECONDS = 600.0
"""An account without the right, or a cluster beyond the bounds, is asked again after so long."""
UNUSABLE_SECONDS = 30.0
MOST_NODES, MOST_PODS = 2_000, 30_000
"""Beyond these the capacity is not known: 30,000 pods are 60 pages and some seconds of a worker."""


def step(lease: Lease) -> Outcome:
    """One read; parked for a cluster in the archive, idle for one without spaces."""
    row: NodeObservation = NodeObservation.objects.select_related("cluster").get(pk=lease.pk)
    if row.cluster.is_archived:
        return Parked()
    if not Space.objects.filter(cluster=row.cluster, is_archived=False).exists():
        return Again(EVERY_SECONDS)
    try:
        with lease.open(kubernetes.connect, cluster_target(row.cluster)) as client:
            nodes = client.nodes(most_nodes=MOST_NODES, most_pods=MOST_PODS)
    except Forbidden:
        message = _("the cluster account may not list the nodes and the pods of the whole cluster")
        return _unknown(lease, message, REFUSED_SECONDS)
    except (Rejected, NotFound) as error:
        return _unknown(lease, as_message(error), REFUSED_SECONDS)
    except Refused as error:
        return _unknown(lease, error.message, UNUSABLE_SECONDS)
    except SecretUnreadable:
        return _unknown(lease, _("the stored credentials of the cluster cannot be read"), UNUSABLE_SECONDS)
    lease.save(nodes=nodes_as_data(nodes), seen_at=Now(), message="")
    return Again(EVERY_SECONDS)


def _unknown(lease: Lease, message: MessageLike | Any, seconds: float) -> Outcome:
    lease.save(nodes=[], seen_at=None, message=message)
    return Again(seconds)
