"""A deployment: wait for its review, apply with the fence, follow to a verdict; one file a phase."""

from __future__ import annotations

from deployer.errors import NotFound, Rejected
from foundation.problems import Refused, Stale
from foundation.runs.choices import RunState
from foundation.runs.lease import Done, Lease, Outcome
from foundation.sentences import say as _
from releases.choices import Reason
from releases.models import Deployment
from releases.steps.deployment.apply import apply
from releases.steps.deployment.ends import end
from releases.steps.deployment.follow import follow
from releases.steps.deployment.start import start

PHASES = {"start": start, "applying": apply, "rolling": follow}


def step(lease: Lease) -> Outcome:
    """One pass over a deployment; every phase may run twice and be killed anywhere."""
    rows = Deployment.objects.select_related(
        "order__project",
        "order__component",
        "space__cluster",
        "space__environment",
        "space__project",
        "snapshot",
        "review__snapshot",
        "deployed_by",
        "component",
    )
    deployment: Deployment = rows.get(pk=lease.pk)
    if deployment.is_terminal:
        return Done()
    if deployment.cancel_requested_at:
        sentence = (
            _("Cancelled: what the cluster had accepted by then stays as it is.")
            if deployment.applied
            else _("Cancelled before anything was applied.")
        )
        return end(lease, deployment, RunState.CANCELLED, Reason.CANCELLED, sentence)
    try:
        return PHASES[deployment.phase](lease, deployment)
    except (Rejected, NotFound) as error:
        # A clear no to a look (credentials, rights): the cause must be on the row, at once.
        return end(lease, deployment, RunState.ERRORED, Reason.REFUSED, error.said)
    except Refused as refusal:
        if isinstance(refusal, Stale):
            raise
        return end(lease, deployment, RunState.ERRORED, Reason.REFUSED, refusal.sentence)
