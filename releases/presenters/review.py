"""A review: what it saw and whether that has moved since, quota bars, and what a deployment will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import ngettext, pgettext

from accounts.models import User
from deployer.manifests import find_workload, wanted_replicas
from deployer.quantities import QuantityError, bytes_to_gib, millicores_to_cores, rolling_plan
from environments.access import Rights, names_who_may, who_may
from environments.models import Space
from foundation.durations import roughly
from foundation.messages import MessageLike, localized_list, localized_names
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases.choices import Reason
from releases.gates import Gate, deployment_gates, first_closed, removal_gates
from releases.models import Approval, Deployment, Placement, ReleaseOrder, Review, Snapshot
from releases.node_capacity import NodeCapacity
from releases.place_gates import role_gate
from releases.presenters.build import usual_rollout
from releases.presenters.words import reason_of
from releases.services.reviews import field_key

CPU = ("cpu", "requests.cpu", "limits.cpu")
RESOURCES: dict[str, MessageLike] = {
    "requests.cpu": _("CPU lower"),
    "limits.cpu": _("CPU upper"),
    "requests.memory": _("Memory lower"),
    "limits.memory": _("Memory upper"),
    "pods": "Pods",
}
"""What a quota's line is called here; other lines keep Kubernetes' own name."""
_PLACES = {name: place for place, name in enumerate(RESOURCES)}


@dataclass(frozen=True)
class Bar:
    """One line of a quota, texts in ``unit``; percentages of the hard limit, at most 100."""

    resource: MessageLike
    unit: MessageLike
    used: str
    after: str
    peak: str
    hard: str
    short: str
    used_percent: int
    after_percent: int
    peak_percent: int
    left: str


def bars_of(review: Review) -> list[Bar]:
    """The quota lines that this deployment counts towards, in the order of the allocation's fields."""
    rows = sorted(review.findings.get("quota", []), key=lambda row: _PLACES.get(str(row["resource"]), 99))
    return [_bar(row) for row in rows]


def _bar(row: Mapping[str, Any]) -> Bar:
    resource, hard = str(row["resource"]), int(row["hard"])
    show: Callable[[int], str] = str
    unit: MessageLike = ""
    if resource in CPU:
        show, unit = millicores_to_cores, _("cores")
    elif resource.endswith(("memory", "storage")):
        show, unit = bytes_to_gib, "GiB"
    missing = int(row.get("short_by") or 0)
    return Bar(
        resource=RESOURCES.get(resource, resource),
        unit=unit,
        used=_short(show(int(row["used"]))),
        after=_short(show(int(row["after"]))),
        peak=_short(show(int(row["peak"]))),
        hard=_short(show(hard)),
        short=_short(show(missing)) if missing else "",
        used_percent=_percent(int(row["used"]), hard),
        after_percent=_percent(int(row["after"]), hard),
        peak_percent=_percent(int(row["peak"]), hard),
        left=_short(show(max(0, hard - int(row["after"])))),
    )


