"""The rights that the product uses, as one list: asked of the cluster, and written as objects for its administrator.

A test compares the list with every request that the adapter sends: a right that is not used is not asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

ACCOUNT = "prism4k"
"""Name of the service account and its roles, and of the namespace where the account lives."""


@dataclass(frozen=True)
class Right:
    """Verbs on one resource (``pods/log`` with its subresource), what for, and where a role must give them.

    ``is_needed`` False: without it the product does the same in another way, or somebody else does it.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    purpose: str
    is_needed: bool = True
    is_of_cluster: bool = False
    names: tuple[str, ...] = ()
    """Only for objects of these names; empty for all."""


_APPLIED = ("get", "create", "patch", "delete")
_CAPACITY = "say before a deployment whether the nodes have capacity for it; without it that is not known"
_FIND = "find what left the templates; without it nothing of that is removed, and the review says so"

RIGHTS: tuple[Right, ...] = (
    Right("apps", "deployments", ("list", *_APPLIED), "apply, follow and remove workloads"),
    Right("apps", "replicasets", ("list",), "follow rollouts"),
    Right("", "pods", ("list",), "follow rollouts"),
    Right("", "pods", ("create",), "dry run only: quota, limits and pod security answer to it"),
    Right("", "pods/log", ("get",), "show what a container printed"),
    Right("", "events", ("list",), "say why a pod does not start"),
    Right("", "services", _APPLIED, "apply and remove"),
    Right("", "configmaps", _APPLIED, "apply and remove"),
    Right("networking.k8s.io", "ingresses", _APPLIED, "apply and remove"),
    Right("autoscaling", "horizontalpodautoscalers", _APPLIED, "apply and remove"),
    Right("policy", "poddisruptionbudgets", _APPLIED, "apply and remove"),
    Right(
        "", "persistentvolumeclaims", ("get", "create", "patch"), "apply the claims of a space, and never remove one"
    ),
    Right(
        "autoscaling",
        "horizontalpodautoscalers",
        ("list",),
        "show what one decided, find one of somebody else",
    ),
    Right("", "resourcequotas", ("list", *_APPLIED), "keep the ceilings of the space"),
    Right("", "limitranges", ("list",), "sum quotas with the defaults of containers", is_needed=False),
    Right("", "services", ("list",), _FIND, is_needed=False),
    Right("", "configmaps", ("list",), _FIND, is_needed=False),
    Right("networking.k8s.io", "ingresses", ("list",), _FIND, is_needed=False),
    Right("policy", "poddisruptionbudgets", ("list",), _FIND, is_needed=False),
    Right("", "persistentvolumeclaims", ("list",), "name the claims that stay", is_needed=False),
    Right("apps", "deployments", ("watch",), "see changes at once; without it they are polled", is_needed=False),
    Right("apps", "replicasets", ("watch",), "see changes at once; without it they are polled", is_needed=False),
    Right("", "pods", ("watch",), "see changes at once; without it they are polled", is_needed=False),
    Right("", "namespaces", ("get", "patch"), "label the namespace of the space", is_needed=False),
    Right("", "nodes", ("list",), _CAPACITY, is_needed=False, is_of_cluster=True),
    Right("", "pods", ("list",), _CAPACITY, is_needed=False, is_of_cluster=True),
    Right("", "namespaces", ("create",), "make namespaces of new spaces", is_needed=False, is_of_cluster=True),
)


def pull_secret_rights(names: Sequence[str]) -> tuple[Right, ...]:
    """Of the Secrets that the sync of a space makes; none where no registry was granted.

    A name bounds ``create`` too: server-side apply of an object that is not there is asked with its name.
    """
    purpose = "keep the credentials of the granted registries, and read no other Secret"
    return (Right("", "secrets", _APPLIED, purpose, names=tuple(names)),) if names else ()


ASK_SERVICES = Right("", "services/proxy", ("get",), "ask the entry of an application through its Service")
"""Only in namespaces where an entry check asks a Service: it opens every Service there to reading."""


def rights_in(pull_secrets: Sequence[str] = (), *, asks_services: bool = False) -> tuple[Right, ...]:
    """The rights that are used in a namespace, those of the whole cluster included."""
    return (*RIGHTS, *pull_secret_rights(pull_secrets), *((ASK_SERVICES,) if asks_services else ()))


def account_manifest(
    namespaces: Sequence[str],
    *,
    with_cluster_role: bool,
    account: tuple[str, str] | None = None,
    pull_secrets: Mapping[str, Sequence[str]] | None = None,
    asking: Collection[str] = frozenset(),
) -> str:
    """YAML of a service account with exactly these rights: each namespace, with a Role and a RoleBinding in it.

    ``with_cluster_role`` adds the ClusterRole: it lets the product make namespaces and know the capacity on the nodes.
    ``account``: namespace and name of one that exists already and gets the rights; without it one is made.
    ``pull_secrets``: by namespace, the names of those that the syncs there keep.
    ``asking``: the namespaces where an entry check asks a Service.
    """
    parts = [] if account else [_HEAD]
    whose = account or (ACCOUNT, ACCOUNT)
    for namespace in namespaces:
        used = rights_in((pull_secrets or {}).get(namespace, ()), asks_services=namespace in asking)
        inside = [right for right in used if not right.is_of_cluster]
        parts += [_namespace(namespace), _role("Role", namespace, inside), _binding("Role", namespace, whose)]
    if with_cluster_role:
        of_cluster = [one for one in RIGHTS if one.is_of_cluster]
        parts += [_role("ClusterRole", "", of_cluster), _binding("ClusterRole", "", whose)]
    return "---\n".join(parts)


def _namespace(name: str) -> str:
    return f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n"


_HEAD = f"""\
{_namespace(ACCOUNT)}---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {ACCOUNT}
  namespace: {ACCOUNT}
"""


def _metadata(namespace: str) -> str:
    return f"metadata:\n  name: {ACCOUNT}\n" + (f"  namespace: {namespace}\n" if namespace else "")


def _role(kind: str, namespace: str, rights: Iterable[Right]) -> str:
    lines = [f"apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\n{_metadata(namespace)}rules:\n"]
    for right in rights:
        lines.append(
            f"  # {right.purpose}\n"
            f'  - apiGroups: ["{right.group}"]\n'
            f'    resources: ["{right.resource}"]\n'
            f"    verbs: [{', '.join(right.verbs)}]\n"
        )
        if right.names:
            lines.append(f"    resourceNames: [{', '.join(right.names)}]\n")
    return "".join(lines)


def _binding(role: str, namespace: str, account: tuple[str, str]) -> str:
    account_namespace, account_name = account
    return (
        f"apiVersion: rbac.authorization.k8s.io/v1\nkind: {role}Binding\n{_metadata(namespace)}"
        f"roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {role}\n  name: {ACCOUNT}\n"
        f"subjects:\n  - kind: ServiceAccount\n    name: {account_name}\n    namespace: {account_namespace}\n"
    )
