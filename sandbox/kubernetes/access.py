"""What the account behind the token may do: the rules of RBAC objects, as the real authorizer reads them.

Without a role the account may do everything, as the administrator of a new cluster may.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sandbox.kubernetes.errors import ApiError

Obj = dict[str, Any]
ANY = "*"


@dataclass(frozen=True)
class Attributes:
    """What is asked for. ``resource`` is the plural; ``namespace`` empty for what belongs to none."""

    verb: str
    group: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def full_resource(self) -> str:
        """``pods/log``."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True)
class Rule:
    """One rule and where it holds: in a namespace, or everywhere when that is empty."""

    verbs: frozenset[str]
    groups: frozenset[str]
    resources: frozenset[str]
    names: frozenset[str] = frozenset()
    namespace: str = ""

    def allows(self, asked: Attributes) -> bool:
        """True when this rule alone is enough."""
        return (
            (not self.namespace or self.namespace == asked.namespace)
            and bool({ANY, asked.verb} & self.verbs)
            and bool({ANY, asked.group} & self.groups)
            and bool({ANY, asked.full_resource, f"*/{asked.subresource}"} & self.resources)
            and (not self.names or asked.name in self.names)
        )


EVERYTHING = Rule(frozenset({ANY}), frozenset({ANY}), frozenset({ANY}))


@dataclass(frozen=True)
class Account:
    """Who the token belongs to, and its rules."""

    user: str = "stand-in-admin"
    groups: tuple[str, ...] = ("system:masters", "system:authenticated")
    rules: tuple[Rule, ...] = (EVERYTHING,)

    def may(self, asked: Attributes) -> bool:
        """True when a rule allows it."""
        return any(rule.allows(asked) for rule in self.rules)

    def refusal(self, asked: Attributes) -> ApiError:
        """403 as the authorizer words it."""
        what = asked.resource + (f".{asked.group}" if asked.group else "")
        subject = f'{what} "{asked.name}"' if asked.name else what
        where = f' in the namespace "{asked.namespace}"' if asked.namespace else " at the cluster scope"
        text = (
            f'{subject} is forbidden: User "{self.user}" cannot {asked.verb} resource "{asked.full_resource}"'
            f' in API group "{asked.group}"{where}'
        )
        details = {"name": asked.name, "group": asked.group, "kind": asked.resource}
        return ApiError(403, "Forbidden", text, {key: value for key, value in details.items() if value})


def read_account(text: str) -> Account:
    """The service account of a YAML stream with everything that its bindings give it.

    Raises ValueError when the stream names no service account, or binds a role that is not in it.
    """
    objects = [one for one in yaml.safe_load_all(text) if isinstance(one, dict)]
    account = next((one for one in objects if one.get("kind") == "ServiceAccount"), None)
    if account is None:
        raise ValueError("There is no ServiceAccount in it.")
    home, name = account["metadata"].get("namespace", "default"), account["metadata"]["name"]
    rules: list[Rule] = []
    for binding in objects:
        if binding.get("kind") in ("RoleBinding", "ClusterRoleBinding") and _binds(binding, home, name):
            rules += _rules(_role_of(binding, objects), binding["metadata"].get("namespace", ""))
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{home}", "system:authenticated")
    return Account(f"system:serviceaccount:{home}:{name}", groups, tuple(rules))


def _binds(binding: Obj, home: str, name: str) -> bool:
    wanted = {"kind": "ServiceAccount", "name": name, "namespace": home}
    return any(wanted.items() <= subject.items() for subject in binding.get("subjects") or ())


def _role_of(binding: Obj, objects: Sequence[Obj]) -> Obj:
    reference, place = binding["roleRef"], binding["metadata"].get("namespace", "")
    for one in objects:
        if (one.get("kind"), one["metadata"]["name"]) != (reference["kind"], reference["name"]):
            continue
        if reference["kind"] == "ClusterRole" or one["metadata"].get("namespace") == place:
            return one
    raise ValueError(f"{binding['metadata']['name']} binds the {reference['kind']} {reference['name']}: it is missing.")


def _rules(role: Obj, namespace: str) -> Iterable[Rule]:
    for rule in role.get("rules") or ():
        yield Rule(
            frozenset(rule.get("verbs") or ()),
            frozenset(rule.get("apiGroups") or ()),
            frozenset(rule.get("resources") or ()),
            frozenset(rule.get("resourceNames") or ()),
            namespace,
        )
