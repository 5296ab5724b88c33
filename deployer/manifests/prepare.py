"""What we add to checked manifests: namespace, labels, selectors, and names of ConfigMaps by their content."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.identity import Identity, labels_for, order, selector_for


def prepare(manifests: Sequence[Manifest], identity: Identity) -> tuple[Manifest, ...]:
    """Ready to be frozen into a snapshot, in the order of applying; the input is not touched.

    ConfigMaps are renamed to ``name-<8 hex of their content>`` and references to the logical name follow, so that pods
    start afresh when, and only when, their configuration changes, and an old ReplicaSet keeps its own.
    """
    prepared = copy.deepcopy(order(manifests))
    renamed: dict[str, str] = {}
    for manifest in prepared:
        if manifest["kind"] == "ConfigMap":
            logical = manifest["metadata"]["name"]
            renamed[logical] = manifest["metadata"]["name"] = f"{logical}-{_content_hash(manifest)}"
    for manifest in prepared:
        _identify(manifest, identity)
        if manifest["kind"] == "Deployment":
            _prepare_workload(manifest, identity, renamed)
        elif manifest["kind"] == "Service":
            spec = manifest["spec"]
            spec["selector"] = (spec.get("selector") or {}) | selector_for(identity)
    return prepared


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
    selected = (spec.get("selector") or {}).get("matchLabels") or {}
    spec["selector"] = {"matchLabels": selected | selector_for(identity)}
    metadata = spec["template"].get("metadata") or {}
    spec["template"]["metadata"] = metadata | {"labels": (metadata.get("labels") or {}) | labels_for(identity)}
    pod = spec["template"]["spec"]
    pod["automountServiceAccountToken"] = False
    for reference, key in config_map_references(pod):
        reference[key] = renamed.get(reference[key], reference[key])


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
