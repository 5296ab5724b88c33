"""What a component's manifests may do in a space: one place for preview and review, so that both say the same."""

from __future__ import annotations

from components.models import Allocation, Component, ComponentSettings, ConfigVersion, ImageRegistry, ScalingRule
from deployer.manifests import Amounts, Policy, Scaling
from environments.grants import pull_secrets_of
from environments.models import Space

BASE_FOLDERS = ("3rd_part", "base")
"""Folders of the project's own registry that side containers may come from."""


def manifest_policy(
    *,
    component: Component,
    settings: ComponentSettings | None,
    space: Space,
    registry: ImageRegistry | None,
    allocation: Allocation,
    config: ConfigVersion | None,
    rule: ScalingRule | None,
    image: str,
) -> Policy:
    """``image``: the reference by digest that the component's container must run; ``rule``: on or off."""
    own = tuple(f"{registry.address}/{folder}" for folder in BASE_FOLDERS) if registry else ()
    entries = config.env if config else []
    granted = {name: frozenset(values) for name, values in space.grants.items()}
    nobody: frozenset[str] = frozenset()
    ports, balancers = granted.get("node_ports", nobody), granted.get("load_balancers", nobody)
    return Policy(
        namespace=space.namespace,
        component=component.slug,
        image=image,
        registries=(*own, *space.cluster.registries),
        secrets=frozenset(str(entry["secret"]) for entry in entries if entry.get("secret")),
        service_accounts=frozenset({"default"}) | granted.get("service_accounts", nobody),
        pull_secrets=frozenset(pull_secrets_of(space)),
        claims=granted.get("claims", nobody),
        service_types=frozenset(
            {"ClusterIP", *(["NodePort"] if ports else []), *(["LoadBalancer"] if balancers else [])}
        ),
        node_ports=frozenset(map(int, ports)),
        load_balancers=balancers,
        ingress_hosts=granted.get("hosts", nobody),
        service=(settings.service_name if settings else "") or component.slug,
        allocation=Amounts(
            replicas=allocation.replicas,
            cpu_request=allocation.cpu_request,
            cpu_limit=allocation.cpu_limit,
            memory_request=allocation.memory_request,
            memory_limit=allocation.memory_limit,
        ),
        scaling=_scaling(rule),
    )


def _scaling(rule: ScalingRule | None) -> Scaling | None:
    if rule is None or not rule.is_on:
        return None
    return Scaling(
        minimum=rule.minimum,
        maximum=rule.maximum,
        cpu_percent=rule.cpu_percent,
        scale_up_seconds=rule.scale_up_seconds,
        scale_down_seconds=rule.scale_down_seconds,
        version=rule.number,
    )
