"""An object that is on its way out: nothing is applied onto it, for it would go with what was applied.

The API server takes such an apply with 200, and the object disappears once its pods or finalizers have.
"""

from __future__ import annotations

from deployer.interfaces import Manifest
from deployer.manifests import finalizers_of
from foundation.messages import Message
from foundation.messages import message as _

PATIENCE_SECONDS = 60.0
"""So long a deployment waits for it to be gone."""


def is_leaving(live: Manifest | None) -> bool:
    """Whether somebody deleted it and it is still there."""
    return bool(((live or {}).get("metadata") or {}).get("deletionTimestamp"))


def leaving_message(live: Manifest) -> Message:
    """What it waits for, and what to do."""
    names = finalizers_of(live)
    where = f"{live['kind']}/{live['metadata']['name']}"
    since = str(live["metadata"]["deletionTimestamp"]).replace("T", " ").removesuffix("Z")
    if not names:
        return _(
            "%(object)s is being deleted since %(since)s UTC and waits for its pods to end. Review again when it is "
            "gone.",
            object=where,
            since=since,
        )
    return _(
        "%(object)s is being deleted since %(since)s UTC and waits for the finalizers %(names)s. People who set them "
        "take them away; review again when it is gone.",
        object=where,
        since=since,
        names=names,
    )
