"""Why a run of this room did not succeed: the documented set, one sentence each. The run's message has the details."""

from __future__ import annotations

from foundation.problems import Sentence
from foundation.sentences import say as _

ADDRESS_REFUSED = "address-refused"
UNREACHABLE = "unreachable"
FORBIDDEN = "forbidden"
REJECTED = "rejected"
CONFLICT = "conflict"
NAMESPACE_MISSING = "namespace-missing"
NAMESPACE_TAKEN = "namespace-taken"
SECRET_UNREADABLE = "secret-unreadable"  # noqa: S105 (the name of a reason)

SENTENCES: dict[str, Sentence] = {
    ADDRESS_REFUSED: _("The platform may not call this address."),
    UNREACHABLE: _("The cluster did not answer. Check address, certificate and network, then test again."),
    FORBIDDEN: _("The cluster refused the platform's credentials, or they lack a right."),
    REJECTED: _("The cluster refused what the platform sent."),
    CONFLICT: _("Somebody else manages a field that the platform sets: allow overwriting in the policy, or leave it."),
    NAMESPACE_MISSING: _(
        "There is no such namespace, and the platform may not create it: create it in the cluster, or grant the right."
    ),
    NAMESPACE_TAKEN: _("The namespace belongs to another space of this platform: choose another name."),
    SECRET_UNREADABLE: _("The stored credentials cannot be read any more: enter them again."),
    "engine": _(
        "The platform itself failed on this, and logged it. Try again; tell a platform administrator if it repeats."
    ),
}


def sentence_of(reason: str) -> Sentence:
    """The reason in the reader's language; blank for none."""
    return SENTENCES.get(reason, reason)
