"""The cluster that the platform itself runs in: Kubernetes tells every pod its address and mounts its account's token.

Source: "Accessing the Kubernetes API from a Pod" of the Kubernetes documentation; client-go reads the same three.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from deployer.errors import Unavailable
from environments.reasons import NOT_IN_CLUSTER
from foundation.messages import message as _
from foundation.problems import Refused

_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True)
class OwnCluster:
    """Address, CA certificate (PEM) and the pod's token as it is now: the kubelet replaces it before it expires."""

    url: str
    ca_pem: str
    token: str = field(repr=False)


def own_cluster() -> OwnCluster:
    """Read anew at each call, so that a rotated token is used at once.

    Raises Refused (400) where the platform runs in no cluster; Unavailable while the files cannot be read.
    """
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{part}", "").strip() for part in ("HOST", "PORT"))
    folder = Path(settings.SERVICE_ACCOUNT_FOLDER)
    if not host or not port:
        raise _not_in_one()
    if not folder.is_dir():
        raise Refused(
            _("The platform's pod has no service account's token: its automountServiceAccountToken is false."),
            NOT_IN_CLUSTER,
            _("Who installs the platform lets its pods mount the token, or gives the cluster by address and token."),
            status=400,
        )
    try:
        token = (folder / "token").read_text(encoding="ascii").strip()
        ca_pem = (folder / "ca.crt").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise Unavailable(_("The token of the platform's own account cannot be read just now.")) from None
    if not token or not token.isprintable():
        raise Unavailable(_("The token of the platform's own account cannot be read just now."))
    host = f"[{host}]" if ":" in host else host
    return OwnCluster(f"https://{host}:{port}", ca_pem, token)


def _not_in_one() -> Refused:
    return Refused(
        _("The platform does not run in a cluster: give address and token, or a kubeconfig."),
        NOT_IN_CLUSTER,
        _("The variables that Kubernetes sets in a pod are not set here: KUBERNETES_SERVICE_HOST and _PORT."),
        status=400,
    )


def own_address() -> str:
    """To be shown; empty where the platform runs in no cluster."""
    try:
        return own_cluster().url
    except (Refused, Unavailable):
        return ""


def own_account() -> tuple[str, str] | None:
    """Namespace and name of the pod's service account, as its token says; None where that cannot be known."""
    try:
        payload = own_cluster().token.split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]
    except (Refused, Unavailable, IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return None
    namespace, _colon, name = str(said).removeprefix(_ACCOUNT).partition(":")
    return (namespace, name) if str(said).startswith(_ACCOUNT) and namespace and name else None
