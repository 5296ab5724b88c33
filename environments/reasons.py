"""Why a run of this app did not succeed: the documented set, one message each. The run's message has the details."""

from __future__ import annotations

from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Refused

ADDRESS_REFUSED = "address-refused"
NOT_IN_CLUSTER = "not-in-cluster"
UNREACHABLE = "unreachable"
FORBIDDEN = "forbidden"
REJECTED = "rejected"
CONFLICT = "conflict"
NAMESPACE_MISSING = "namespace-missing"
NAMESPACE_TAKEN = "namespace-taken"
NO_RIGHTS = "no-rights"
RIGHTS_MISSING = "rights-missing"
PULL_SECRET_TAKEN = "pull-secret-taken"  # noqa: S105 (the name of a reason)
SECRET_UNREADABLE = "secret-unreadable"  # noqa: S105 (the name of a reason)

MESSAGES: dict[str, MessageLike] = {
    ADDRESS_REFUSED: _("The platform may not call this address."),
    NOT_IN_CLUSTER: _("This cluster is the one that the platform runs in."),
    UNREACHABLE: _("The cluster did not answer. Check address, certificate and network, then test again."),
    FORBIDDEN: _("The cluster refused the platform's credentials, or they lack a right."),
    REJECTED: _("The cluster refused what the platform sent."),
    CONFLICT: _("Somebody else manages a field that the platform sets: allow overwriting in the policy, or leave it."),
    NAMESPACE_MISSING: _(
        "There is no such namespace, and the platform may not create it: create it in the cluster, or grant the right."
    ),
    NAMESPACE_TAKEN: _("The namespace belongs to another space of this platform: choose another name."),
    PULL_SECRET_TAKEN: _(
        "A Secret of this name is there that this platform did not make, so it was left alone: remove or rename it."
    ),
    NO_RIGHTS: _(
        "The cluster answers, but this account may do nothing there: its page has a manifest that gives the rights."
    ),
    RIGHTS_MISSING: _("The cluster answers, but rights are missing: its page has a manifest that gives them."),
    SECRET_UNREADABLE: _("The stored credentials cannot be read any more: enter them again."),
    "engine": _(
        "The platform itself failed on this, and logged it. Try again; tell a platform administrator if it repeats."
    ),
}


def reason_of(error: Refused) -> str:
    """Why the address of a cluster cannot be used, as ``cluster_target`` says it."""
    return NOT_IN_CLUSTER if error.code == NOT_IN_CLUSTER else ADDRESS_REFUSED


def message_for(reason: str) -> MessageLike:
    """The reason in the reader's language; blank for none."""
    return MESSAGES.get(reason, reason)
