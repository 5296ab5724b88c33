"""How a cluster is reached: its row as the adapters' plain data."""

from __future__ import annotations

from deployer.interfaces import ClusterTarget
from environments.models import Cluster
from foundation.outbound import check_url

SCHEMES = ("https", "http")
"""Plain http must be on the site's OUTBOUND_ALLOW besides."""


def cluster_target(cluster: Cluster) -> ClusterTarget:
    """Address and credentials in clear: for steps and looks only, never logged.

    Raises Refused (400) when the address leads where the product may not go, asked anew each time because DNS moves.
    """
    check_url(cluster.url, allowed_schemes=SCHEMES)
    return ClusterTarget(
        key=cluster.remote_key,
        url=cluster.url.rstrip("/"),
        token=cluster.token,
        ca_pem=cluster.ca_pem,
        client_cert_pem=cluster.client_cert_pem,
        client_key_pem=cluster.client_key_pem,
        tls_server_name=cluster.tls_server_name,
        verify_tls=cluster.verify_tls,
    )
