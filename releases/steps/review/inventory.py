"""What of a component is in its namespace beyond the set that is wanted: what goes with it, and what stays, and why.

Found by the labels of the component's instance, and by what earlier deployments applied. Both are only where to look:
an object is the platform's to remove when its labels, its annotations and its field manager say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings

from components.models import Component
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.interfaces import Manifest, ObjectRef
from deployer.manifests import (
    Identity,
    find_workload,
    inventory_selector,
    lasting_references,
    needs_tick,
    ref_of,
    removal_order,
    why_not_ours,
)
from deployer.manifests.policy import KINDS
from environments.models import Space
from foundation.messages import Message
from foundation.messages import message as _
from releases import selectors
from releases.models import Deployment, Snapshot

EARLIER_DEPLOYMENTS = 5
"""So many of the last deployments of a placement are asked what they applied."""


@dataclass(frozen=True)
class Leaving:
    """One object that is in the namespace, is the platform's, and is not wanted any more. ``live`` as it was read."""

    ref: ObjectRef
    live: Manifest

    @property
    def uid(self) -> str:
        """The precondition of its removal."""
        return str(self.live["metadata"]["uid"])


@dataclass(frozen=True)
class Staying:
    """One object that is not wanted and is not removed."""

    kind: str
    name: str
    why: Message


@dataclass(frozen=True)
class Inventory:
    """``found``: everything with the component's labels (no ``managedFields``); ``leaving`` in the order of removal."""

    found: tuple[Manifest, ...]
    leaving: tuple[Leaving, ...]
    staying: tuple[Staying, ...]


class Earlier:
    """What was deployed of a component in a space until now; each question is asked once, when somebody wants it."""

    def __init__(self, component: Component, space: Space) -> None:
        self._component, self._space = component, space

    @cached_property
    def succeeded(self) -> list[Snapshot]:
        """The snapshots of the last successes, the newest first."""
        return selectors.last_good_snapshots(self._component.pk, self._space, limit=settings.KEPT_SUCCESSES)

    @cached_property
    def deployments(self) -> list[Deployment]:
        """The last that applied something, with what they applied."""
        rows = Deployment.objects.filter(component=self._component, space=self._space).exclude(applied=[])
        return list(rows.order_by("-pk").only("applied")[:EARLIER_DEPLOYMENTS])

    def read(self) -> tuple[list[Snapshot], list[Deployment]]:
        """Ask all of it now: there is time while something else is waited for."""
        return self.succeeded, self.deployments


def identity_of(component: Component, space: Space) -> Identity:
    """Whose objects they are, whichever order they are from."""
    return Identity("", "", space.project.slug, component.slug, space.environment.slug, space.namespace)


def take_inventory(
    cluster: KubernetesCluster,
    component: Component,
    space: Space,
    wanted: Sequence[Manifest],
    *,
    kept: frozenset[str],
    earlier: Earlier,
    found: tuple[Manifest, ...] | None = None,
) -> Inventory:
    """Read what is there beyond ``wanted``. ``kept``: names of ConfigMaps that stay for a roll back.

    ``found`` where the caller has read it. Raises Forbidden where the account may not list.
    """
    identity = identity_of(component, space)
    if found is None:
        found = cluster.inventory(space.namespace, inventory_selector(identity))
    wanted_refs = {ref_of(manifest) for manifest in wanted}
    refs = [ref for ref in map(ref_of, found) if ref not in wanted_refs and not _is_kept(ref, kept)]
    strays = _applied_before(earlier) - set(map(ref_of, found)) - wanted_refs
    leaving: list[Leaving] = []
    staying: list[Staying] = []
    there = removal_order(refs + sorted(strays, key=lambda ref: ref.name))
    for ref, live in cluster.read_all(space.namespace, there).items():
        if live is None or (ref in strays and not _is_applied(earlier, ref, live)):
            continue
        if why := why_not_ours(live, identity) or _why_already(live):
            staying.append(Staying(ref.kind, ref.name, why))
        else:
            leaving.append(Leaving(ref, live))
    staying += _kept_for_roll_back(found, wanted_refs, kept)
    named = {(one.kind, one.name) for one in staying}
    staying += [one for one in _lasting(earlier, wanted) if (one.kind, one.name) not in named]
    return Inventory(found, tuple(leaving), tuple(staying))


