"""One namespace belongs to one space, also where two rows of clusters lead to the same cluster.

The database sees to it for one row. By a second row with the same address a space with looser rules, such as one for
tests, would deploy into the namespace of production.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from environments.in_cluster import own_address
from environments.models import Cluster, Space


def other_owner(space: Space) -> Space | None:
    """A space, also one in the archive, in the same namespace by another row of the same cluster."""
    rows = Space.objects.filter(namespace=space.namespace).exclude(cluster=space.cluster_id).exclude(pk=space.pk)
    here = _address(space.cluster)
    found = rows.select_related("cluster", "project", "environment").order_by("pk")
    return next((one for one in found if _address(one.cluster) == here), None)


def _address(cluster: Cluster) -> tuple[str, int | None, str]:
    """Host, port and path, as written: two names of one host are two addresses. Without an address it is like none."""
    parts = urlsplit(own_address() if cluster.in_cluster else cluster.url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    return (parts.hostname or f"cluster {cluster.pk}").rstrip("."), port, parts.path.rstrip("/")
