"""What means nothing in a manifest is left out, and amounts become text, before anything is checked or prepared.

``kubectl create --dry-run`` prints ``status: {}`` and ``creationTimestamp: null``; a server takes ``cpu: 0.5`` as
it takes ``"0.5"``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

from deployer.interfaces import Manifest

_TEXTS_OF_PEOPLE = ("data", "binaryData")


def tidy(manifests: Sequence[Manifest]) -> list[Manifest]:
    """Copies without nulls and empty status, with quantities as text; anything that is no mapping stays as it is."""
    return [_tidied(manifest) if isinstance(manifest, dict) else manifest for manifest in manifests]


def _tidied(manifest: Manifest) -> Manifest:
    # A null in a ConfigMap's data is somebody's value: the check refuses it.
    is_config = manifest.get("kind") == "ConfigMap"
    kept = {
        name: value if is_config and name in _TEXTS_OF_PEOPLE else _without_nulls(value)
        for name, value in manifest.items()
        if value is not None and not (name == "status" and _is_empty(value))
    }
    _drop_empty_rolling_update(kept)
    for amounts in _quantities(kept):
        for name, value in amounts.items():
            amounts[name] = quantity_text(value)
    return kept


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value


def _is_empty(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_empty(item) for item in value.values())
    # ``kubectl autoscale --dry-run`` counts replicas that are not there yet.
    return value is None or value == [] or (value == 0 and not isinstance(value, bool))


def _drop_empty_rolling_update(manifest: Manifest) -> None:
    """``rollingUpdate: null`` and ``{}`` beside Recreate say that there is none."""
    strategy = _at(manifest, "spec", "strategy")
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate") == {}:
        del strategy["rollingUpdate"]


def _quantities(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """Every mapping of a resource's name to an amount."""
    pod = _at(manifest, "spec", "template", "spec")
    for part in ("initContainers", "containers"):
        containers = pod.get(part)
        for container in containers if isinstance(containers, list) else ():
            yield _at(container, "resources", "requests")
            yield _at(container, "resources", "limits")
    if manifest.get("kind") == "PersistentVolumeClaim":
        yield _at(manifest, "spec", "resources", "requests")


def _at(value: Any, *names: str) -> dict[str, Any]:
    """The mapping at a path; an empty one where there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def quantity_text(value: Any) -> Any:
    """A number as the text of a quantity; anything else unchanged."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return f"{Decimal(repr(value)):f}"
