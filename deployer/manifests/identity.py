"""Names: whose objects these are, which deployment applied them, which is the workload, their order and hash."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deployer.errors import Rejected
from deployer.interfaces import Manifest, ObjectRef
from deployer.manifests.policy import KINDS
from deployer.messages import message as _

ORDER_LABEL = "prism4k.io/order"
DEPLOYMENT_ANNOTATION = "prism4k.io/deployment"
_MARK = re.compile(r"(?P<epoch>\d{1,18})\.(?P<number>\d{1,18})\.(?P<nonce>[0-9a-f]{8})", re.ASCII)


@dataclass(frozen=True)
class DeploymentMark:
    """``epoch.number.nonce``: the installation's epoch, the deployment's row id, and eight hex digits of its own.

    A restored database gives row ids again. The epoch, which begins anew with each restore, puts every deployment
    after the restore behind those before it; the nonce tells two deployments with the same id apart.
    """

    epoch: int
    number: int
    nonce: str

    def __str__(self) -> str:
        return f"{self.epoch}.{self.number}.{self.nonce}"

    @property
    def position(self) -> tuple[int, int]:
        """What decides which of two deployments came later."""
        return self.epoch, self.number

    @classmethod
    def parse(cls, text: object) -> DeploymentMark | None:
        """The mark that an annotation holds; None for anything that is not ours."""
        found = _MARK.fullmatch(str(text))
        return cls(int(found["epoch"]), int(found["number"]), found["nonce"]) if found else None


def mark_of(live: Manifest | None) -> DeploymentMark | None:
    """The mark on a live object; None without one."""
    annotations = ((live or {}).get("metadata") or {}).get("annotations") or {}
    return DeploymentMark.parse(annotations.get(DEPLOYMENT_ANNOTATION))


MANAGER = "prism4k"
_LABEL_LIMIT = 63


@dataclass(frozen=True)
class Identity:
    """Whose objects they are. ``component``, ``project``, ``environment`` are slugs; ``number`` is the order's."""

    number: str
    commit: str
    project: str
    component: str
    environment: str
    namespace: str


def _shortened(text: str) -> str:
    if len(text) <= _LABEL_LIMIT:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{text[: _LABEL_LIMIT - 9].rstrip('-._')}-{digest}"


def instance_label(project: str, component: str, environment: str) -> str:
    """Value of ``app.kubernetes.io/instance``: the same for every order, shortened with a hash beyond 63 characters."""
    return _shortened(f"{project}-{component}-{environment}")


def selector_for(identity: Identity) -> dict[str, str]:
    """The two labels that never change between orders: a Deployment's selector cannot be changed later."""
    instance = instance_label(identity.project, identity.component, identity.environment)
    return {"app.kubernetes.io/name": _shortened(identity.component), "app.kubernetes.io/instance": instance}


def labels_for(identity: Identity) -> dict[str, str]:
    """All labels of an object."""
    return selector_for(identity) | {
        "app.kubernetes.io/component": _shortened(identity.component),
        "app.kubernetes.io/part-of": _shortened(identity.project),
        "app.kubernetes.io/version": _shortened(identity.number),
        "app.kubernetes.io/managed-by": MANAGER,
        ORDER_LABEL: _shortened(identity.number),
    }


def ref_of(manifest: Manifest) -> ObjectRef:
    """Address of a checked manifest or live object."""
    return ObjectRef(manifest["apiVersion"], manifest["kind"], manifest["metadata"]["name"])


def order(manifests: Iterable[Manifest]) -> tuple[Manifest, ...]:
    """What others need comes first (the order of KINDS); equal kinds keep their order."""
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    return tuple(sorted(manifests, key=lambda manifest: ranks.get(manifest["kind"], len(ranks))))


def find_workload(manifests: Iterable[Manifest]) -> Manifest:
    """The one Deployment of a set. Raises Rejected when there is none or more than one."""
    found = [manifest for manifest in manifests if manifest.get("kind") == "Deployment"]
    if len(found) != 1:
        raise Rejected(_("The templates must make exactly one Deployment; they make %(count)s.", count=len(found)))
    return found[0]


def snapshot_hash(manifests: Sequence[Manifest], extra: Mapping[str, Any]) -> str:
    """SHA-256 (64 hex digits) over the manifests in order and ``extra`` (versions, digest): plain data only.

    The same data gives the same hash for any order of keys in mappings.
    """
    body = json.dumps(
        {"manifests": list(manifests), "extra": dict(extra)},
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    )
    return hashlib.sha256(body.encode()).hexdigest()
