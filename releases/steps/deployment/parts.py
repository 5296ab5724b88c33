"""Which objects of a deployment the cluster accepted, and which were never sent or were refused."""

from __future__ import annotations

from foundation.messages import Message
from foundation.messages import message as _
from releases.models import Deployment


def parts_of(deployment: Deployment) -> Message:
    """``Applied: ConfigMap/a. Not applied: Deployment/b.``"""
    applied = [f"{row['kind']}/{row['name']}" for row in deployment.applied]
    wanted = deployment.snapshot.manifests if deployment.snapshot else []
    names = [f"{manifest['kind']}/{manifest['metadata']['name']}" for manifest in wanted]
    rest = [name for name in names if name not in applied]
    if not rest:
        return _("Applied: %(applied)s.", applied=applied)
    return _("Applied: %(applied)s. Not applied: %(rest)s.", applied=applied, rest=rest)
