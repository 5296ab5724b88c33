"""Which Secrets a component may read: those that its configuration names."""

from __future__ import annotations

from typing import Any

from deployer.manifests.policy import Findings, Policy, is_one_of
from deployer.messages import message as _


def check_secret(name: Any, path: str, policy: Policy, findings: Findings) -> None:
    """A problem for a Secret that is not the component's."""
    if not is_one_of(name, policy.secrets):
        findings.add(
            path,
            _(
                "This component may not use the Secret %(name)s; it may use: %(names)s.",
                name=name,
                names=sorted(policy.secrets) or [_("none")],
            ),
        )


def check_pull_secret(name: Any, path: str, policy: Policy, findings: Findings) -> None:
    """A problem for a pull secret that the space was not granted; the component's own Secrets will do as well."""
    if not is_one_of(name, policy.pull_secrets | policy.secrets):
        findings.add(
            path,
            _(
                "The pull secret %(name)s is not granted to this space; it has: %(names)s. "
                "A platform administrator can grant more.",
                name=name,
                names=sorted(policy.pull_secrets) or [_("none")],
            ),
        )
