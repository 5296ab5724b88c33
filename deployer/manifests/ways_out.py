"""Which of a space's grants a set of manifests uses: names by the kind of grant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from deployer.interfaces import Manifest


def ways_out(manifests: Sequence[Manifest]) -> dict[str, set[str]]:
    """``hosts``, ``node_ports``, ``load_balancers``, ``claims``, ``service_accounts`` and ``pull_secrets`` in use."""
    found: dict[str, set[str]] = {}
    for manifest in manifests:
        for kind, name in _of(manifest):
            if name:
                found.setdefault(kind, set()).add(str(name))
    return found


def _of(manifest: Manifest) -> Iterator[tuple[str, Any]]:
    spec = manifest.get("spec") or {}
    match manifest.get("kind"):
        case "Ingress":
            yield from (("hosts", rule.get("host")) for rule in spec.get("rules") or ())
        case "Service":
            yield from (("node_ports", port.get("nodePort")) for port in spec.get("ports") or ())
            if spec.get("type") == "LoadBalancer":
                yield "load_balancers", spec.get("loadBalancerClass") or "default"
        case "PersistentVolumeClaim":
            yield "claims", manifest["metadata"]["name"]
        case "Deployment":
            yield from _of_pod((spec.get("template") or {}).get("spec") or {})


def _of_pod(pod: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "service_accounts", pod.get("serviceAccountName")
    yield from (("pull_secrets", one.get("name")) for one in pod.get("imagePullSecrets") or ())
    claims = ((one.get("persistentVolumeClaim") or {}).get("claimName") for one in pod.get("volumes") or ())
    yield from (("claims", name) for name in claims)
