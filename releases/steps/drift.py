"""Drift: what somebody changed outside the platform since a deployment was applied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.additions import Addition, additions
from deployer.diff import diff_object
from deployer.errors import DeployerError, OutcomeUnknown, Unavailable
from deployer.interfaces import Observation
from deployer.manifests import find_workload, ref_of
from deployer.verdict import AppliedWorkload, hand_of, is_scaler
from deployer.verdict.outside import spec_changed_by_others
from foundation.clock import db_now
from foundation.messages import as_message
from foundation.messages import message as _
from releases.models import Deployment, Placement
from releases.steps.applied import applied_facts, applied_manifests
from releases.steps.leaving import is_leaving
from releases.steps.replicas import fit

RECHECK_SECONDS = 600.0
"""Objects other than the workload are in no list of an observation: all are compared again after so long."""


def workload_fingerprint(seen: Observation, good: Deployment) -> str:
    """A hash of what a person can change on the workload: its uid, spec, labels and annotations; empty: it is gone.

    The generation stands for the spec. Status and the controller's own annotations change by themselves.
    """
    assert good.snapshot is not None
    name = find_workload(good.snapshot.manifests)["metadata"]["name"]
    live = next((item for item in seen.deployments if (item.get("metadata") or {}).get("name") == name), None)
    if live is None:
        return ""
    metadata: Mapping[str, Any] = live["metadata"]
    annotations = {
        key: value
        for key, value in (metadata.get("annotations") or {}).items()
        if not key.startswith("deployment.kubernetes.io/")
    }
    is_going = is_leaving(live)
    facts = [metadata.get("uid"), is_going, metadata.get("generation"), metadata.get("labels") or {}, annotations]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def is_drift_check_due(place: Placement, fingerprint: str) -> bool:
    """True where the workload moved since the last comparison, or that is ten minutes ago."""
    checked_at = place.drift_checked_at
    is_old = checked_at is None or db_now() - checked_at >= timedelta(seconds=RECHECK_SECONDS)
    return is_old or place.drift_fingerprint != fingerprint


def find_drift(cluster: KubernetesCluster, place: Placement, good: Deployment) -> list[dict[str, Any]]:
    """What somebody changed outside the platform: the live objects against a dry run of what we applied."""
    wanted = applied_manifests(good)
    found: list[dict[str, Any]] = []
    for manifest in wanted:
        ref = ref_of(manifest)
        live = cluster.read(place.space.namespace, ref)
        if live is None or is_leaving(live):
            gone = {"path": "", "before": _("present"), "after": _("deleted") if live is None else _("being deleted")}
            found.append({"object": f"{ref.kind}/{ref.name}", **gone, **_who(None)})
            continue
        try:
            fitted = fit(cluster, place.space.namespace, wanted, manifest, live)
            answer = cluster.dry_run(place.space.namespace, fitted.manifest, force=True)
        except (Unavailable, OutcomeUnknown):
            # A cluster that went away just now has not drifted.
            raise
        except DeployerError as error:
            found.append(
                {"object": f"{ref.kind}/{ref.name}", "path": "", "before": "", "after": as_message(error), **_who(live)}
            )
            continue
        changes = {
            change.path: (change.after, change.before) for change in diff_object(ref, live, answer.manifest).changes
        }
        beside = additions(answer.manifest)
        if ref.kind == "Deployment":
            changes |= _added(live, good, beside)
        for path, (before, after) in changes.items():
            row = {"object": f"{ref.kind}/{ref.name}", "path": path, "before": before, "after": after}
            found.append({**row, **_who(live, path)})
        found += [_added_row(f"{ref.kind}/{ref.name}", one) for one in beside]
    return found


def _added_row(where: str, one: Addition) -> dict[str, Any]:
    """Since when it is there does not matter: it may be older than what we applied."""
    row = {"object": where, "path": one.path, "before": "", "after": one.value or _("added")}
    return {**row, "manager": one.manager, "at": one.at}


def _added(
    live: dict[str, Any], good: Deployment, told: Sequence[Addition]
) -> dict[str, tuple[str | None, str | None]]:
    """What a dry run does not show: fields beside ours, which it would leave. Values of variables are not told.

    ``told``: those whose owner is known. A list that was not there before is one change of all of its items.
    """
    is_scaled = is_scaler(live)
    applied: AppliedWorkload = applied_facts(good, is_scaled=is_scaled)["applied"]
    changes = [
        change
        for change in spec_changed_by_others(live, applied)
        if not any(one.path.startswith(change.path) or change.path.startswith(one.path) for one in told)
    ]
    return {change.path: ("", "") if ".env[" in change.path else (change.before, change.after) for change in changes}


def _who(live: dict[str, Any] | None, path: str = "") -> dict[str, str]:
    """The manager that owns the field, else the last other than us and the controllers."""
    hand = hand_of(live, [path] if path else [])
    return {"manager": hand.manager, "at": hand.at}
