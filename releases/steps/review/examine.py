"""What applying a snapshot would do now: live diff by dry run, quota, what the server says, the live fingerprint."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.diff import diff_object, fingerprint
from deployer.errors import Conflict, Forbidden, NotFound, Problem, Rejected
from deployer.interfaces import Applied, Manifest, ObjectRef
from deployer.manifests import find_workload, ref_of
from deployer.quantities import (
    Load,
    QuotaEffect,
    format_cpu,
    format_memory,
    pod_cost,
    quota_effect,
    rolling_plan,
)
from deployer.sentences import say as _
from environments.models import Space
from releases.choices import Reason
from releases.models import Snapshot


@dataclass
class Examination:
    """What was seen. ``reason`` is empty when nothing stands in the way of applying it."""

    findings: dict[str, Any]
    fingerprint: str
    reason: str = ""
    message: str = ""


@dataclass
class _Notes:
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    conflicts: list[dict[str, str]] = field(default_factory=list)
    diff: list[dict[str, Any]] = field(default_factory=list)
    reason: str = ""

    def refuse(self, reason: str, problem: Problem) -> None:
        self.reason = self.reason or reason
        self.problems.append(problem)


def examine(cluster: KubernetesCluster, space: Space, snapshot: Snapshot) -> Examination:
    """Read, dry-run and sum; changes nothing. Raises Unavailable when the cluster is away."""
    notes = _Notes()
    live: dict[ObjectRef, Manifest | None] = {}
    for manifest in snapshot.manifests:
        ref = ref_of(manifest)
        live[ref] = cluster.read(space.namespace, ref)
        answer = _dry_run(cluster, space, manifest, notes)
        if answer:
            notes.warnings.extend(answer.warnings)
            notes.diff.append(_diff_row(ref, live[ref], answer.manifest))
    workload = find_workload(snapshot.manifests)
    effects = _quota(cluster, space, workload, live.get(ref_of(workload)), notes)
    _try_pod(cluster, space, workload, effects, notes)
    findings = {
        "diff": notes.diff,
        "quota": [asdict(effect) for effect in effects],
        "warnings": list(dict.fromkeys(notes.warnings)),
        "problems": [asdict(problem) for problem in notes.problems],
        "conflicts": notes.conflicts,
    }
    message = notes.problems[0].message if notes.problems else ""
    return Examination(findings, fingerprint(live), notes.reason, message)


def _diff_row(ref: ObjectRef, live: Manifest | None, wanted: Manifest) -> dict[str, Any]:
    diff = diff_object(ref, live, wanted)
    return {
        "kind": ref.kind,
        "name": ref.name,
        "action": diff.action,
        "changes": [asdict(change) for change in diff.changes],
        "lines": list(diff.unified),
    }


def _dry_run(cluster: KubernetesCluster, space: Space, manifest: Manifest, notes: _Notes) -> Applied | None:
    where = f"{manifest['kind']} {manifest['metadata']['name']}"
    try:
        return cluster.dry_run(space.namespace, manifest)
    except Conflict as conflict:
        notes.conflicts.extend(
            {"manager": cause.manager, "path": cause.path, "object": where} for cause in conflict.causes
        )
        if space.force_conflicts:
            return cluster.dry_run(space.namespace, manifest, force=True)
        owners = sorted({cause.manager for cause in conflict.causes}) or [_("somebody else")]
        sentence = _("Changed outside the platform by %(owners)s: %(why)s", owners=owners, why=conflict.said)
        notes.refuse(Reason.CONFLICT, Problem(where, sentence))
    except Forbidden as error:
        notes.refuse(Reason.REFUSED, Problem(where, error.said))
    except Rejected as error:
        for problem in error.problems or (Problem(where, error.said),):
            notes.refuse(Reason.QUOTA if error.reason == "quota" else Reason.MANIFEST, problem)
    except NotFound as error:
        notes.refuse(Reason.REFUSED, Problem(where, error.said))
    return None


def _quota(
    cluster: KubernetesCluster, space: Space, workload: Manifest, live: Manifest | None, notes: _Notes
) -> tuple[QuotaEffect, ...]:
    spec = workload["spec"]
    after = Load(pod_cost(spec["template"]["spec"]), int(spec.get("replicas", 1)))
    before = _live_load(live)
    effects = quota_effect(
        cluster.quota(space.namespace), before, after, rolling_plan(after.pods, spec.get("strategy"))
    )
    for effect in effects:
        if effect.short_by:
            short, wanted, allowed = (_amount(effect, value) for value in (effect.short_by, effect.after, effect.hard))
            sentence = _(
                "Quota %(quota)s is short by %(short)s of %(resource)s: %(wanted)s wanted, %(allowed)s allowed.",
                quota=effect.quota,
                short=short,
                resource=effect.resource,
                wanted=wanted,
                allowed=allowed,
            )
            notes.refuse(Reason.QUOTA, Problem(effect.resource, sentence))
        elif effect.peak_short_by:
            notes.warnings.append(
                _(
                    "Quota %(quota)s has too little %(resource)s to replace pods at full speed.",
                    quota=effect.quota,
                    resource=effect.resource,
                )
            )
    return effects


def _amount(effect: QuotaEffect, value: int) -> str:
    """As Kubernetes writes it: ``150m``, ``1536Mi``, ``12``."""
    if effect.resource.endswith("cpu"):
        return format_cpu(value)
    return format_memory(value) if effect.resource.endswith(("memory", "storage")) else str(value)


def _live_load(live: Manifest | None) -> Load:
    if live is None:
        return Load(pod_cost({}), 0)
    return Load(pod_cost(live["spec"]["template"]["spec"]), int(live["spec"].get("replicas", 1)))


def _try_pod(
    cluster: KubernetesCluster, space: Space, workload: Manifest, effects: tuple[QuotaEffect, ...], notes: _Notes
) -> None:
    """A dry-run pod meets LimitRange, PodSecurity and quota, which a Deployment's dry run does not."""
    template = workload["spec"]["template"]
    metadata = {
        "name": f"{workload['metadata']['name'][:50]}-preflight",
        **{k: v for k, v in (template.get("metadata") or {}).items() if k in ("labels", "annotations")},
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    try:
        notes.warnings.extend(cluster.dry_run_pod(space.namespace, pod))
    except Forbidden as error:
        notes.warnings.append(_("A trial pod could not be made: %(why)s", why=error.said))
    except Rejected as error:
        # A full quota of pods that are about to be replaced is not a problem; our own sum has decided that.
        if error.reason != "quota" or not effects:
            notes.refuse(Reason.QUOTA if error.reason == "quota" else Reason.MANIFEST, Problem("Pod", error.said))
    except NotFound as error:
        notes.refuse(Reason.REFUSED, Problem("Pod", error.said))
