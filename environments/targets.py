"""How a cluster is reached: its row as the adapters' plain data."""

from __future__ import annotations

from typing import Any

from deployer.errors import Unavailable
from deployer.interfaces import ClusterTarget, target_from
from environments.in_cluster import own_cluster
from environments.models import Cluster
from foundation.messages import message as _
from foundation.outbound import HostUnknown, check_url

SCHEMES = ("https", "http")
"""Plain http must be on the site's OUTBOUND_ALLOW besides."""


def cluster_target(cluster: Cluster) -> ClusterTarget:
    """Address and credentials in clear: for steps and live reads only, never logged.

    Raises Refused (400) when the address leads where the product may not go, asked anew each time because DNS moves,
    and for the cluster that the platform runs in where it runs in none; Unavailable while its name leads nowhere.
    """
    if cluster.in_cluster:
        own = own_cluster()
        return ClusterTarget(cluster.remote_key, own.url, own.token, own.ca_pem, is_own=True)
    try:
        found = check_url(cluster.url, allowed_schemes=SCHEMES)
    except HostUnknown:
        raise Unavailable(_("The name of the cluster's address leads nowhere just now.")) from None
    url = cluster.url.rstrip("/")
    where: dict[str, Any] = {"url": url, "addresses": found.addresses, "is_own": False}
    return target_from(cluster, ClusterTarget, key=cluster.remote_key, **where)
