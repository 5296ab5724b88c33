"""A DRP switch or drill as a page and the API tell it: waves, times from its deployments, the drill before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby

from environments.access import Rights
from foundation.clock import db_now
from foundation.messages import MessageLike
from foundation.problems import PlatformError
from releases import drp
from releases.choices import BackState, DrpKind, DrpMemberState, DrpState
from releases.drp_transitions import may_move
from releases.models import DrpMember, DrpSwitch
from releases.presenters.acts import Refusal, refusal
from releases.services.drp import ensure_second

SIGNS: dict[str, str] = {
    DrpState.ASKED: "waiting",
    DrpState.RUNNING: "running",
    DrpState.STOPPED: "failed",
    DrpState.SERVES: "succeeded",
    DrpState.RETURNING: "running",
    DrpState.RETURNED: "succeeded",
    DrpMemberState.WAITING: "waiting",
    DrpMemberState.DEPLOYING: "running",
    DrpMemberState.FAILED: "failed",
    BackState.DONE: "succeeded",
}
"""The badge of a state; every other one counts as cancelled."""
LIVE = frozenset({DrpState.ASKED, DrpState.RUNNING, DrpState.RETURNING})


def sign_of(state: str) -> str:
    """The state that icon and colour are taken from."""
    return SIGNS.get(state, "cancelled")


@dataclass(frozen=True)
class Line:
    """One component of it; times are those of its deployment."""

    row: DrpMember
    took_before: float | None
    """Seconds in the drill or switch before this one."""

    @property
    def sign(self) -> str:
        return sign_of(self.row.state)

    @property
    def back_sign(self) -> str:
        return sign_of(self.row.back_state)

    @property
    def started_at(self) -> datetime | None:
        """When its cluster accepted the first object."""
        return self.row.deployment.applied_at if self.row.deployment else None

    @property
    def serves_at(self) -> datetime | None:
        """When all of it was seen ready."""
        deployment = self.row.deployment
        return deployment.finished_at if deployment and self.row.state == DrpMemberState.SERVES else None

    @property
    def took(self) -> float | None:
        """Seconds between the two."""
        return drp.took(self.row.deployment) if self.serves_at else None

    @property
    def slower(self) -> int | None:
        """Seconds more than before; negative: faster."""
        return None if self.took is None or self.took_before is None else round(self.took - self.took_before)

    @property
    def is_same(self) -> bool:
        """Its pods ran the very image that served in the sibling, as its cluster told at the verdict."""
        pods = self.row.deployment.progress.get("pods", []) if self.row.deployment else []
        found = {str(pod.get("digest", "")) for pod in pods if pod["is_ready"] and pod["is_new"]}
        return bool(found) and all(one.endswith(self.row.order.image_digest) for one in found)


@dataclass(frozen=True)
class Total:
    """From the confirmation until all served; ``began``: it goes on."""

    seconds: float | None
    began: datetime | None = None


@dataclass(frozen=True)
class ShownSwitch:
    """One, as this viewer sees it."""

    row: DrpSwitch
    lines: list[Line]
    before: DrpSwitch | None
    rights: Rights

    @property
    def sign(self) -> str:
        return sign_of(self.row.state)

    @property
    def word(self) -> MessageLike:
        return self.row.get_state_display()

    @property
    def is_live(self) -> bool:
        """The page looks again by itself."""
        return self.row.state in LIVE

    @property
    def waves(self) -> list[tuple[int, list[Line]]]:
        return [(wave, list(group)) for wave, group in groupby(self.lines, key=lambda one: one.row.wave)]

    @property
    def served(self) -> int:
        return sum(one.row.state == DrpMemberState.SERVES for one in self.lines)

    @property
    def same(self) -> int:
        """How many serve the very digest of the sibling."""
        return sum(one.is_same for one in self.lines if one.row.state == DrpMemberState.SERVES)

    @property
    def failed(self) -> list[Line]:
        failures = (DrpMemberState.FAILED, DrpMemberState.LEFT_OUT)
        return [one for one in self.lines if one.row.state in failures or one.row.back_state == BackState.FAILED]

    @property
    def was_confirmed(self) -> bool:
        return self.row.state != DrpState.ASKED and self.row.state not in drp.NEVER_BEGAN

    @property
    def total(self) -> Total:
        return total_of(self.row)

    @property
    def total_before(self) -> float | None:
        """Of the drill or switch before."""
        return total_of(self.before).seconds if self.before else None

    @cached_property
    def no_second(self) -> Refusal:
        """Why this viewer does not confirm it."""
        no = refusal(self.rights, "confirm_drp", space=self.row.space)
        if no.why:
            return no
        try:
            ensure_second(self.rights.user, self.row)
        except PlatformError as error:
            return Refusal(error.message, error.who_can_help)
        return Refusal()

    @property
    def is_to_review(self) -> bool:
        return drp.is_to_review(self.row)

    @cached_property
    def reviewers(self) -> str:
        return "" if self.row.reviewed_at else drp.who_reviews(self.row)

    @cached_property
    def no_review(self) -> Refusal:
        """Why this viewer does not review it."""
        no = refusal(self.rights, "confirm_drp", space=self.row.space)
        if no.why:
            return no
        why = drp.why_not_reviewer(self.rights.user, self.row)
        return Refusal(why, self.reviewers if why else "")

    @property
    def is_asked(self) -> bool:
        return self.row.state == DrpState.ASKED and self.row.ends_at > db_now()

    @property
    def may_withdraw(self) -> bool:
        return self.is_asked and self.rights.user.pk == self.row.asked_by_id

    @cached_property
    def no(self) -> Refusal:
        """Why this viewer does not take it further."""
        return refusal(self.rights, "drp", space=self.row.space)

    @property
    def may_go_on(self) -> bool:
        return self.row.state == DrpState.STOPPED and self.row.returns_at is None

    @property
    def may_take_back(self) -> bool:
        return self.row.kind == DrpKind.DRILL and may_move(self.row, DrpState.RETURNING)


def total_of(row: DrpSwitch) -> Total:
    """Of one that began; without seconds where it did not."""
    if row.decided_at is None or row.state in drp.NEVER_BEGAN:
        return Total(None)
    if row.ended_at is not None:
        return Total((row.ended_at - row.decided_at).total_seconds())
    is_going = row.state == DrpState.RUNNING
    return Total(
        (db_now() - row.decided_at).total_seconds() if is_going else None, row.decided_at if is_going else None
    )


def shown_switch(row: DrpSwitch, rights: Rights) -> ShownSwitch:
    """The same queries for any number of components."""
    members, before = drp.members_of(row), drp.before_of(row)
    times = {}
    for one in before.members.select_related("deployment").filter(state=DrpMemberState.SERVES) if before else ():
        times[one.component_id] = drp.took(one.deployment)
    lines = [Line(one, times.get(one.component_id)) for one in members]
    return ShownSwitch(row, lines, before, rights)
