"""Secrets with the credentials of the registries that a space was granted, kept as the grants and credentials are.

Each write has the three parts of a sync's other writes. A row says which Secrets are ours before one is sent, so that
none is forgotten when its grant goes. The credentials are read from the registry's row when they are sent, and are
neither in the wish nor in any message; what the cluster says of a Secret it refuses is not repeated either.
"""

from __future__ import annotations

import base64
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from deployer.errors import Conflict, Forbidden, Rejected
from deployer.interfaces import ABSENT_VERSION, Manifest, ObjectRef
from deployer.manifests import MANAGER
from environments import registries
from environments.models import PullSecret
from foundation.messages import message as _
from foundation.runs.engine import Lease

TYPE = "kubernetes.io/dockerconfigjson"


class Taken(Exception):
    """A Secret of this name is there that we did not make."""


def bring_in_line(lease: Lease, client: Any, space_id: int, wanted: dict[str, Any]) -> None:
    """Make and update those that are wanted, remove what we made besides. Raises Taken and what the cluster says."""
    named = wanted.get("pull_secrets") or {}
    place = {"cluster_id": wanted["cluster"], "namespace": wanted["namespace"]}
    for name, one in named.items():
        _put(lease, client, space_id, wanted, name, one)
    for row in PullSecret.objects.filter(**place).exclude(name__in=named):
        _remove(lease, client, row)


def _put(lease: Lease, client: Any, space_id: int, wanted: dict[str, Any], name: str, one: dict[str, str]) -> None:
    namespace, ref = wanted["namespace"], ObjectRef("v1", "Secret", name)
    live: Manifest | None = client.read(namespace, ref)
    if live is not None and not is_ours(live):
        raise Taken(name)
    try:
        config = registries.docker_config(one["registry"])
    except LookupError:
        return  # archived since: the next wish leaves it out
    with transaction.atomic():
        lease.hold()
        row, _is_new = PullSecret.objects.get_or_create(
            cluster_id=wanted["cluster"], namespace=namespace, name=name, defaults={"space_id": space_id}
        )
    metadata = {
        "name": name,
        "namespace": namespace,
        "labels": wanted["labels"],
        "resourceVersion": live["metadata"]["resourceVersion"] if live else ABSENT_VERSION,
    }
    data = {".dockerconfigjson": base64.b64encode(config.encode()).decode()}
    manifest = {"apiVersion": "v1", "kind": "Secret", "type": TYPE, "metadata": metadata, "data": data}
    try:
        client.apply(namespace, manifest, force=wanted["force"], deadline=lease.deadline)
    except Conflict as error:
        if live is not None:
            raise
        # Somebody made one between the read and this write: the next pass reads whose it is.
        raise Conflict(error.message) from error
    except Forbidden:
        raise
    except Rejected:
        raise Rejected(_("The cluster refused the Secret %(name)s.", name=name)) from None
    PullSecret.objects.filter(pk=row.pk).update(space=space_id, version=one["version"], applied_at=Now())


def _remove(lease: Lease, client: Any, row: PullSecret) -> None:
    ref = ObjectRef("v1", "Secret", row.name)
    live: Manifest | None = client.read(row.namespace, ref)
    lease.read()
    if live is not None and is_ours(live):
        client.remove(
            row.namespace,
            ref,
            uid=live["metadata"]["uid"],
            resource_version=live["metadata"]["resourceVersion"],
            deadline=lease.deadline,
        )
    row.delete()


def is_ours(live: Manifest) -> bool:
    """True when our field manager applied it: labels can be copied with an object, its managers cannot."""
    entries = live["metadata"].get("managedFields") or ()
    return any(one.get("manager") == MANAGER and one.get("operation") == "Apply" for one in entries)
