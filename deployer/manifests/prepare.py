"""What we add to checked manifests: namespace, labels, selectors, names of ConfigMaps by their content.

Also the closed list of what may change between a snapshot and what is sent (deployment mark, restart stamp, replicas),
and the pod of a workload for a dry run.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.identity import DEPLOYMENT_ANNOTATION, Identity, labels_for, order, selector_for
from deployer.manifests.policy import OWN_LABELS
from deployer.manifests.tidy import tidy

CHANGE_CAUSE = "kubernetes.io/change-cause"
"""What ``kubectl rollout history`` shows; part of the snapshot, so that a roll back shows the order that is back."""


def prepare(manifests: Sequence[Manifest], identity: Identity) -> tuple[Manifest, ...]:
    """Ready to be frozen into a snapshot, in the order of applying; the input is not touched.

    ConfigMaps are renamed to ``name-<8 hex of their content>`` and references to the logical name follow, so that pods
    start afresh when, and only when, their configuration changes, and an old ReplicaSet keeps its own.
    """
    prepared = order(tidy(copy.deepcopy(list(manifests))))
    renamed: dict[str, str] = {}
    for manifest in prepared:
        if manifest["kind"] == "ConfigMap":
            logical = manifest["metadata"]["name"]
            renamed[logical] = manifest["metadata"]["name"] = f"{logical}-{_content_hash(manifest)}"
    for manifest in prepared:
        _identify(manifest, identity)
        if manifest["kind"] == "Deployment":
            manifest["metadata"]["annotations"][CHANGE_CAUSE] = (
                f"order {identity.number}, commit {identity.commit[:12]}"
            )
            _prepare_workload(manifest, identity, renamed)
        elif manifest["kind"] == "Service":
            spec = manifest["spec"]
            spec["selector"] = _selector(spec.get("selector"), identity)
        elif manifest["kind"] == "PodDisruptionBudget":
            selected = (manifest["spec"].get("selector") or {}).get("matchLabels")
            manifest["spec"]["selector"] = {"matchLabels": _selector(selected, identity)}
    return prepared


def _selector(given: Mapping[str, str] | None, identity: Identity) -> dict[str, str]:
    """Labels that find the component's pods: of the platform's own only those that the pods will really have."""
    own = labels_for(identity)
    kept = {name: text for name, text in (given or {}).items() if name not in OWN_LABELS or own[name] == text}
    return kept | selector_for(identity)


def _content_hash(config_map: Manifest) -> str:
    content = {"data": config_map.get("data") or {}, "binaryData": config_map.get("binaryData") or {}}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _identify(manifest: Manifest, identity: Identity) -> None:
    metadata = manifest["metadata"]
    metadata["namespace"] = identity.namespace
    metadata["labels"] = (metadata.get("labels") or {}) | labels_for(identity)
    metadata["annotations"] = (metadata.get("annotations") or {}) | {
        "prism4k.io/project": identity.project,
        "prism4k.io/component": identity.component,
        "prism4k.io/commit": identity.commit,
    }


def _prepare_workload(manifest: Manifest, identity: Identity, renamed: Mapping[str, str]) -> None:
    spec = manifest["spec"]
    _write_strategy(spec)
    selected = (spec.get("selector") or {}).get("matchLabels")
    spec["selector"] = {"matchLabels": _selector(selected, identity)}
    metadata = spec["template"].get("metadata") or {}
    spec["template"]["metadata"] = metadata | {"labels": (metadata.get("labels") or {}) | labels_for(identity)}
    pod = spec["template"]["spec"]
    _follow_labels(pod, metadata.get("labels") or {}, labels_for(identity))
    pod["automountServiceAccountToken"] = False
    for reference, key in config_map_references(pod):
        reference[key] = renamed.get(reference[key], reference[key])


def _follow_labels(pod: Manifest, written: Mapping[str, str], ours: Mapping[str, str]) -> None:
    """Rules about where pods of one kind go mean the labels that the pods had before the platform's own came over them.

    A rule about another component's pods names labels that these pods never had, and stays.
    """
    for constraint in pod.get("topologySpreadConstraints") or ():
        labels = (constraint.get("labelSelector") or {}).get("matchLabels") or {}
        labels |= {name: ours[name] for name in labels.keys() & ours.keys()}
    for rules in [(pod.get("affinity") or {}).get(kind) or {} for kind in ("podAffinity", "podAntiAffinity")]:
        weighted = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms = [one.get("podAffinityTerm") or {} for one in weighted]
        for term in [*terms, *(rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ())]:
            labels = (term.get("labelSelector") or {}).get("matchLabels") or {}
            if labels.items() <= written.items():
                labels |= {name: ours[name] for name in labels.keys() & ours.keys()}


def _write_strategy(spec: Manifest) -> None:
    """The server's defaults written out, so that they are ours and a later Recreate takes them away.

    Server-side apply removes only fields that the applier owns; Recreate beside a left rollingUpdate is refused.
    """
    strategy = spec.get("strategy") or {}
    if strategy.get("type", "RollingUpdate") == "RollingUpdate":
        rolling = {"maxSurge": "25%", "maxUnavailable": "25%"} | (strategy.get("rollingUpdate") or {})
        spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": rolling}


def config_map_references(pod: Manifest) -> Iterator[tuple[dict[str, Any], str]]:
    """Each place in a pod spec that names a ConfigMap: the mapping and the key in it that holds the name."""
    for container in [*(pod.get("initContainers") or ()), *(pod.get("containers") or ())]:
        for source in container.get("envFrom") or ():
            yield from _named(source.get("configMapRef"))
        for variable in container.get("env") or ():
            yield from _named((variable.get("valueFrom") or {}).get("configMapKeyRef"))
    for volume in pod.get("volumes") or ():
        yield from _named(volume.get("configMap"))
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield from _named(source.get("configMap"))


def _named(reference: Any) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(reference, dict) and isinstance(reference.get("name"), str):
        yield reference, "name"


RESTART_ANNOTATION = "prism4k.io/restarted-at"


def overlay(
    manifests: Sequence[Manifest], *, deployment_mark: str, restarted_at: str | None = None, replicas: int | None = None
) -> tuple[Manifest, ...]:
    """Copies of the snapshot's manifests for one deployment; the snapshot itself is not touched.

    ``restarted_at``: any new text makes the pods start afresh. It sits inside the applied template under our own field
    manager, so that a later deployment without it takes it away again (kubectl's own would survive a rollback).
    ``replicas``: of the workload, until the next snapshot.
    """
    if replicas is not None and replicas < 0:
        raise ValueError("A number of replicas cannot be negative.")
    changed = copy.deepcopy(tuple(manifests))
    for manifest in changed:
        metadata = manifest["metadata"]
        metadata["annotations"] = (metadata.get("annotations") or {}) | {DEPLOYMENT_ANNOTATION: deployment_mark}
        if manifest["kind"] != "Deployment":
            continue
        if replicas is not None:
            manifest["spec"]["replicas"] = replicas
        if restarted_at is not None:
            template = manifest["spec"]["template"]
            metadata = template["metadata"] = template.get("metadata") or {}
            metadata["annotations"] = (metadata.get("annotations") or {}) | {RESTART_ANNOTATION: restarted_at}
    return changed


def preflight_pod(workload: Manifest) -> Manifest:
    """A Pod from a Deployment's template, to be created with ``dryRun=All`` and never for real."""
    template = copy.deepcopy(workload["spec"]["template"])
    metadata = template.get("metadata") or {}
    name = workload["metadata"]["name"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{name[:40]}-preflight-",
            "labels": metadata.get("labels") or {},
            "annotations": metadata.get("annotations") or {},
        },
        "spec": template["spec"],
    }
