"""Whether the entry check of a snapshot can be made at all: said in the review, not after the rollout."""

from __future__ import annotations

from components.choices import EntryKind
from components.services.entry_checks import SCHEMES
from deployer.adapters.kubernetes import KubernetesCluster
from deployer.errors import Problem
from deployer.manifests import service_port, service_ports
from deployer.messages import message as _
from environments.models import Space
from foundation.messages import as_message
from foundation.outbound import HostUnknown, check_url
from foundation.problems import Refused
from releases.choices import Reason
from releases.models import Snapshot
from releases.steps.review.notes import Notes

PLACE = "entry check"


def examine_entry(cluster: KubernetesCluster, space: Space, snapshot: Snapshot, notes: Notes) -> None:
    """A Service that is not in the set, a right that is missing, an address that may not be asked."""
    check = snapshot.entry_check
    if check is None:
        return
    if check.kind == EntryKind.URL:
        _examine_url(check.url, notes)
        return
    if service_port(snapshot.manifests, check.port) is None:
        known = service_ports(snapshot.manifests)
        said = (
            _(
                "The entry check asks port %(port)s, and no Service has it. There is: %(known)s.",
                port=check.port,
                known=known,
            )
            if known
            else _("The entry check asks a Service, and the templates make none.")
        )
        notes.refuse(Reason.MANIFEST, Problem(PLACE, said))
    elif not cluster.may_ask_services(space.namespace):
        said = _(
            "The entry check asks a Service through the API server. The platform's account lacks the right to get"
            " services/proxy in %(namespace)s. The page of the cluster has a manifest that gives it.",
            namespace=space.namespace,
        )
        notes.refuse(Reason.REFUSED, Problem(PLACE, said))


def _examine_url(url: str, notes: Notes) -> None:
    try:
        check_url(url, allowed_schemes=SCHEMES)
    except HostUnknown:
        notes.warnings.append(_("The host of the entry check %(url)s has no address yet.", url=url))
    except Refused as refused:
        notes.refuse(Reason.REFUSED, Problem(PLACE, as_message(refused.message)))
