"""What a workload and its objects need of the namespace's quotas, and the message where one is short."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deployer.interfaces import Manifest, QuotaLine, QuotaScope
from deployer.messages import Message
from deployer.messages import message as _
from deployer.quantities import format_cpu, format_memory
from deployer.quota import NO_LOAD, Load, QuotaEffect, load_of


def pods_wanted(workload: Manifest, live: Manifest | None, scaler: Manifest | None) -> int:
    """Pods once it is applied; an autoscaler keeps the live number inside its bounds."""
    if scaler is None:
        return replicas_of(workload)
    spec = scaler["spec"]
    least, most = int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])
    return min(most, max(least, replicas_of(live) if live else least))


def replicas_of(workload: Manifest) -> int:
    """``spec.replicas``; 1 where it is left out, as the server does."""
    found = workload["spec"].get("replicas")
    return 1 if found is None else int(found)


def load_now(live: Manifest | None, limit_ranges: Sequence[Manifest] = ()) -> Load:
    """What the live workload uses. Raises QuantityError."""
    return NO_LOAD if live is None else load_of(live["spec"]["template"]["spec"], replicas_of(live), limit_ranges)


def shortage(effect: QuotaEffect) -> Message:
    """Where there is one (``short_by``): how much is missing of what is needed, pods of the surge included."""
    short, wanted, allowed = (amount(effect, value) for value in (effect.short_by, effect.needed, effect.hard))
    values = {
        "quota": effect.quota,
        "short": short,
        "resource": effect.resource,
        "wanted": wanted,
        "allowed": allowed,
    }
    if effect.needed > effect.after:
        return _(
            "Quota %(quota)s is short by %(short)s of %(resource)s: %(wanted)s wanted, %(allowed)s allowed. "
            "Old pods stay until a new one is ready.",
            **values,
        )
    return _("Quota %(quota)s is short by %(short)s of %(resource)s: %(wanted)s wanted, %(allowed)s allowed.", **values)


def amount(effect: QuotaEffect, value: int) -> str:
    """As Kubernetes writes it: ``150m``, ``1536Mi``, ``12``."""
    if effect.resource.endswith("cpu"):
        return format_cpu(value)
    return format_memory(value) if effect.resource.endswith(("memory", "storage")) else str(value)


def lines_from(stored: Sequence[Mapping[str, Any]]) -> tuple[QuotaLine, ...]:
    """Lines of a :class:`~environments.models.QuotaObservation`."""
    return tuple(
        QuotaLine(
            quota=str(line["quota"]),
            resource=str(line["resource"]),
            hard=int(line["hard"]),
            used=int(line["used"]),
            scopes=tuple(
                QuotaScope(str(scope["name"]), str(scope["operator"]), tuple(scope["values"]))
                for scope in line.get("scopes", ())
            ),
        )
        for line in stored
    )
