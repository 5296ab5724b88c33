"""What a review reads of a namespace with any templates: asked for while they are rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from components.models import Component
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.interfaces import Manifest, QuotaLine
from deployer.manifests import inventory_selector
from deployer.parallel import meanwhile
from environments.models import Space
from releases.steps.review.inventory import identity_of


@dataclass(frozen=True)
class Surroundings:
    """Each waits for its answer, or raises what the cluster refused, when it is called."""

    inventory: Callable[[], tuple[Manifest, ...]]
    """Everything with the component's labels."""
    quota: Callable[[], tuple[QuotaLine, ...]]
    limit_ranges: Callable[[], tuple[Manifest, ...]]


@contextmanager
def read_surroundings(cluster: KubernetesCluster, component: Component, space: Space) -> Iterator[Surroundings]:
    """Begin to read; what follows need not wait."""
    namespace, selector = space.namespace, inventory_selector(identity_of(component, space))
    with meanwhile() as begin:
        yield Surroundings(
            begin(lambda: cluster.inventory(namespace, selector)),
            begin(lambda: cluster.quota(namespace)),
            begin(lambda: cluster.limit_ranges(namespace)),
        )
