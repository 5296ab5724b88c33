"""Whether everything that one object of a set names is there: ports, labels, config maps, volumes, claims, Services.

A reference into nothing is accepted by the server, and shows only when traffic goes nowhere or pods do not start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.metrics import check_metrics
from deployer.manifests.policy import OWN_LABELS, Findings, Policy, is_one_of
from deployer.manifests.prepare import config_map_references
from deployer.messages import Message
from deployer.messages import message as _

_BASE = ".spec.template.spec"
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_NOTHING = _("none")


def check_references(manifest: Manifest, manifests: Sequence[Manifest], policy: Policy, findings: Findings) -> None:
    """The references of one object into the whole set. Never raises on data: shapes are judged elsewhere."""
    match manifest.get("kind"):
        case "Deployment":
            _check_workload(manifest, manifests, policy, findings)
        case "Service":
            _check_service(manifest, _pods(manifests), findings)
        case "PodDisruptionBudget":
            selector = _mapping(_mapping(manifest.get("spec")).get("selector")).get("matchLabels")
            _check_labels(selector, ".spec.selector.matchLabels", _pods(manifests), findings)
        case "HorizontalPodAutoscaler":
            _check_target(manifest, _named(manifests, "Deployment"), findings)
            check_metrics(manifest, [_mapping(pod.get("spec")) for pod in _pods(manifests)], findings)
        case "Ingress":
            _check_ingress(manifest, manifests, findings)


def listed(names: Iterable[Any]) -> list[Any]:
    """The names that there are, for a message."""
    return sorted({str(name) for name in names}) or [_NOTHING]


def _named(manifests: Sequence[Manifest], kind: str) -> dict[str, Manifest]:
    return {str(m["metadata"]["name"]): m for m in manifests if m.get("kind") == kind}


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _pods(manifests: Sequence[Manifest]) -> list[dict[str, Any]]:
    """Pod templates of the set."""
    workloads = _named(manifests, "Deployment").values()
    return [_mapping(_mapping(workload.get("spec")).get("template")) for workload in workloads]


def _containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that run as long as the pod: init containers that are restarted always are side containers."""
    sidecars = [one for one in _mappings(pod.get("initContainers")) if one.get("restartPolicy") == "Always"]
    return [*_mappings(pod.get("containers")), *sidecars]


# ---------------------------------------------------------------- Service, PodDisruptionBudget, autoscaler, Ingress
def _check_service(manifest: Manifest, pods: list[dict[str, Any]], findings: Findings) -> None:
    spec = _mapping(manifest.get("spec"))
    _check_labels(spec.get("selector"), ".spec.selector", pods, findings)
    ports = [
        port
        for pod in pods
        for container in _containers(_mapping(pod.get("spec")))
        for port in _mappings(container.get("ports"))
    ]
    for index, port in enumerate(_mappings(spec.get("ports"))):
        target = port.get("targetPort", port.get("port"))
        if said := _missing_port(target, port.get("protocol", "TCP"), ports):
            findings.add(f".spec.ports[{index}].targetPort", said)


def _missing_port(target: Any, protocol: Any, ports: list[dict[str, Any]]) -> Message | None:
    """Why no container listens there; None where one does, or where a number cannot be judged."""
    if isinstance(target, str):
        if any(port.get("name") == target and port.get("protocol", "TCP") == protocol for port in ports):
            return None
    elif not ports or any(port.get("containerPort") == target for port in ports):
        return None
    return _(
        "The Service leads to port %(port)s (%(protocol)s), which no container has: traffic would go nowhere."
        " The ports of the containers are: %(ports)s.",
        port=target,
        protocol=protocol,
        ports=_shown_ports(ports),
    )


def _shown_ports(ports: list[dict[str, Any]]) -> list[Any]:
    return listed(
        f"{port['name']} ({port.get('containerPort')})" if port.get("name") else port.get("containerPort")
        for port in ports
    )


def _check_labels(selector: Any, path: str, pods: list[dict[str, Any]], findings: Findings) -> None:
    for name, text in _mapping(selector).items():
        if name in OWN_LABELS:
            continue  # the platform replaces them by the pods' own
        for pod in pods:
            labels = _mapping(_mapping(pod.get("metadata")).get("labels"))
            if labels.get(name) != text:
                findings.add(
                    f"{path}.{name}",
                    _(
                        "No pod has the label %(name)s=%(value)s, so nothing would be selected."
                        " The pods' labels are: %(labels)s.",
                        name=name,
                        value=text,
                        labels=listed(f"{key}={value}" for key, value in labels.items()),
                    ),
                )


