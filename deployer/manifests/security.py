"""Rules for security contexts: no root by any spelling, no rights on the node."""

from __future__ import annotations

from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.policy import Findings, is_count
from deployer.messages import message as _

_LARGEST_ID = 2**31 - 1
_IDS = ("runAsUser", "runAsGroup", "fsGroup")
_TRUTH_VALUES = ("runAsNonRoot", "readOnlyRootFilesystem")


def check_security(value: Any, allowed: frozenset[str], path: str, findings: Findings) -> None:
    """The security context of a pod or a container."""
    context = findings.mapping(value, path)
    findings.only(context, allowed, path)
    for name in ("privileged", "allowPrivilegeEscalation"):
        # 0 is equal to False, and yet no truth value to the server.
        if context.get(name) is not None and context[name] is not False:
            findings.add(f"{path}.{name}", _("A container may not gain rights on its node."))
    for name in _TRUTH_VALUES:
        if not isinstance(context.get(name, True), bool):
            findings.add(f"{path}.{name}", _("Write true or false, without quotes."))
    if context.get("runAsNonRoot") is False:
        findings.add(path, _("A container may not ask to run as root."))
    _check_ids(context, path, findings)
    capabilities = findings.mapping(context.get("capabilities"), f"{path}.capabilities")
    findings.only(capabilities, frozenset({"drop"}), f"{path}.capabilities")
    profile = findings.mapping(context.get("seccompProfile"), f"{path}.seccompProfile")
    if profile.get("type", "RuntimeDefault") != "RuntimeDefault":
        findings.add(f"{path}.seccompProfile", _("Only the profile RuntimeDefault is allowed."))


def _check_ids(context: Manifest, path: str, findings: Findings) -> None:
    for name in _IDS:
        if name in context:
            _check_id(context[name], f"{path}.{name}", findings)
    groups = context.get("supplementalGroups", [])
    if not isinstance(groups, list):
        findings.add(f"{path}.supplementalGroups", _("This must be a list."))
    for index, group in enumerate(groups if isinstance(groups, list) else ()):
        _check_id(group, f"{path}.supplementalGroups[{index}]", findings)


def _check_id(value: Any, path: str, findings: Findings) -> None:
    if is_count(value, 1, _LARGEST_ID):
        return
    if str(value).strip() in ("0", "0.0", "-0"):
        findings.add(path, _("A container may not ask to run as root, neither as user nor as group 0."))
    else:
        findings.add(path, _("Write the number of a user or group, 1 or more, without quotes."))