def _percent(part: int, whole: int) -> int:
    return min(100, part * 100 // whole) if whole else 100


def _short(text: str) -> str:
    """At most three decimals: exact amounts of foreign pods may have dozens."""
    whole, dot, decimals = text.partition(".")
    return f"{whole}.{decimals[:3]}".rstrip("0").rstrip(".") if dot else whole


def node_capacity_of(review: Review | None) -> NodeCapacity | None:
    """Whether the nodes have capacity, as the review saw it; None in a review that did not ask."""
    found = review.findings.get("nodes") if review else None
    if not found:
        return None
    seen_at = parse_datetime(str(found.get("seen_at") or ""))
    return NodeCapacity(str(found["outcome"]), found["message"], seen_at)


# ---------------------------------------------------------------- the review's own gates
def review_gates(review: Review | None, bars: list[Bar]) -> list[Gate]:
    """Whether there is a review that found nothing, and whether the quota allows it: what this page asks for first."""
    if review is None:
        return [Gate("reviewed", False, _("It is not reviewed yet: review it first."))]
    if review.is_active:
        return [Gate("reviewed", False, _("The review is under way: a moment."), since=review.created_at)]
    if review.state != RunState.SUCCEEDED:
        if review.reason == Reason.QUOTA and bars:
            return [_quota_gate(review, bars)]
        return [Gate("reviewed", False, _why_not_reviewed(review), since=review.finished_at)]
    message = _("Reviewed: nothing stands in the way in the cluster.")
    fine = Gate("reviewed", True, message, since=review.finished_at)
    return [fine, _quota_gate(review, bars)] if bars else [fine]


def gates_to_deploy(
    order: ReleaseOrder, space: Space, review: Review | None, snapshot: Snapshot | None, rights: Rights
) -> list[Gate]:
    """All that must hold before this person may deploy it there, the right and the review's own first.

    Four eyes are about who deploys: they tell nothing to those who never may.
    """
    role = role_gate(rights, "deploy", space)
    deployer = rights.user if role.is_open else None
    asked_again = deployment_gates(order, space, snapshot=snapshot, deployer=deployer)
    return [role, *asked_first(review, space), *asked_again]


def gates_for_others(order: ReleaseOrder, space: Space, review: Review | None, snapshot: Snapshot | None) -> list[Gate]:
    """The same for anybody who may deploy there: nothing is asked of the reader."""
    return [*asked_first(review, space), *deployment_gates(order, space, snapshot=snapshot, deployer=None)]


def asked_first(review: Review | None, space: Space) -> list[Gate]:
    """The review's own gates with who can clear them; empty where deploying makes its own review."""
    if not space.asks_review:
        return []
    found = review_gates(review, bars_of(review) if review else [])
    return [gate if gate.is_open else replace(gate, who=_clearers(gate, review, space)) for gate in found]


def _clearers(gate: Gate, review: Review | None, space: Space) -> MessageLike:
    """Who reviews it, or mends what the review found: its component's settings, or what it may take."""
    if gate.code == "quota":
        names = [*names_who_may("edit_allocation", space=space), *names_who_may("manage_places")]
        return localized_names(dict.fromkeys(names))
    is_ended = review is not None and not review.is_active
    verb = "edit_component" if is_ended else "review"
    return who_may(verb, space=space)


def gates_shown(found: list[Gate]) -> dict[str, Any]:
    """What the verdict of a page draws: the closed ones, the others folded, and what stands in the way first."""
    closed = [gate for gate in found if not gate.is_open]
    return {
        "gates": found,
        "closed_gates": closed,
        "passed_gates": [gate for gate in found if gate.is_open],
        "closed_count": len(closed),
        "first_closed": first_closed(found),
    }


def gates_of_removal(review: Review | None, order: ReleaseOrder, space: Space, deployer: User | None) -> list[Gate]:
    """What must hold before that person may remove what the review found."""
    snapshot = review.snapshot if review else None
    return [*review_gates(review, []), *removal_gates(order, space, snapshot=snapshot, deployer=deployer)]


def _why_not_reviewed(review: Review) -> MessageLike:
    """In one line: the page lists the problems and the conflicts below it."""
    if review.state != RunState.FAILED:
        return _("The review did not come to its end: %(message)s", message=review.message or reason_of(review))
    conflicts = len(review.findings.get("conflicts", []))
    if review.reason == Reason.CONFLICT and conflicts:
        return ngettext(
            "%(n)s field was set outside the platform.", "%(n)s fields were set outside the platform.", conflicts
        ) % {"n": conflicts}
    problems = len(problems_of(review))
    return ngettext("The review found %(n)s problem.", "The review found %(n)s problems.", problems) % {"n": problems}


def problems_of(review: Review | None) -> list[dict[str, Any]]:
    """What stands in the way beside the conflicts, which have a list of their own."""
    if review is None:
        return []
    rows = list(review.findings.get("problems", []))
    if review.message and all(str(row["message"]) != str(review.message) for row in rows):
        rows.insert(0, {"path": "", "message": review.message})
    return [row for row in rows if not row.get("is_conflict")]


def _quota_gate(review: Review, bars: list[Bar]) -> Gate:
    """As the review saw the quota."""
    short = [bar for bar in bars if bar.short]
    if short:
        lines = (f"{bar.resource} {bar.short} {bar.unit}".strip() for bar in short)
        message = _("The quota is short by %(what)s.", what=localized_list(lines))
        return Gate("quota", False, message, since=review.seen_at or review.finished_at)
    left = localized_list(f"{bar.resource} {bar.left} {bar.unit}".strip() for bar in bars[:3:2])
    message = _("Left after it: %(what)s.", what=left) if left else _("The quota allows it.")
    return Gate("quota", True, message, since=review.seen_at)


def has_moved(review: Review | None, place: Placement | None) -> bool:
    """Something was applied there after the review looked: what it compared with is not what runs there now."""
    if review is None or review.seen_at is None or place is None or place.last_applied is None:
        return False
    return place.last_applied.applied_at is not None and place.last_applied.applied_at > review.seen_at


@dataclass(frozen=True)
class Effect:
    """``after``: pods there will be; ``sentence`` says how they come there and how long it takes."""

    after: int
    message: str


def effect_of(snapshot: Snapshot, place: Placement | None, running: Deployment | None) -> Effect | None:
    """One query. None for a snapshot without manifests."""
    if not snapshot.manifests:
        return None
    spec: Mapping[str, Any] = find_workload(snapshot.manifests)["spec"]
    before = place.wanted if place and running else 0
    after = wanted_replicas(snapshot.manifests, before)
    name = snapshot.space.environment.label
    parts: list[MessageLike] = [_what(after, before, name)]
    if running is not None and after > 1:
        parts.append(_how(after, spec.get("strategy")))
    seconds = usual_rollout(snapshot.component_id, snapshot.space_id)
    if seconds is not None:
        parts.append(_("about %(time)s", time=roughly(seconds)))
    return Effect(after, _list(parts))


def _what(after: int, before: int, name: str) -> str:
    if not before:
        return ngettext("Start %(n)s pod in %(name)s", "Start %(n)s pods in %(name)s", after) % {
            "n": after,
            "name": name,
        }
    if before == after:
        message = ngettext("Replace %(n)s pod in %(name)s", "Replace %(n)s pods in %(name)s", after)
        return message % {"n": after, "name": name}
    message = ngettext(
        "Replace %(before)s pods in %(name)s by %(n)s", "Replace %(before)s pods in %(name)s by %(n)s", after
    )
    return message % {"n": after, "name": name, "before": before}


def _how(after: int, strategy: Mapping[str, Any] | None) -> MessageLike:
    if (strategy or {}).get("type") == "Recreate":
        return _("all at once: nothing serves in between")
    try:
        plan = rolling_plan(after, strategy)
    except QuantityError:
        return ""
    together = min(after, max(1, plan.surge + plan.unavailable))
    return ngettext("%(n)s at a time", "%(n)s at a time", together) % {"n": together}


def _list(parts: Sequence[MessageLike]) -> str:
    return pgettext("between parts of a sentence", ", ").join(str(part) for part in parts if part)


def approvals_of(review: Review | None) -> list[Approval]:
    """Every approval and rejection of the snapshot that the review found, newest first."""
    return decisions_on(review.snapshot_id) if review and review.snapshot_id else []


def decisions_on(snapshot_id: int) -> list[Approval]:
    """Every approval and rejection of the snapshot, newest first."""
    return list(Approval.objects.filter(snapshot=snapshot_id, scale_request=None).select_related("by"))


def conflicts_of(review: Review | None) -> list[dict[str, Any]]:
    """The fields that others set, with ``at`` as a moment."""
    return _dated(review.findings.get("conflicts", [])) if review else []


def additions_of(review: Review | None) -> list[dict[str, Any]]:
    """The fields that others added, with ``at`` as a moment; ``is_taken`` where this deployment removes them."""
    if review is None:
        return []
    taken = [field_key(field) for field in review.take_over.get("fields", [])]
    rows = _dated(review.findings.get("additions", []))
    return [{**row, "is_taken": field_key(row) in taken} for row in rows]


def _dated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "at": parse_datetime(str(row.get("at") or ""))} for row in rows]