def _check_target(manifest: Manifest, workloads: dict[str, Manifest], findings: Findings) -> None:
    target = _mapping(_mapping(manifest.get("spec")).get("scaleTargetRef"))
    is_right = target.get("kind") == "Deployment" and is_one_of(target.get("name"), set(workloads))
    if not is_right or target.get("apiVersion") != "apps/v1":
        findings.add(
            ".spec.scaleTargetRef",
            _(
                "An autoscaler may scale only the Deployment of these templates (apps/v1): %(names)s.",
                names=listed(workloads),
            ),
        )


def _check_ingress(manifest: Manifest, manifests: Sequence[Manifest], findings: Findings) -> None:
    services = _named(manifests, "Service")
    for index, rule in enumerate(_mappings(_mapping(manifest.get("spec")).get("rules"))):
        for number, entry in enumerate(_mappings(_mapping(rule.get("http")).get("paths"))):
            backend = _mapping(_mapping(entry.get("backend")).get("service"))
            path = f".spec.rules[{index}].http.paths[{number}].backend.service"
            if not is_one_of(backend.get("name"), set(services)):
                findings.add(
                    f"{path}.name",
                    _(
                        "The Ingress leads to the Service %(name)s, which these templates do not make;"
                        " they make: %(names)s.",
                        name=backend.get("name"),
                        names=listed(services),
                    ),
                )
                continue
            ports = _mappings(_mapping(services[str(backend["name"])].get("spec")).get("ports"))
            _check_backend_port(_mapping(backend.get("port")), f"{path}.port", ports, findings)


def _check_backend_port(given: dict[str, Any], path: str, ports: list[dict[str, Any]], findings: Findings) -> None:
    wanted = given.get("name", given.get("number"))
    field = "name" if "name" in given else "port"
    if wanted is None or not any(port.get(field) == wanted for port in ports):
        findings.add(
            path,
            _(
                "The Service has no port %(port)s; its ports are: %(ports)s.",
                port=wanted,
                ports=listed(
                    f"{port['name']} ({port.get('port')})" if port.get("name") else port.get("port") for port in ports
                ),
            ),
        )


# ---------------------------------------------------------------- the pod
def _check_workload(manifest: Manifest, manifests: Sequence[Manifest], policy: Policy, findings: Findings) -> None:
    pod = _mapping(_mapping(_mapping(manifest.get("spec")).get("template")).get("spec"))
    maps = _named(manifests, "ConfigMap")
    _check_config_maps(pod, maps, findings)
    _check_claims(pod, policy.claims | set(_named(manifests, "PersistentVolumeClaim")), findings)
    volumes = [volume.get("name") for volume in _mappings(pod.get("volumes"))]
    _check_unique(volumes, f"{_BASE}.volumes", findings)
    for index, constraint in _numbered(pod, "topologySpreadConstraints"):
        selector = _mapping(constraint.get("labelSelector")).get("matchLabels")
        path = f"{_BASE}.topologySpreadConstraints[{index}].labelSelector.matchLabels"
        _check_labels(selector, path, _pods(manifests), findings)
    _check_measured(pod, findings)
    everyone = [(part, one) for part in ("initContainers", "containers") for one in _numbered(pod, part)]
    _check_unique([one.get("name") for _part, (_index, one) in everyone], f"{_BASE}.containers", findings)
    for part, (index, container) in everyone:
        path = f"{_BASE}.{part}[{index}]"
        _check_mounts(container, volumes, path, findings)
        _check_parts(container, files_of(pod, maps), path, findings)
        _check_probe_ports(container, path, findings)
        _check_unique([one.get("name") for one in _mappings(container.get("env"))], f"{path}.env", findings)


def _numbered(pod: dict[str, Any], part: str) -> Iterator[tuple[int, dict[str, Any]]]:
    value = pod.get(part)
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield index, item


def _check_unique(names: Sequence[Any], path: str, findings: Findings) -> None:
    for name in dict.fromkeys(name for name in names if isinstance(name, str) and names.count(name) > 1):
        findings.add(path, _("The name %(name)s is there twice.", name=name))


def _check_config_maps(pod: dict[str, Any], maps: dict[str, Manifest], findings: Findings) -> None:
    """Every ConfigMap that a pod reads must be part of the set, so that it is frozen with the snapshot."""
    try:
        references = list(config_map_references(pod))
    except (KeyError, TypeError, AttributeError):
        return  # the shape is wrong, which is said at its own path
    for reference, key in references:
        name = reference[key]
        if name not in maps:
            findings.add(
                _BASE,
                _(
                    "The pod reads the ConfigMap %(name)s, which these templates do not make; they make: %(names)s.",
                    name=name,
                    names=listed(maps),
                ),
            )
        elif reference.get("optional") is not True:
            _check_keys(reference, name, maps[name], findings)


