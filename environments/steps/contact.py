"""Is a cluster there? One small question each 2 s, from one process at a time, decides it for everybody.

The run names no remote, so that neither a breaker nor the slots of a cluster that hangs hold it back.
"""

from __future__ import annotations

from deployer.adapters import kubernetes
from deployer.errors import OutcomeUnknown, Unavailable
from environments.models import ClusterContact
from environments.targets import cluster_target
from foundation import breakers
from foundation.encryption import SecretUnreadable
from foundation.problems import Refused
from foundation.runs.engine import Again, Lease, Outcome, Parked
from foundation.runs.writeback import tell_contact_is_back, tell_contact_is_lost

PAUSE_SECONDS = 2.0
PATIENCE_SECONDS = (1.5, 1.0)
"""How long an answer may take, and the answer to the second question that a silence is followed by at once: a pause
and both together are less than the 5 s within which a lost cluster must be known."""
UNUSABLE_SECONDS = 30.0
"""Until then an address or credentials that cannot be used are not looked at again."""
HEARD, LOST = "heard", "lost"


def step(lease: Lease) -> Outcome:
    """One question; parked for a cluster in the archive."""
    row: ClusterContact = ClusterContact.objects.select_related("cluster").get(pk=lease.pk)
    if row.cluster.is_archived:
        return Parked()
    key = row.cluster.remote_key
    try:
        _ask(lease, row)
    except (Refused, SecretUnreadable):
        # The run that uses the cluster is told why; that is no silence.
        return Again(UNUSABLE_SECONDS)
    except (Unavailable, OutcomeUnknown) as error:
        lease.save(phase=LOST)
        tell_contact_is_lost(key, error)
        return Again(PAUSE_SECONDS)
    breakers.note_answer(key)
    if row.phase == LOST:
        # Only a silence that was heard here ends here: who asked for time (429) is left alone for as long.
        tell_contact_is_back(key)
    if row.phase != HEARD:
        lease.save(phase=HEARD)
    return Again(PAUSE_SECONDS)


def _ask(lease: Lease, row: ClusterContact) -> None:
    first, second = PATIENCE_SECONDS
    target = cluster_target(row.cluster)
    with lease.open(kubernetes.connect, target, remote="") as client:
        try:
            client.ping(seconds=first)
        except Unavailable:
            client.ping(seconds=second)
