"""A scale that needs a second person, as a page or the API tells it: what was asked, who agreed, what is next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from django.urls import reverse
from django.utils.translation import pgettext_lazy

from accounts.models import User
from environments.access import Rights
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.problems import Denied, Missing, Refused
from releases import gates
from releases.choices import ApprovalState, ScaleRequestState
from releases.models import Approval, Placement, ScaleRequest
from releases.presenters.acts import Act, explain_url, refusal
from releases.scale_gates import needed_for_scale, request_gates, scale_gates
from releases.scale_requests import is_of, request_there
from releases.scaling import bounds_of
from releases.services.scale_requests import ensure_may_decide

LAPSED = "lapsed"
WORDS: dict[str, MessageLike] = {
    ScaleRequestState.WAITING: pgettext_lazy("scale request", "waits for approval"),
    "approved": pgettext_lazy("scale request", "approved"),
    ScaleRequestState.USED: pgettext_lazy("scale request", "used"),
    ScaleRequestState.WITHDRAWN: pgettext_lazy("scale request", "withdrawn"),
    ScaleRequestState.VOID: pgettext_lazy("scale request", "void: something else stands there"),
    LAPSED: pgettext_lazy("scale request", "lapsed"),
}
SIGNS = {
    ScaleRequestState.WAITING: "blocked", "approved": "succeeded", ScaleRequestState.USED: "succeeded",
    ScaleRequestState.WITHDRAWN: "cancelled", ScaleRequestState.VOID: "cancelled", LAPSED: "cancelled",
}  # fmt: skip


_OPEN = (ScaleRequestState.WAITING, "approved")


def state_of(row: ScaleRequest) -> str:
    """As it is at this moment: a day that is over, and something else that stands there, are stored by nobody."""
    if row.state != ScaleRequestState.WAITING:
        return row.state
    if row.expires_at <= db_now():
        return LAPSED
    if not is_of(row, row.placement.last_succeeded):
        return str(ScaleRequestState.VOID)
    is_agreed = gates.first_closed(request_gates(row, None)) is None
    return "approved" if is_agreed else str(ScaleRequestState.WAITING)


@dataclass(frozen=True)
class ShownScaleRequest:
    """One of them as this person sees it; ``decide_why``: why they do not decide on it, empty where they may."""

    row: ScaleRequest
    state: str
    bounds: MessageLike
    approvals: list[Approval]
    needed: int
    gates: list[gates.Gate] = field(default_factory=list)
    use: Act | None = None
    may_withdraw: bool = False
    decide_why: MessageLike = ""
    decide_who: MessageLike = ""
    explain: str = ""
    own_word: Approval | None = None

    @property
    def word(self) -> MessageLike:
        return WORDS[self.state]

    @property
    def sign(self) -> str:
        """The badge of the state."""
        return SIGNS[self.state]

    @property
    def is_waiting(self) -> bool:
        """Somebody can still decide on it or use it."""
        return self.state in _OPEN


def shown(row: ScaleRequest, rights: Rights) -> ShownScaleRequest:
    """With its approvals, the gates that the scale would meet, and what this viewer may do."""
    state = state_of(row)
    words = list(row.approvals.select_related("by"))
    found = ShownScaleRequest(
        row, state, bounds_of(row.space, row.snapshot).words, words, needed_for_scale(row.space).approvals
    )
    if state not in _OPEN:
        return found
    why, who = _why_no_word(rights, row)
    in_force = (word for word in words if word.by_id == rights.user.pk and word.state in _STANDS)
    return replace(
        found, gates=gates_now(row, rights.user), use=use_act(row, rights), decide_why=why, decide_who=who,
        explain=explain_url("approve", row.order, row.space) if why else "", own_word=next(in_force, None),
        may_withdraw=rights.can("cancel_deployment", space=row.space, owner_id=row.asked_by_id),
    )  # fmt: skip


_STANDS = (ApprovalState.GIVEN, ApprovalState.REJECTED)


def _why_no_word(rights: Rights, row: ScaleRequest) -> tuple[MessageLike, MessageLike]:
    try:
        ensure_may_decide(rights.user, row)
    except (Denied, Missing, Refused) as refused:
        return refused.message, refused.who_can_help
    return "", ""


def gates_now(row: ScaleRequest, viewer: User | None) -> list[gates.Gate]:
    """What scaling to that number would ask of this person; empty once nothing is left to decide."""
    good = row.placement.last_succeeded
    if good is None or state_of(row) not in _OPEN:
        return []
    return scale_gates(row.placement, good, row.replicas, deployer=viewer)


def use_act(row: ScaleRequest, rights: Rights) -> Act:
    """The button that sets the number; greyed until everything that it needs holds."""
    space = row.space
    url = reverse("releases:scale", args=[space.project.slug, row.placement.component.slug, space.environment.slug])
    no = refusal(rights, "deploy", space=space, gates=gates_now(row, rights.user))
    label = _("Scale to %(count)s pods", count=row.replicas)
    return Act(label, url, "post", no=no, values=(("replicas", str(row.replicas)),), is_primary=True, sign="scale")


def shown_there(place: Placement, rights: Rights) -> ShownScaleRequest | None:
    """What waits for approval of what stands there, for the page of the runtime."""
    row = request_there(place)
    return shown(row, rights) if row else None
