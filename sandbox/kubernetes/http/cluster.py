"""What request handlers need, kept in ``app.state.cluster``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from starlette.requests import Request

from sandbox.kubernetes.storage import Store


@dataclass(frozen=True)
class Cluster:
    """The store and the name behind the token."""

    store: Store
    user: str


def cluster_of(request: Request) -> Cluster:
    """The cluster that a request talks to."""
    return cast(Cluster, request.app.state.cluster)
