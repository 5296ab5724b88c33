"""What may be removed: only objects that the platform applied for this very component, and never what holds data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deployer.interfaces import Manifest, ObjectRef
from deployer.manifests.identity import MANAGER, Identity, selector_for
from deployer.manifests.policy import KINDS
from deployer.messages import Message
from deployer.messages import message as _

NEVER_REMOVED = frozenset({"Namespace", "PersistentVolumeClaim", "Secret"})
"""Kinds that hold what nobody can make again: listed for a person, never deleted."""
_FOREGROUND = "foregroundDeletion"


def inventory_selector(identity: Identity) -> str:
    """The label selector of everything that the platform applied for one component in one environment."""
    labels = selector_for(identity) | {"app.kubernetes.io/managed-by": MANAGER}
    return ",".join(f"{name}={labels[name]}" for name in ("app.kubernetes.io/instance", "app.kubernetes.io/managed-by"))


def why_not_ours(live: Manifest, identity: Identity) -> Message | None:
    """Why a live object (with its ``managedFields``) is not the platform's to remove; None when it is.

    Labels can be copied together with the rest of an object. Who applied it is told by its field manager.
    """
    metadata: Mapping[str, Any] = live.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    if live.get("kind") not in KINDS or live.get("kind") in NEVER_REMOVED:
        return _("The platform never removes a %(kind)s: a person does, when nobody needs it.", kind=live.get("kind"))
    wanted = selector_for(identity) | {"app.kubernetes.io/managed-by": MANAGER}
    if any(labels.get(name) != text for name, text in wanted.items()):
        return _("Its labels no longer say that it belongs to this component.")
    if annotations.get("prism4k.io/component") != identity.component:
        return _("Its annotations no longer say that it belongs to this component.")
    if annotations.get("prism4k.io/project") != identity.project:
        return _("Its annotations no longer say that it belongs to this component.")
    if not any(_is_own_entry(entry) for entry in metadata.get("managedFields") or ()):
        return _("The platform did not apply it: somebody made it with the platform's labels.")
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            return _("It belongs to %(kind)s %(name)s.", kind=owner.get("kind"), name=owner.get("name"))
    return None


def _is_own_entry(entry: Mapping[str, Any]) -> bool:
    return entry.get("manager") == MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource")


def needs_tick(manifest: Manifest) -> bool:
    """True for what somebody may miss at once: a workload, and a Service that is reached from outside the cluster."""
    if manifest.get("kind") == "Deployment":
        return True
    spec: Mapping[str, Any] = manifest.get("spec") or {}
    if manifest.get("kind") != "Service":
        return False
    has_node_port = any(port.get("nodePort") for port in spec.get("ports") or () if isinstance(port, dict))
    is_outside = spec.get("type") in ("NodePort", "LoadBalancer") or bool(spec.get("externalIPs"))
    return is_outside or has_node_port


def removal_order(refs: Iterable[ObjectRef]) -> tuple[ObjectRef, ...]:
    """The reverse of the order of applying: what leads to a workload goes before it, its configuration after it."""
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    return tuple(sorted(refs, key=lambda ref: (-ranks.get(ref.kind, len(ranks)), ref.name)))


def lasting_references(pod: Manifest) -> frozenset[tuple[str, str]]:
    """``(kind, name)`` of the claims and Secrets that a pod spec names: they outlive every deployment."""
    return frozenset(_lasting(pod))


def _lasting(pod: Manifest) -> Iterator[tuple[str, str]]:
    for container in [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]:
        for source in container.get("envFrom") or ():
            yield from _named("Secret", source.get("secretRef"), "name")
        for variable in container.get("env") or ():
            yield from _named("Secret", (variable.get("valueFrom") or {}).get("secretKeyRef"), "name")
    for volume in pod.get("volumes") or ():
        yield from _named("Secret", volume.get("secret"), "secretName")
        yield from _named("PersistentVolumeClaim", volume.get("persistentVolumeClaim"), "claimName")
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield from _named("Secret", source.get("secret"), "name")
    for reference in pod.get("imagePullSecrets") or ():
        yield from _named("Secret", reference, "name")


def _named(kind: str, reference: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(reference, dict) and isinstance(reference.get(key), str):
        yield kind, reference[key]


def finalizers_of(live: Manifest) -> list[str]:
    """Who must let go before it is gone; without the collector's own, which only waits for pods."""
    names = (live.get("metadata") or {}).get("finalizers") or ()
    return [str(name) for name in names if name != _FOREGROUND]
