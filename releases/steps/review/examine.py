"""What applying a snapshot would do now: live diff by dry run, quota, what the server says, the live fingerprint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.additions import without
from deployer.diff import diff_object, logical_name
from deployer.errors import Conflict, DeployerError, Forbidden, NotFound, Problem, Rejected
from deployer.interfaces import Applied, Manifest, ObjectRef
from deployer.manifests import DeploymentMark, autoscaled, config_map_references, find_workload, handed_back, ref_of
from deployer.messages import Message, message_of
from deployer.messages import message as _
from deployer.parallel import meanwhile, outcomes
from deployer.quantities import QuantityError
from environments.models import Space
from foundation.installation import current_epoch
from releases.choices import Reason
from releases.models import Snapshot
from releases.node_capacity import capacity_of_rollout
from releases.steps.conflicts import (
    addition_fields,
    conflict_fields,
    conflict_message,
    is_taken_over,
    taken_additions,
)
from releases.steps.leaving import is_leaving, leaving_message
from releases.steps.marks import unknown_mark_message, unknown_marks
from releases.steps.replicas import Fitted, fit, live_fingerprint
from releases.steps.review.entry import examine_entry
from releases.steps.review.headroom import Headroom, Rollout, quota_headroom
from releases.steps.review.inventory import (
    Earlier,
    findings_of,
    kept_config_maps,
    kept_snapshots,
    take_inventory,
)
from releases.steps.review.notes import Notes
from releases.steps.review.surroundings import Surroundings
from releases.steps.review.trial import note_trial, try_pod


@dataclass
class Examination:
    """What was seen. ``reason`` is empty when nothing stands in the way of applying it."""

    findings: dict[str, Any]
    fingerprint: str
    reason: str = ""
    message: Message | str = ""


def examine(
    cluster: KubernetesCluster, space: Space, snapshot: Snapshot, around: Surroundings, earlier: Earlier
) -> Examination:
    """Read, dry-run and sum; changes nothing. Raises Unavailable when the cluster is away."""
    notes = Notes(take_over=snapshot.take_over)
    live = cluster.read_all(space.namespace, map(ref_of, snapshot.manifests))
    workload = find_workload(snapshot.manifests)
    fitted = [
        fit(cluster, space.namespace, snapshot.manifests, manifest, live[ref_of(manifest)])
        for manifest in snapshot.manifests
    ]
    with meanwhile() as begin:
        answers = begin(lambda: outcomes(lambda one: _ask(cluster, space, one, workload), [None, *fitted]))
        strange = unknown_marks([live[ref_of(manifest)] for manifest in snapshot.manifests], current_epoch())
        tried, *asked = answers()
    wanted = _compare(cluster, space, snapshot, live, list(zip(fitted, asked, strange, strict=True)), notes)
    if ((live.get(ref_of(workload)) or {}).get("spec") or {}).get("paused"):
        notes.warnings.append(_paused(space, workload))
    inventory = _leaving(cluster, space, snapshot, around, earlier, notes)
    headroom = _quota(around, live, wanted, notes)
    effects = headroom.effects if headroom else ()
    nodes = _nodes(space, snapshot, headroom.rollout, notes) if headroom else {}
    note_trial(tried, effects, notes)
    examine_entry(cluster, space, snapshot, notes)
    if notes.diff and not notes.problems and all(row["action"] == "same" for row in notes.diff):
        notes.warnings.append(_("Nothing changes: exactly this runs here already."))
    findings = {
        "diff": notes.diff,
        "quota": [asdict(effect) for effect in effects],
        "nodes": nodes,
        "warnings": list(dict.fromkeys(notes.warnings)),
        "problems": notes.problem_rows(),
        "conflicts": notes.conflicts,
        "additions": notes.additions,
        **inventory,
    }
    message = notes.problems[0].message if notes.problems else ""
    return Examination(findings, live_fingerprint(snapshot.manifests, live), notes.reason, message)


def _ask(cluster: KubernetesCluster, space: Space, fitted: Fitted | None, workload: Manifest) -> Any:
    """A dry run of one object; of a pod of the workload for None."""
    return cluster.dry_run(space.namespace, fitted.manifest) if fitted else try_pod(cluster, space.namespace, workload)


def _compare(
    cluster: KubernetesCluster,
    space: Space,
    snapshot: Snapshot,
    live: dict[ObjectRef, Manifest | None],
    asked: Sequence[tuple[Fitted, Any, DeploymentMark | None]],
    notes: Notes,
) -> dict[ObjectRef, Manifest]:
    """The objects as they would be.

    ``asked``: each of the snapshot's with its dry run, or why that was refused, and a mark on it that nobody knows.
    """
    wanted: dict[ObjectRef, Manifest] = {}
    for manifest, (fitted, outcome, unknown) in zip(snapshot.manifests, asked, strict=True):
        ref = ref_of(manifest)
        _note_state(manifest, live[ref], fitted, unknown, notes)
        answer = _accepted(cluster, space, fitted, live[ref], outcome, notes)
        # With the server's defaults, where it accepts the object: what is refused is summed as it was rendered.
        wanted[ref] = _with_most(answer.manifest, manifest, fitted) if answer else manifest
        if answer:
            notes.warnings.extend(answer.warnings)
            answer = _without_additions(answer, notes)
            notes.diff.append(_diff_row(ref, live[ref] or _former(cluster, space, ref, live), answer.manifest))
    return wanted


def _note_state(
    manifest: Manifest, there: Manifest | None, fitted: Fitted, unknown: DeploymentMark | None, notes: Notes
) -> None:
    """What the object that is there says before anything is asked of the server."""
    where = _where(manifest)
    if is_leaving(there) and there is not None:
        notes.refuse(Reason.REFUSED, Problem(where, leaving_message(there)))
    if unknown:
        notes.refuse(Reason.UNKNOWN_MARK, Problem(where, unknown_mark_message(unknown)))
    if fitted.bounds and fitted.is_foreign:
        notes.warnings.append(autoscaled(fitted.bounds, is_foreign=True))
    if fitted.bounds and fitted.is_leaving:
        notes.warnings.append(handed_back(manifest, there, fitted.bounds))


def _without_additions(answer: Applied, notes: Notes) -> Applied:
    """Notes what others added, which an apply leaves; without what this deployment takes over and so removes."""
    notes.additions += addition_fields(answer.manifest)
    taken = taken_additions(answer.manifest, notes.take_over)
    return replace(answer, manifest=without(answer.manifest, taken)) if taken else answer


def _with_most(answer: Manifest, manifest: Manifest, fitted: Fitted) -> Manifest:
    """What the quota must hold: once an autoscaler has gone there are as many replicas as the manifests say."""
    if not fitted.is_leaving:
        return answer
    most = max(int(answer["spec"].get("replicas", 1)), int(manifest["spec"].get("replicas", 1)))
    return {**answer, "spec": {**answer["spec"], "replicas": most}}


def _former(
    cluster: KubernetesCluster, space: Space, ref: ObjectRef, live: dict[ObjectRef, Manifest | None]
) -> Manifest | None:
    """The ConfigMap that the running pods read under the same logical name; the new one has a name of its own."""
    if ref.kind != "ConfigMap":
        return None
    workload = next((one for one in live.values() if one and one["kind"] == "Deployment"), None)
    if workload is None:
        return None
    read = {reference[key] for reference, key in config_map_references(workload["spec"]["template"]["spec"])}
    name = next((name for name in sorted(read) if logical_name(name) == logical_name(ref.name)), "")
    return cluster.read(space.namespace, replace(ref, name=name)) if name else None


def _paused(space: Space, workload: Manifest) -> Message:
    return _(
        "The Deployment %(name)s is paused. What is applied starts no pod before somebody runs "
        "kubectl rollout resume deployment/%(name)s -n %(namespace)s.",
        name=workload["metadata"]["name"],
        namespace=space.namespace,
    )


def _leaving(
    cluster: KubernetesCluster,
    space: Space,
    snapshot: Snapshot,
    around: Surroundings,
    earlier: Earlier,
    notes: Notes,
) -> dict[str, Any]:
    """What is there beyond the set, among the findings; an account that may not list says so and removes nothing."""
    try:
        inventory = take_inventory(
            cluster,
            snapshot.component,
            space,
            snapshot.manifests,
            kept=kept_config_maps(kept_snapshots(earlier.succeeded, coming=snapshot)),
            earlier=earlier,
            found=around.inventory(),
        )
    except Forbidden as error:
        notes.warnings.append(_("What left the templates cannot be listed, so it stays: %(why)s", why=error.message))
        return {"removals": [], "stays": []}
    notes.diff += [_diff_row(one.ref, one.live, None) for one in inventory.leaving]
    return findings_of(inventory)


def _diff_row(ref: ObjectRef, live: Manifest | None, wanted: Manifest | None) -> dict[str, Any]:
    diff = diff_object(ref, live, wanted)
    return {
        "kind": ref.kind,
        "name": ref.name,
        "action": diff.action,
        "changes": [asdict(change) for change in diff.changes],
        "lines": list(diff.unified),
    }


def _accepted(
    cluster: KubernetesCluster,
    space: Space,
    fitted: Fitted,
    live: Manifest | None,
    outcome: Applied | DeployerError,
    notes: Notes,
) -> Applied | None:
    """The answer to a dry run; None where it was refused for good, which is noted. Raises when the cluster is away."""
    try:
        return _settled(cluster, space, fitted, live, outcome, notes)
    except (Conflict, Rejected, NotFound) as error:
        _note_refusal(fitted.manifest, error, notes)
    return None


def _settled(
    cluster: KubernetesCluster,
    space: Space,
    fitted: Fitted,
    live: Manifest | None,
    outcome: Applied | DeployerError,
    notes: Notes,
) -> Applied:
    """The answer, with force where somebody else set fields: these are noted. Raises what the server refuses."""
    manifest = fitted.manifest
    if not isinstance(outcome, DeployerError):
        return outcome
    if not isinstance(outcome, Conflict):
        raise outcome
    fields = conflict_fields(outcome, manifest, live)
    is_left_behind = fitted.may_take(outcome)
    notes.conflicts.extend(() if is_left_behind else fields)
    if not (is_left_behind or space.force_conflicts or is_taken_over(fields, notes.take_over)):
        notes.refuse_conflict(Problem(_where(manifest), conflict_message(fields)))
    # Also where it is refused: the diff shows what taking the fields over would do.
    return cluster.dry_run(space.namespace, manifest, force=True)


def _note_refusal(manifest: Manifest, error: DeployerError, notes: Notes) -> None:
    """Why the server refuses this object."""
    if isinstance(error, Rejected) and not isinstance(error, Forbidden):
        for problem in error.problems or (Problem(_where(manifest), error.message),):
            notes.refuse(Reason.QUOTA if error.reason == "quota" else Reason.MANIFEST, problem)
        return
    reason = Reason.CONFLICT if isinstance(error, Conflict) else Reason.REFUSED
    notes.refuse(reason, Problem(_where(manifest), error.message))


def _where(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def _quota(
    around: Surroundings,
    live: dict[ObjectRef, Manifest | None],
    wanted: dict[ObjectRef, Manifest],
    notes: Notes,
) -> Headroom | None:
    try:
        headroom = quota_headroom(around, live, wanted)
    except QuantityError as error:
        # Of an object that the server has refused already, or it would have put it right.
        notes.refuse(Reason.MANIFEST, Problem("resources", message_of(error)))
        return None
    for problem in headroom.problems:
        notes.refuse(Reason.QUOTA, problem)
    notes.warnings.extend(headroom.warnings)
    return headroom


def _nodes(space: Space, snapshot: Snapshot, rollout: Rollout, notes: Notes) -> dict[str, Any]:
    """A preview: where capacity is missing it warns, and the scheduler decides."""
    nodes = capacity_of_rollout(
        space,
        snapshot.component_id,
        pods=rollout.pods,
        after=rollout.after,
        old=rollout.old,
        plan=rollout.plan,
    )
    if nodes.fits is False:
        notes.warnings.append(nodes.message)
    return nodes.as_finding()
