"""What happened to an order, as messages: comments and events, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import pgettext_lazy

from accounts.models import User
from foundation.messages import Message, MessageLike, from_json_data, localized_list
from foundation.messages import message as _
from releases.choices import ClosedReason, DeploymentKind, Reason
from releases.models import Comment, OrderEvent, ReleaseOrder
from releases.presenters.words import checked_of

NOISE = frozenset(
    {
        "build.stages",
        "build.claimed",
        "build.has_agent",
        "build.contact",
        "log.replaced",
        "deployment.contact",
        "placement.seen",
        "build.running",
        "deployment.applied",
        "deployment.running",
        "review.queued",
        "review.running",
        "schedule.running",
        "prune.queued",
        "prune.running",
        "order.building",
        "order.built",
        "order.build_failed",
    }
)
"""Events that the panels draw better than a line could."""
MOST = 60
FILTERS: dict[str, tuple[MessageLike, tuple[str, ...]]] = {
    "": (pgettext_lazy("activity", "All"), ()),
    "comments": (pgettext_lazy("activity", "Comments"), ("comment",)),
    "decisions": (
        pgettext_lazy("activity", "Decisions"),
        ("promotion.", "approval.", "order.", "break_glass.", "scale_", "go_word."),
    ),
    "builds": (pgettext_lazy("activity", "Builds"), ("build.",)),
    "deployments": (
        pgettext_lazy("activity", "Deployments"),
        ("review.", "deployment.", "turn.", "schedule.", "prune.", "placement."),
    ),
}
"""``?activity=`` to its word and how the kinds of its events begin."""


@dataclass(frozen=True)
class Happening:
    """One line of the activity; ``text`` is what somebody wrote."""

    at: datetime
    who: User | None
    state: str
    message: MessageLike
    text: str = ""
    named: tuple[User, ...] = ()
    """Those whom the text names, and who were told."""


@dataclass(frozen=True)
class Choice:
    """One filter of the activity."""

    value: str
    label: MessageLike
    is_chosen: bool


def activity_panel(order: ReleaseOrder, chosen: str) -> dict[str, Any]:
    """The activity as filtered by ``chosen``, for a page: ``events`` (the newest, at most 60) and the filter."""
    chosen = chosen if chosen in FILTERS else ""
    choices = [Choice(value, label, value == chosen) for value, (label, _kinds) in FILTERS.items()]
    return {"events": happenings(order, chosen), "activity": chosen, "activity_choices": choices}


def happenings(order: ReleaseOrder, chosen: str = "") -> list[Happening]:
    """The newest, at most 60."""
    rows = OrderEvent.objects.filter(order=order).exclude(kind__in=NOISE).select_related("actor").order_by("-seq")
    wanted = Q()
    for kind in FILTERS[chosen][1]:
        wanted |= Q(kind__startswith=kind)
    events = list(rows.filter(wanted)[:MOST])
    ids = [event.data.get("id") for event in events if event.kind == "comment"]
    comments = Comment.objects.in_bulk(ids)
    names = {name for event in events for name in event.data.get("named", ())}
    people = {one.username: one for one in User.objects.filter(username__in=names)} if names else {}
    return [_happening(event, comments, people) for event in events]


def _happening(event: OrderEvent, comments: Mapping[int, Comment], people: Mapping[str, User]) -> Happening:
    data = from_json_data(event.data)
    text = str(data.get("note") or data.get("message") or "")
    if event.kind == "comment":
        comment = comments.get(event.data.get("id", 0))
        text = comment.text if comment else ""
    state = event.kind.partition(".")[2]
    named = tuple(people[name] for name in event.data.get("named", ()) if name in people)
    return Happening(event.at, event.actor, _BADGES.get(state, state), _message(event.kind, data), text, named)


_BADGES = {
    "waiting": "",
    "started": "",
    "released": "blocked",
    "superseded": "cancelled",
    "queued": "",
    "stopping": "",
    "cancelling": "",
    "created": "",
    "checked": "",
    "applied": "",
    "number": "",
    "settled": "succeeded",
    "unsettled": "blocked",
    "replaced": "cancelled",
    "skipped": "blocked",
    "withdrawn": "cancelled",
    "opened": "blocked",
    "ended": "cancelled",
    "expired": "cancelled",
    "reviewed": "succeeded",
    "go": "succeeded",
    "no_go": "blocked",
    "taken_back": "cancelled",
}
"""The badge of an event; nothing where somebody only asked for something."""


def _message(kind: str, data: Mapping[str, Any]) -> str:
    known = _MESSAGES.get(kind)
    if known is None:
        return kind
    values = {
        "where": str(data.get("environment", "")).upper(),
        "reason": _reason(data),
        "number": data.get("number", ""),
        "attempt": data.get("attempt", ""),
        "by": data.get("by", ""),
        "until": data.get("until", ""),
        "count": data.get("replicas", ""),
        "why": data.get("why") or data.get("reason") or "",
        "what": _what(data),
        "removed": localized_list(data.get("removed") or ["–"]),
    }
    return str(Message(known.text, values)).strip().removesuffix(":")


def _reason(data: Mapping[str, Any]) -> str:
    value = str(data.get("reason", ""))
    if value in ClosedReason.values:
        return str(ClosedReason(value).label)
    return str(Reason(value).label) if value in Reason.values else value


def _what(data: Mapping[str, Any]) -> str:
    kind = str(data.get("kind", ""))
    return str(DeploymentKind(kind).label) if kind in DeploymentKind.values else str(DeploymentKind.DEPLOY.label)


# The parameters are filled in by _sentence.
_MESSAGES: dict[str, Message] = {
    "order.created": _("Order created"),
    "order.closed": _("Order closed: %(reason)s"),
    "order.checked": _("Checked Jenkins and the registry"),
    "comment": _("Comment"),
    "go_word.go": _("%(where)s: go"),
    "go_word.no_go": _("%(where)s: no-go"),
    "go_word.taken_back": _("%(where)s: word taken back"),
    "build.queued": _("Build %(attempt)s started"),
    "build.waiting": _("Waiting in Jenkins' queue: %(why)s"),
    "build.waits_for_agent": _("Waiting for an agent in Jenkins: %(why)s"),
    "build.running": _("Jenkins accepted the build"),
    "build.number": _("Jenkins runs it as #%(number)s"),
    "build.image_arrived": _("The image of build %(attempt)s arrived after its end: the next build takes it"),
    "build.stopping": _("Asked for the build to be stopped"),
    "build.succeeded": _("Build succeeded"),
    "build.failed": _("Build failed: %(reason)s"),
    "build.errored": _("Build ended by a platform error: %(reason)s"),
    "build.cancelled": _("Build cancelled: %(reason)s"),
    "promotion.current": _("Promoted to %(where)s"),
    "promotion.replaced": _("Promotion to %(where)s replaced by order %(by)s"),
    "promotion.skipped": _("Not promoted to %(where)s by itself: another order was being deployed there"),
    "promotion.withdrawn": _("Promotion to %(where)s withdrawn"),
    "review.queued": _("Review for %(where)s started"),
    "review.succeeded": _("Review for %(where)s is ready"),
    "review.failed": _("Review for %(where)s found problems: %(reason)s"),
    "review.errored": _("Review for %(where)s ended by a platform error: %(reason)s"),
    "review.cancelled": _("Review for %(where)s cancelled"),
    "review.roll_back_asked": _("%(where)s: approval of a roll back to it asked for: %(why)s"),
    "review.roll_back_withdrawn": _("%(where)s: a roll back to it is asked for no more"),
    "review.take_over": _("Fields of others taken over for %(where)s"),
    "approval.given": _("Approved for %(where)s"),
    "approval.rejected": _("Rejected for %(where)s"),
    "approval.withdrawn": _("Decision for %(where)s withdrawn"),
    "approval.void": _("Approvals for %(where)s are void: what would be deployed has changed"),
    "scale_request.waiting": _("%(where)s: approval of %(count)s pods asked for: %(why)s"),
    "scale_request.used": _("%(where)s: the approval of %(count)s pods is used"),
    "scale_request.withdrawn": _("%(where)s: %(count)s pods are asked for no more"),
    "scale_request.void": _("%(where)s: what was asked about %(count)s pods is void: something else stands there"),
    "scale_approval.given": _("%(where)s: %(count)s pods approved"),
    "scale_approval.rejected": _("%(where)s: %(count)s pods rejected"),
    "scale_approval.withdrawn": _("%(where)s: decision on %(count)s pods withdrawn"),
    "scale_approval.void": _("%(where)s: decision on %(count)s pods void"),
    "break_glass.opened": _("Break-glass for %(where)s opened until %(until)s"),
    "break_glass.ended": _("Break-glass of %(by)s for %(where)s ended early"),
    "break_glass.expired": _("Break-glass of %(by)s for %(where)s is over: %(why)s"),
    "break_glass.reviewed": _("Break-glass of %(by)s for %(where)s reviewed"),
    "deployment.queued": _("%(where)s: %(what)s asked for"),
    "deployment.running": _("%(where)s: %(what)s started"),
    "deployment.applied": _("%(where)s: the cluster accepted it"),
    "turn.waiting": _("%(where)s: waits its turn behind order %(number)s"),
    "turn.started": _("%(where)s: its turn came"),
    "turn.cancelled": _("%(where)s: waits no longer"),
    "turn.superseded": _("%(where)s: waits no longer, a newer order goes instead"),
    "schedule.queued": _("%(where)s: scheduled for %(until)s"),
    "schedule.succeeded": _("%(where)s: its scheduled time came"),
    "schedule.failed": _("%(where)s: the scheduled deployment was missed"),
    "schedule.errored": _("%(where)s: the scheduled deployment ended by a platform error: %(reason)s"),
    "schedule.cancelled": _("%(where)s: the scheduled deployment was withdrawn"),
    "deployment.released": _("%(where)s: the place was released by force"),
    "deployment.cancelling": _("%(where)s: asked to cancel"),
    "deployment.succeeded": _("%(where)s: %(what)s succeeded"),
    "deployment.failed": _("%(where)s: %(what)s failed: %(reason)s"),
    "deployment.errored": _("%(where)s: %(what)s ended by a platform error: %(reason)s"),
    "deployment.cancelled": _("%(where)s: %(what)s cancelled: %(reason)s"),
    "prune.succeeded": _("%(where)s: removed after the success: %(removed)s"),
    "prune.failed": _("%(where)s: what left the templates could not be removed: %(reason)s"),
    "prune.errored": _("%(where)s: removing what left the templates ended by a platform error: %(reason)s"),
    "prune.cancelled": _("%(where)s: removing what left the templates stopped: %(reason)s"),
    "placement.read": _("%(where)s: read again, what runs here is known"),
    "placement.settled": _("%(where)s: settled"),
    "placement.unsettled": _("%(where)s: not calm: %(why)s"),
}


def last_check(order: ReleaseOrder) -> Happening | None:
    """What the newest 检测 found, as lines; None when nobody checked yet."""
    event = (
        OrderEvent.objects.filter(order=order, kind="order.checked").select_related("actor").order_by("-seq").first()
    )
    if event is None:
        return None
    found = checked_of(from_json_data(event.data))
    lines = [
        _("Jenkins: %(said)s", said=found.jenkins),
        _("Registry: %(said)s", said=found.registry),
        _("The build is being followed.") if found.is_followed else _("No build is being followed now."),
    ]
    return Happening(event.at, event.actor, "checked", _("Checked"), "\n".join(str(line) for line in lines))