def _is_kept(ref: ObjectRef, kept: frozenset[str]) -> bool:
    return ref.kind == "ConfigMap" and ref.name in kept


def _why_already(live: Manifest) -> Message | None:
    if not live["metadata"].get("deletionTimestamp"):
        return None
    names = [str(name) for name in live["metadata"].get("finalizers") or ()]
    return _("It is being removed already; it waits for %(names)s.", names=names or ["-"])


def _applied_before(earlier: Earlier) -> set[ObjectRef]:
    """What the last deployments put there, under whichever labels it is now; ConfigMaps are too many to ask for."""
    return {
        ObjectRef(KINDS[row["kind"]], row["kind"], row["name"])
        for deployment in earlier.deployments
        for row in deployment.applied
        if row["kind"] in KINDS and row["kind"] != "ConfigMap"
    }


def _is_applied(earlier: Earlier, ref: ObjectRef, live: Manifest) -> bool:
    """The very object that a deployment applied, and not a person's of the same name."""
    uids = {
        row.get("uid")
        for deployment in earlier.deployments
        for row in deployment.applied
        if (row["kind"], row["name"]) == (ref.kind, ref.name)
    }
    return live["metadata"]["uid"] in uids


def kept_config_maps(snapshots: Sequence[Snapshot]) -> frozenset[str]:
    """Names of the ConfigMaps that these snapshots are made of."""
    return frozenset(
        manifest["metadata"]["name"]
        for snapshot in snapshots
        for manifest in snapshot.manifests
        if manifest["kind"] == "ConfigMap"
    )


def kept_snapshots(succeeded: Sequence[Snapshot], *, coming: Snapshot) -> list[Snapshot]:
    """Those that can be rolled back to once ``coming`` is the newest of them."""
    return [coming, *(snapshot for snapshot in succeeded if snapshot.pk != coming.pk)][: settings.KEPT_SUCCESSES]


def _kept_for_roll_back(found: Sequence[Manifest], wanted: set[ObjectRef], kept: frozenset[str]) -> list[Staying]:
    why = _("It stays for a roll back: one of the last %(n)s successes has it.", n=settings.KEPT_SUCCESSES)
    refs = [ref for ref in map(ref_of, found) if ref not in wanted and _is_kept(ref, kept)]
    return [Staying(ref.kind, ref.name, why) for ref in refs]


def _lasting(earlier: Earlier, wanted: Sequence[Manifest]) -> list[Staying]:
    """Claims and Secrets that the pods used until now and will not use any more."""
    before = earlier.succeeded
    used = _pod_references(before[0].manifests) if before else frozenset()
    why = _("The platform never removes it: a person does, when nobody needs it.")
    return [Staying(kind, name, why) for kind, name in sorted(used - _pod_references(wanted))]


def _pod_references(manifests: Sequence[Manifest]) -> frozenset[tuple[str, str]]:
    if not manifests:
        return frozenset()
    return lasting_references(find_workload(manifests)["spec"]["template"]["spec"])


def findings_of(inventory: Inventory) -> dict[str, Any]:
    """``{"removals": [...], "stays": [...]}`` of a review."""
    return {
        "removals": [
            {
                "api_version": one.ref.api_version,
                "kind": one.ref.kind,
                "name": one.ref.name,
                "uid": one.uid,
                "needs_tick": needs_tick(one.live),
            }
            for one in inventory.leaving
        ],
        "stays": [{"kind": one.kind, "name": one.name, "why": one.why} for one in inventory.staying],
    }