def _check_keys(reference: dict[str, Any], name: str, config: Manifest, findings: Findings) -> None:
    keys = {**_mapping(config.get("data")), **_mapping(config.get("binaryData"))}
    wanted = [reference["key"]] if "key" in reference else []
    wanted += [item.get("key") for item in _mappings(reference.get("items"))]
    for key in wanted:
        if not is_one_of(key, set(keys)):
            findings.add(
                _BASE,
                _(
                    "The ConfigMap %(name)s has no key %(key)s; its keys are: %(keys)s.",
                    name=name,
                    key=key,
                    keys=listed(keys),
                ),
            )


def _check_claims(pod: dict[str, Any], claims: frozenset[str] | set[str], findings: Findings) -> None:
    for index, volume in _numbered(pod, "volumes"):
        if "persistentVolumeClaim" not in volume:
            continue
        claim = _mapping(volume["persistentVolumeClaim"]).get("claimName")
        if not is_one_of(claim, claims):
            findings.add(
                f"{_BASE}.volumes[{index}].persistentVolumeClaim",
                _(
                    "The volume claim %(claim)s is not granted to this space; it has: %(names)s. "
                    "A platform administrator can grant more.",
                    claim=claim,
                    names=listed(claims),
                ),
            )


def _check_mounts(container: dict[str, Any], volumes: list[Any], path: str, findings: Findings) -> None:
    for index, mount in enumerate(_mappings(container.get("volumeMounts"))):
        if mount.get("name") not in volumes:
            findings.add(
                f"{path}.volumeMounts[{index}].name",
                _(
                    "The container mounts the volume %(name)s, which the pod does not have; it has: %(names)s.",
                    name=mount.get("name"),
                    names=listed(name for name in volumes if isinstance(name, str)),
                ),
            )


def files_of(pod: dict[str, Any], maps: dict[str, Manifest]) -> dict[str, set[str]]:
    """Files in the volumes that hold nothing but ConfigMaps of the set, by volume."""
    found: dict[str, set[str]] = {}
    for volume in _mappings(pod.get("volumes")):
        sources = _mappings(_mapping(volume.get("projected")).get("sources")) or [volume]
        named = [_mapping(source.get("configMap")) for source in sources]
        if all(is_one_of(one.get("name"), set(maps)) and one.get("optional") is not True for one in named):
            found[str(volume.get("name"))] = {file for one in named for file in _files(one, maps[one["name"]])}
    return found


def _files(reference: dict[str, Any], config: Manifest) -> Iterator[str]:
    if "items" in reference:
        yield from (str(item.get("path")) for item in _mappings(reference["items"]))
    else:
        yield from {**_mapping(config.get("data")), **_mapping(config.get("binaryData"))}


def _check_parts(container: dict[str, Any], files: dict[str, set[str]], path: str, findings: Findings) -> None:
    """A part of a volume that is not there is mounted as an empty directory, in place of the file that was meant."""
    for index, mount in enumerate(_mappings(container.get("volumeMounts"))):
        part, there = mount.get("subPath"), files.get(str(mount.get("name")))
        if there is None or not isinstance(part, str) or not part:
            continue
        if not any(file == part or file.startswith(f"{part}/") for file in there):
            findings.add(
                f"{path}.volumeMounts[{index}].subPath",
                _(
                    "The volume %(volume)s has no file %(file)s; its files are: %(files)s.",
                    volume=mount.get("name"),
                    file=part,
                    files=listed(there),
                ),
            )


def _check_measured(pod: dict[str, Any], findings: Findings) -> None:
    """Containers whose amounts are asked for by name."""
    names = [one.get("name") for part in ("containers", "initContainers") for _index, one in _numbered(pod, part)]
    for asked in _resource_references(pod):
        if "containerName" in asked and asked["containerName"] not in names:
            findings.add(
                _BASE,
                _(
                    "resourceFieldRef asks for the container %(name)s, which the pod does not have; it has: %(names)s.",
                    name=asked["containerName"],
                    names=listed(names),
                ),
            )


def _resource_references(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield from [found] if (found := _mapping(value.get("resourceFieldRef"))) else []
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _resource_references(item)


def _check_probe_ports(container: dict[str, Any], path: str, findings: Findings) -> None:
    ports = _mappings(container.get("ports"))
    hooks = _mapping(container.get("lifecycle"))
    asked = [(f"{path}.{name}", _mapping(container.get(name))) for name in _PROBES]
    asked += [(f"{path}.lifecycle.{name}", _mapping(hook)) for name, hook in hooks.items()]
    for place, probe in asked:
        for action in ("httpGet", "tcpSocket", "grpc"):
            port = _mapping(probe.get(action)).get("port")
            if isinstance(port, str) and port not in [one.get("name") for one in ports]:
                findings.add(
                    f"{place}.{action}.port",
                    _(
                        "The check asks at port %(port)s, which the container %(container)s does not have."
                        " Its ports are: %(ports)s.",
                        port=port,
                        container=container.get("name"),
                        ports=_shown_ports(ports),
                    ),
                )
