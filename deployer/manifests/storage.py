"""Rules for volumes and volume claims."""

from __future__ import annotations

import re
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.policy import CLAIM_SPEC, PROJECTED, VOLUMES, Findings, Policy, is_count, is_one_of
from deployer.manifests.secrets import check_secret
from deployer.messages import message as _
from deployer.messages import message_of
from deployer.quantities import QuantityError, parse_memory

_ACCESS = frozenset({"ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"})
_LARGEST_MODE = 0o777
_DIGITS = re.compile(r"[0-7]{3,4}", re.ASCII)


def check_claim(value: Any, name: str, policy: Policy, findings: Findings) -> None:
    """A volume claim of a name that the space grants: a new volume, nobody's old one."""
    if name not in policy.claims:
        findings.add(
            ".metadata.name",
            _(
                "The volume claim %(claim)s is not granted to this space; it has: %(names)s. "
                "A platform administrator can grant more.",
                claim=name,
                names=sorted(policy.claims) or [_("none")],
            ),
        )
    spec = findings.mapping(value, ".spec")
    findings.only(spec, CLAIM_SPEC, ".spec")
    modes = spec.get("accessModes")
    if not isinstance(modes, list) or not modes or not all(is_one_of(mode, _ACCESS) for mode in modes):
        findings.add(".spec.accessModes", _("Write a list of access modes, for example ReadWriteOnce."))
    resources = findings.mapping(spec.get("resources"), ".spec.resources")
    findings.only(resources, frozenset({"requests"}), ".spec.resources")
    requests = findings.mapping(resources.get("requests"), ".spec.resources.requests")
    findings.only(requests, frozenset({"storage"}), ".spec.resources.requests")
    try:
        is_empty = parse_memory(requests.get("storage", 0)) == 0
    except QuantityError as exc:
        findings.add(".spec.resources.requests.storage", message_of(exc))
    else:
        if is_empty:
            findings.add(".spec.resources.requests.storage", _("A claim says how much storage it needs."))


def check_volume(volume: Manifest, path: str, policy: Policy, findings: Findings) -> None:
    """One kind of source, and only what belongs to the component."""
    findings.only(volume, VOLUMES | {"name"}, path)
    sources = [name for name in volume if name in VOLUMES]
    if len(sources) != 1 and len(volume) - ("name" in volume) <= len(sources):
        findings.add(
            path,
            _(
                "A volume has exactly one source (%(sources)s); an empty directory is written emptyDir: {}.",
                sources=sorted(VOLUMES),
            ),
        )
    if "secret" in volume:
        secret = findings.mapping(volume["secret"], f"{path}.secret")
        check_secret(secret.get("secretName"), f"{path}.secret", policy, findings)
    for source in sources:
        check_modes(volume[source], f"{path}.{source}", findings)
    projected = findings.mapping(volume.get("projected"), f"{path}.projected")
    for source_path, one in findings.items(projected.get("sources"), f"{path}.projected.sources"):
        findings.only(one, PROJECTED, source_path)
        if "secret" in one:
            secret = findings.mapping(one["secret"], f"{source_path}.secret")
            check_secret(secret.get("name"), f"{source_path}.secret", policy, findings)
        for kind in PROJECTED & one.keys():
            check_modes(one[kind], f"{source_path}.{kind}", findings)


def check_modes(value: Any, path: str, findings: Findings) -> None:
    """File modes are decimal numbers here: people write them in octal."""
    if not isinstance(value, dict):
        return
    if "defaultMode" in value:
        _check_mode(value["defaultMode"], f"{path}.defaultMode", findings)
    items = value.get("items")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        if isinstance(item, dict) and "mode" in item:
            _check_mode(item["mode"], f"{path}.items[{index}].mode", findings)


def _check_mode(mode: Any, path: str, findings: Findings) -> None:
    if is_count(mode, 0, _LARGEST_MODE):
        return
    digits = str(mode)
    if not isinstance(mode, bool) and _DIGITS.fullmatch(digits) and int(digits, 8) <= _LARGEST_MODE:
        findings.add(
            path,
            _(
                "%(digits)s is a file mode in octal; here it is a decimal number: write %(number)s.",
                digits=digits,
                number=int(digits, 8),
            ),
        )
    else:
        findings.add(path, _("A file mode is a whole number from 0 to 511 (0777 in octal); 420 is 0644."))
