"""What may be done with what stands in a place, as page and API tell it: each act with its gates, for one viewer."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import User
from environments import freezes
from environments.access import Rights
from foundation.messages import MessageLike
from foundation.messages import message as _
from releases import holds, scaling, selectors, when_gates
from releases.gate import Gate, first_closed
from releases.holds import Held
from releases.models import Deployment, Placement, ReleaseOrder
from releases.place_gates import back_gates, restart_gates, role_gate
from releases.presenters.acts import Refusal, explain_url
from releases.presenters.review import gates_of_removal
from releases.rule_gate import read_rule_changes
from releases.scale_gates import scale_gates
from releases.services.removals import standing_there


@dataclass(frozen=True)
class PlaceAct:
    """One act: ``gates`` with the right first, and the order that it would be of, if there is one."""

    verb: str
    label: MessageLike
    sign: str
    place: Placement
    gates: list[Gate]
    order: ReleaseOrder | None
    kind: str = ""
    """Which act of the right it is, for the permission explainer."""

    @property
    def closed(self) -> Gate | None:
        """What stops it first."""
        return first_closed(self.gates)

    @property
    def refusal(self) -> Refusal:
        """For its button: empty when one may."""
        closed = self.closed
        if closed is None:
            return Refusal()
        return Refusal(closed.message, closed.who, explain_url(self.verb, self.order, self.place.space, kind=self.kind))


@dataclass(frozen=True)
class PlaceActs:
    """All of them. ``target``: what a roll back would bring back if nobody chooses another one."""

    restart: PlaceAct
    scale: PlaceAct
    roll_back: PlaceAct
    remove: PlaceAct
    target: Deployment | None
    held: Held

    @property
    def may_see_removal(self) -> bool:
        """Its page is for who may remove, where there is anything to remove."""
        return self.remove.order is not None and self.remove.gates[0].is_open

    @property
    def each(self) -> list[PlaceAct]:
        """In the order of the page."""
        return [self.restart, self.scale, self.roll_back, self.remove]


def acts_there(place: Placement, rights: Rights) -> PlaceActs:
    """A scale is asked of as many pods as there are: another number may need more."""
    target = next(iter(selectors.earlier_successes(place)), None)
    read_rule_changes([place.space])
    # All of them ask what is under way in this very place.
    held, frozen = holds.held_in([place.space_id]), freezes.read()
    for row in (place.last_succeeded, place.last_applied, target):
        if row is not None:
            selectors.keep_ahead(row.order, selectors.Ahead({place.space_id: place}))
            holds.keep_ahead([row.order], held)
            when_gates.keep_ahead([row.order], frozen)
    return PlaceActs(
        restart_act(place, rights), scale_act(place, rights), roll_back_to(place, rights, target),
        _remove(place, rights), target, held,
    )  # fmt: skip


def restart_act(place: Placement, rights: Rights) -> PlaceAct:
    """Replacing the pods."""
    good = place.last_succeeded
    found = [role_gate(rights, "deploy", place.space), *restart_gates(place, good)]
    return PlaceAct("deploy", _("Restart"), "restart", place, found, good.order if good else None, "restart")


def scale_act(place: Placement, rights: Rights, replicas: int | None = None) -> PlaceAct:
    """Scaling to exactly this number; None: to as many as there are."""
    good, role = place.last_succeeded, role_gate(rights, "deploy", place.space)
    wanted = replicas if replicas is not None else scaling.replicas_of(good) if good else 0
    found = [role, *scale_gates(place, good, wanted, deployer=_who_acts(rights, role))]
    return PlaceAct("deploy", _("Scale"), "scale", place, found, good.order if good else None, "scale")


def roll_back_to(place: Placement, rights: Rights, to: Deployment | None) -> PlaceAct:
    """Rolling back to exactly this earlier deployment; None where there is none."""
    role = role_gate(rights, "deploy", place.space)
    found = back_gates(to, place.space, deployer=_who_acts(rights, role)) if to else [_nothing_before()]
    return PlaceAct("deploy", _("Roll back"), "rollback", place, [role, *found], to.order if to else None, "roll_back")


def _nothing_before() -> Gate:
    message = _("There is nothing to roll back to: nothing but what stands here now ever succeeded here.")
    return Gate("proven", False, message)


def _remove(place: Placement, rights: Rights) -> PlaceAct:
    label, role = _("Remove from the space"), role_gate(rights, "remove", place.space)
    standing = standing_there(place)
    if standing is None:
        gone = Gate("stands", False, _("Nothing of this component runs here."))
        return PlaceAct("remove", label, "trash", place, [role, gone], None)
    order, space = standing.order, place.space
    review = selectors.latest_review(order, space, is_removal=True)
    found = gates_of_removal(review, order, space, _who_acts(rights, role))
    return PlaceAct("remove", label, "trash", place, [role, *found], order)


def _who_acts(rights: Rights, role: Gate) -> User | None:
    """Four eyes are about who acts: they tell nothing to those who never may."""
    return rights.user if role.is_open else None
