"""What a deployment removes that a person must have ticked: workloads, and Services reached from outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deployer.interfaces import Manifest
from deployer.manifests import needs_tick, ref_of
from foundation.messages import message as _
from foundation.problems import Invalid, Refused
from releases.models import Placement, Snapshot


def reviewed_ticks(findings: Mapping[str, Any]) -> list[str]:
    """``Kind/name`` of what a review found that goes only with a tick."""
    return [f"{row['kind']}/{row['name']}" for row in findings.get("removals", []) if row["needs_tick"]]


def roll_back_ticks(place: Placement, target: Snapshot) -> list[str]:
    """The same for a roll back, from the snapshots: what was applied or succeeded there and is not of the target."""
    wanted = {ref_of(manifest) for manifest in target.manifests}
    standing: dict[str, Manifest] = {}
    for deployment in (place.last_applied, place.last_succeeded):
        for manifest in deployment.snapshot.manifests if deployment and deployment.snapshot else ():
            if needs_tick(manifest) and ref_of(manifest) not in wanted:
                standing[f"{manifest['kind']}/{manifest['metadata']['name']}"] = manifest
    return list(standing)


def missing_ticks(needed: Iterable[str], ticked: Sequence[str]) -> list[str]:
    """Those that still have to be ticked."""
    return [name for name in needed if name not in ticked]


def ensure_ticked(needed: Sequence[str], ticked: Sequence[str]) -> None:
    """Raise Refused for what was not ticked, Invalid for what this deployment does not remove."""
    if unneeded := [name for name in ticked if name not in needed]:
        raise Invalid({"removals": [_("This removes no %(objects)s: review again.", objects=unneeded)]})
    if missing := missing_ticks(needed, ticked):
        raise Refused(
            _(
                "It removes %(objects)s, which people may be using: tick each in the review, or keep it in the "
                "templates.",
                objects=missing,
            ),
            "removals-not-ticked",
        )
