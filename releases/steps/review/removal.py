"""The review of a removal: all of a component that goes from a space, frozen as the snapshot of the empty set."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.diff import diff_object
from deployer.manifests import snapshot_hash
from foundation.messages import message as _
from foundation.runs.lease import Lease
from releases.choices import Reason
from releases.models import Placement, Review, Snapshot
from releases.steps.review.examine import Examination
from releases.steps.review.inventory import Earlier, Inventory, Leaving, findings_of, take_inventory
from releases.steps.review.wanted import Trouble


def examine_removal(lease: Lease, cluster: KubernetesCluster, review: Review) -> tuple[Snapshot, Examination]:
    """What goes and what stays; the snapshot's hash is over what goes, so an approval is of exactly that."""
    component, space = review.order.component, review.space
    inventory = take_inventory(cluster, component, space, [], kept=frozenset(), earlier=Earlier(component, space))
    snapshot = _freeze(lease, review, inventory)
    findings = {
        "diff": [_row(one) for one in inventory.leaving],
        "quota": [],
        "warnings": [],
        "problems": [],
        "conflicts": [],
        "additions": [],
        **findings_of(inventory),
    }
    return snapshot, Examination(findings, fingerprint="")


def _row(one: Leaving) -> dict[str, Any]:
    diff = diff_object(one.ref, one.live, None)
    return {
        "kind": one.ref.kind,
        "name": one.ref.name,
        "action": diff.action,
        "changes": [asdict(change) for change in diff.changes],
        "lines": list(diff.unified),
    }


def _freeze(lease: Lease, review: Review, inventory: Inventory) -> Snapshot:
    """The same objects give the same row: an approval stays as long as exactly these go."""
    removes = [{"kind": one.ref.kind, "name": one.ref.name, "uid": one.uid} for one in inventory.leaving]
    key = {
        "order": review.order,
        "space": review.space,
        "hash": snapshot_hash([], {"space": review.space_id, "component": review.component_id, "removes": removes}),
    }
    found = Snapshot.objects.filter(**key).first()
    if found:
        return found
    standing = _standing(review)
    try:
        with transaction.atomic():
            lease.read()
            return Snapshot.objects.create(
                **key,
                component_id=review.component_id,
                digest=standing.digest,
                manifests=[],
                removes=removes,
                component_settings_id=standing.component_settings_id,
                deployment_template_id=standing.deployment_template_id,
                service_template_id=standing.service_template_id,
                allocation_id=standing.allocation_id,
                config_id=standing.config_id,
            )
    except IntegrityError:
        # Another worker froze the same objects a moment ago.
        return Snapshot.objects.get(**key)


def _standing(review: Review) -> Snapshot:
    """The snapshot that stands there: what is removed was made of its versions."""
    rows = Placement.objects.select_related("last_applied__snapshot", "last_succeeded__snapshot")
    place = rows.filter(component=review.component_id, space=review.space_id).first()
    for deployment in (place.last_applied, place.last_succeeded) if place else ():
        if deployment is not None and deployment.snapshot is not None:
            return deployment.snapshot
    raise Trouble(Reason.INCOMPLETE, _("Nothing of this component runs here."), [])
