"""A pod made only to be tried: LimitRange, PodSecurity, admission and quota answer to it, and not to a Deployment."""

from __future__ import annotations

from collections.abc import Sequence

from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import DeployerError, Forbidden, NotFound, Problem, QuotaExceeded, Rejected
from deployer.interfaces import Manifest
from deployer.messages import message as _
from deployer.quota import QuotaEffect
from releases.choices import Reason
from releases.steps.review.notes import Notes


def try_pod(cluster: KubernetesCluster, namespace: str, workload: Manifest) -> tuple[str, ...]:
    """The server's warnings about a pod of this workload; raises what it refuses."""
    return cluster.dry_run_pod(namespace, _pod_of(workload))


def note_trial(outcome: tuple[str, ...] | DeployerError, effects: Sequence[QuotaEffect], notes: Notes) -> None:
    """Everything that the server says of a pod of this workload is a problem of the review, in its own words.

    Left out is only that a quota is full whose lines our own sum (``effects``) has judged: the server counts the old
    pods, which leave for the new ones.
    """
    try:
        if isinstance(outcome, DeployerError):
            raise outcome
        notes.warnings.extend(outcome)
    except Forbidden as error:
        notes.warnings.append(_("A trial pod could not be made: %(why)s", why=error.message))
    except QuotaExceeded as error:
        if not _is_judged(error, effects):
            notes.refuse(Reason.QUOTA, Problem("Pod", error.message))
    except Rejected as error:
        for problem in error.problems or (Problem("", error.message),):
            notes.refuse(Reason.MANIFEST, Problem(f"Pod {problem.path}".rstrip(), problem.message))
    except NotFound as error:
        notes.refuse(Reason.REFUSED, Problem("Pod", error.message))


def _pod_of(workload: Manifest) -> Manifest:
    template = workload["spec"]["template"]
    metadata = {
        "name": f"{workload['metadata']['name'][:50]}-preflight",
        **{k: v for k, v in (template.get("metadata") or {}).items() if k in ("labels", "annotations")},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _is_judged(error: QuotaExceeded, effects: Sequence[QuotaEffect]) -> bool:
    known = {effect.resource for effect in effects if effect.quota == error.quota}
    return bool(error.resources) and error.resources <= known
