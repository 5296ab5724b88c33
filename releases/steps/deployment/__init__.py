"""A deployment: wait for its review, apply with the fence, follow to a verdict; one file a phase."""

from __future__ import annotations

from deployer.errors import NotFound, Rejected
from foundation.messages import join_messages
from foundation.messages import message as _
from foundation.problems import Refused, Stale
from foundation.runs.choices import RunState
from foundation.runs.lease import Done, Lease, Outcome
from releases.choices import Reason
from releases.models import Deployment
from releases.steps.deployment.apply import apply, await_namespace
from releases.steps.deployment.ends import end
from releases.steps.deployment.entry import check_entry
from releases.steps.deployment.follow import follow
from releases.steps.deployment.parts import parts_of
from releases.steps.deployment.remove import remove
from releases.steps.deployment.start import start
from releases.steps.namespaces import NAMESPACE_PHASE

PHASES = {
    "start": start,
    "applying": apply,
    NAMESPACE_PHASE: await_namespace,
    "rolling": follow,
    "checking": check_entry,
    "removing": remove,
}
_WIDE = ("snapshot__origins",)
"""Columns that no pass reads, and that are most of the bytes of these rows."""


def step(lease: Lease) -> Outcome:
    """One pass over a deployment; every phase may run twice and be killed anywhere."""
    rows = Deployment.objects.select_related(
        "order__project",
        "order__component",
        "space__cluster",
        "space__environment",
        "space__project",
        "snapshot__entry_check",
        "drp_switch",
        "deployed_by",
        "component",
    )
    deployment: Deployment = rows.defer(*_WIDE).get(pk=lease.pk)
    if deployment.is_terminal:
        return Done()
    if deployment.cancel_requested_at:
        message = (
            join_messages(_("Cancelled: what the cluster had accepted by then stays as it is."), parts_of(deployment))
            if deployment.applied
            else _("Cancelled before anything was applied.")
        )
        return end(lease, deployment, RunState.CANCELLED, Reason.CANCELLED, message)
    try:
        return _phase(lease, deployment)
    except (Rejected, NotFound) as error:
        # A clear refusal of a read (credentials, rights): the cause must be on the row, at once.
        return end(lease, deployment, RunState.ERRORED, Reason.REFUSED, error.message)
    except Refused as refusal:
        if isinstance(refusal, Stale):
            raise
        return end(lease, deployment, RunState.ERRORED, Reason.REFUSED, refusal.message)


def _phase(lease: Lease, deployment: Deployment) -> Outcome:
    """A worker goes on from ``start`` to applying in one pass: every gate was asked this instant."""
    is_first = deployment.phase == "start"
    outcome = PHASES[deployment.phase](lease, deployment)
    if is_first and lease.is_hinted and deployment.phase == "applying":
        return apply(lease, deployment, is_asked=True)
    return outcome
