"""What a deployment will do, in one sentence made of the real strategy and of how long it took before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from deployer.manifests import find_workload
from deployer.quantities import QuantityError, rolling_plan
from foundation.durations import roughly
from releases.models import Deployment, Placement, Snapshot
from releases.views.shown.usual import usual_rollout


@dataclass(frozen=True)
class Effect:
    """``after``: pods there will be; ``sentence`` says how they come there and how long it takes."""

    after: int
    sentence: str


def effect_of(snapshot: Snapshot, place: Placement | None, running: Deployment | None) -> Effect | None:
    """One query. None for a snapshot without manifests."""
    if not snapshot.manifests:
        return None
    spec: Mapping[str, Any] = find_workload(snapshot.manifests)["spec"]
    after = int(spec.get("replicas", 1))
    name = snapshot.space.environment.label
    parts = [_what(after, place.wanted if place and running else 0, name)]
    if running is not None and after > 1:
        parts.append(_how(after, spec.get("strategy")))
    seconds = usual_rollout(snapshot.component_id, snapshot.space_id)
    if seconds is not None:
        parts.append(_("about %(time)s") % {"time": roughly(seconds)})
    return Effect(after, _list(parts))


def _what(after: int, before: int, name: str) -> str:
    if not before:
        return ngettext("Start %(n)s pod in %(name)s", "Start %(n)s pods in %(name)s", after) % {
            "n": after,
            "name": name,
        }
    if before == after:
        sentence = ngettext("Replace %(n)s pod in %(name)s", "Replace %(n)s pods in %(name)s", after)
        return sentence % {"n": after, "name": name}
    sentence = ngettext(
        "Replace %(before)s pods in %(name)s by %(n)s", "Replace %(before)s pods in %(name)s by %(n)s", after
    )
    return sentence % {"n": after, "name": name, "before": before}


def _how(after: int, strategy: Mapping[str, Any] | None) -> str:
    if (strategy or {}).get("type") == "Recreate":
        return _("all at once: nothing serves in between")
    try:
        plan = rolling_plan(after, strategy)
    except QuantityError:
        return ""
    together = min(after, max(1, plan.surge + plan.unavailable))
    return ngettext("%(n)s at a time", "%(n)s at a time", together) % {"n": together}


def _list(parts: Sequence[str]) -> str:
    return pgettext("between parts of a sentence", ", ").join(part for part in parts if part)
