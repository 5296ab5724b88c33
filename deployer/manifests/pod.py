"""Rules for the pod of the workload: where it runs, what it reads, what each of its containers is and does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests.container import check_container
from deployer.manifests.policy import LABEL_NAME, POD_SECURITY, POD_SPEC, Findings, Policy, is_one_of
from deployer.manifests.references import listed
from deployer.manifests.secrets import check_pull_secret
from deployer.manifests.security import check_security
from deployer.manifests.storage import check_volume
from deployer.messages import message as _

_BASE = ".spec.template.spec"
_NODE_ROLE = "node-role.kubernetes.io/"


def check_annotations(value: Any, path: str, policy: Policy, findings: Findings) -> None:
    """Annotations steer controllers, start side-car injectors and choose security profiles: only plain ones (without a
    domain) and those of allowed domains."""
    for name, text in findings.mapping(value, path).items():
        if not isinstance(text, str):
            findings.add(f"{path}.{name}", _("An annotation is text: put it in quotes."))
        elif "/" in name and not name.startswith(policy.annotation_prefixes):
            findings.add(f"{path}.{name}", _("The annotation %(name)s is not allowed.", name=name))
        elif not LABEL_NAME.fullmatch(name):
            findings.add(
                f"{path}.{name}", _("The name of an annotation is not allowed: write for example note or team/note.")
            )


def check_pod(value: Any, policy: Policy, findings: Findings) -> None:
    """The pod spec of the workload."""
    pod = findings.mapping(value, _BASE)
    findings.only(pod, POD_SPEC, _BASE)
    if pod.get("restartPolicy", "Always") != "Always":
        findings.add(
            f"{_BASE}.restartPolicy", _("The pods of a Deployment are always restarted: leave restartPolicy out.")
        )
    findings.whole(pod, "terminationGracePeriodSeconds", _BASE)
    _check_account(pod, policy, findings)
    if pod.get("dnsPolicy") not in (None, "ClusterFirst", "Default"):
        findings.add(f"{_BASE}.dnsPolicy", _("A pod asks the cluster's name servers: leave dnsPolicy out."))
    check_security(pod.get("securityContext"), POD_SECURITY, f"{_BASE}.securityContext", findings)
    _check_nodes(pod, findings)
    for path, reference in findings.items(pod.get("imagePullSecrets"), f"{_BASE}.imagePullSecrets"):
        check_pull_secret(reference.get("name"), path, policy, findings)
    for path, volume in findings.items(pod.get("volumes"), f"{_BASE}.volumes"):
        check_volume(volume, path, policy, findings)
    own = 0
    for path, container in _containers(pod, findings):
        is_own = path.startswith(f"{_BASE}.containers") and container.get("name") == policy.component
        own += is_own
        check_container(container, path, policy, findings, is_own=is_own)
    if own != 1:
        findings.add(
            f"{_BASE}.containers",
            _(
                "There must be exactly one container named %(component)s: the component's own.",
                component=policy.component,
            ),
        )


def _containers(pod: Manifest, findings: Findings) -> Iterator[tuple[str, Manifest]]:
    yield from findings.items(pod.get("initContainers"), f"{_BASE}.initContainers")
    yield from findings.items(pod.get("containers"), f"{_BASE}.containers")


def _check_account(pod: Manifest, policy: Policy, findings: Findings) -> None:
    account = pod.get("serviceAccountName")
    if account is not None and not is_one_of(account, policy.service_accounts):
        findings.add(
            f"{_BASE}.serviceAccountName",
            _(
                "The service account %(account)s is not granted to this space; it has: %(names)s. "
                "A platform administrator can grant more.",
                account=account,
                names=listed(policy.service_accounts),
            ),
        )
    if pod.get("automountServiceAccountToken") not in (None, False):
        findings.add(f"{_BASE}.automountServiceAccountToken", _("A pod may not have a token for the cluster's API."))


def _check_nodes(pod: Manifest, findings: Findings) -> None:
    """No pod goes where the cluster itself runs."""
    for path, toleration in findings.items(pod.get("tolerations"), f"{_BASE}.tolerations"):
        key = toleration.get("key")
        if not isinstance(key, str) or not key:
            findings.add(path, _("A toleration without a key tolerates every node: name the key of the taint."))
        elif key.startswith(_NODE_ROLE):
            findings.add(path, _("The nodes of %(role)s are for the cluster itself.", role=key))
        if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
            findings.add(f"{path}.tolerationSeconds", _("Only a toleration of NoExecute ends: leave it out."))
    for name in findings.mapping(pod.get("nodeSelector"), f"{_BASE}.nodeSelector"):
        if name.startswith(_NODE_ROLE):
            findings.add(f"{_BASE}.nodeSelector", _("The nodes of %(role)s are for the cluster itself.", role=name))
    affinity = findings.mapping(pod.get("affinity"), f"{_BASE}.affinity")
    for name in _wanted_node_roles(affinity.get("nodeAffinity")):
        findings.add(
            f"{_BASE}.affinity.nodeAffinity", _("The nodes of %(role)s are for the cluster itself.", role=name)
        )


def _wanted_node_roles(value: Any) -> Iterator[str]:
    """Roles of nodes that an affinity looks for; to stay away from them is everybody's right."""
    if isinstance(value, list):
        for item in value:
            yield from _wanted_node_roles(item)
    elif isinstance(value, dict):
        key = value.get("key")
        if isinstance(key, str) and key.startswith(_NODE_ROLE) and value.get("operator") != "DoesNotExist":
            yield key
        for item in value.values():
            yield from _wanted_node_roles(item)
