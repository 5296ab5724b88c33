"""May this order go there now, and if not, why, and who can clear it? Pure over rows.

Page, API and the executing step ask the same functions, so a greyed button, a 409 and a run that ends with the reason
``gate`` all say the same sentence. Facts from outside are observations on the Review; this module never looks itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.utils.translation import pgettext_lazy

from accounts.models import User
from environments.access import can, people_who_may, who_may
from environments.models import Environment, Space
from foundation.problems import Refused, Sentence
from foundation.runs.choices import RunState
from foundation.sentences import listed
from foundation.sentences import say as _
from releases import selectors
from releases.choices import ClosedReason, OrderState, PromotionState
from releases.models import Approval, Deployment, Placement, Promotion, ReleaseOrder, Snapshot

TITLES: dict[str, Sentence] = {
    "built": pgettext_lazy("gate", "Image"),
    "open": pgettext_lazy("gate", "State"),
    "came-through": pgettext_lazy("gate", "Flow"),
    "branch": pgettext_lazy("gate", "Branch"),
    "ticket": pgettext_lazy("gate", "Change ticket"),
    "promoted": pgettext_lazy("gate", "Promotion"),
    "free": pgettext_lazy("gate", "Queue"),
    "approved": pgettext_lazy("gate", "Approval"),
    "four-eyes": pgettext_lazy("gate", "Four eyes"),
    "proven": pgettext_lazy("gate", "Proof"),
    "reviewed": pgettext_lazy("gate", "Review"),
    "quota": pgettext_lazy("gate", "Quota"),
}
"""What each gate is about, in a word or two: the heading above its sentence."""


@dataclass(frozen=True)
class Gate:
    """One condition. ``code`` is for programs; ``sentence`` says what holds or what is missing."""

    code: str
    is_open: bool
    sentence: Sentence
    who: Sentence = ""

    @property
    def title(self) -> Sentence:
        """A word or two above the sentence."""
        return TITLES.get(self.code, "")


def first_closed(gates: list[Gate]) -> Gate | None:
    """The gate that stops it, if any."""
    return next((gate for gate in gates if not gate.is_open), None)


def insist(gates: list[Gate]) -> None:
    """Raise Refused with the first closed gate's own sentence."""
    gate = first_closed(gates)
    if gate:
        raise Refused(gate.sentence, f"gate-{gate.code}", gate.who)


# ---------------------------------------------------------------- promotion
def promotion_gates(order: ReleaseOrder, space: Space) -> list[Gate]:
    """What must hold before the order may be promoted to the space."""
    return [
        _built(order),
        _not_closed(order),
        _came_through(order, space),
        _branch(order, space),
        _ticket(order, space),
        _nothing_replaced_under_way(order, space),
    ]


def _nothing_replaced_under_way(order: ReleaseOrder, space: Space) -> Gate:
    """A promotion replaces the one before: not while the order that holds it is being deployed on its strength."""
    place = selectors.placement_of(order, space)
    active = place.active if place else None
    if active is None or not selectors.current_promotion(active.order, space):
        return Gate("free", True, _("Nothing else is being deployed here."))
    sentence = _("%(who)s is deploying order %(number)s here right now: wait for the verdict or cancel it first.") % {
        "who": active.deployed_by.said_name,
        "number": active.order.number,
    }
    return Gate("free", False, sentence, active.deployed_by.shown_name)


def _built(order: ReleaseOrder) -> Gate:
    return Gate(
        "built",
        bool(order.image_digest),
        _("The order has an image.") if order.image_digest else _("The order has no image yet: build it first."),
    )


def _not_closed(order: ReleaseOrder) -> Gate:
    if order.state != OrderState.CLOSED:
        return Gate("open", True, _("The order is open."))
    if order.closed_reason == ClosedReason.RETURNED:
        return Gate("open", False, _("The order was returned: it goes no further."))
    return Gate("open", False, _("The order is closed: repeat it as a new order."))


def _came_through(order: ReleaseOrder, space: Space) -> Gate:
    """It succeeded, and settled, in an environment that this one follows; or it is on its way back down."""
    environment = space.environment
    before = list(environment.follows.all())
    if environment.twin_id:
        return _twin(order, space, environment)
    if not before or selectors.succeeded_in(order, _at_or_after(environment)):
        return Gate("came-through", True, _("The order may enter here."))
    proof = selectors.succeeded_in(order, {previous.pk for previous in before})
    names = [previous.label for previous in before]
    if proof is None:
        return Gate("came-through", False, _("It has not succeeded in %(names)s yet.") % {"names": names})
    return _settled(proof)


def _at_or_after(environment: Environment) -> set[int]:
    """This environment and everything that follows it: who succeeded there may always come back."""
    found: set[int] = set()
    waiting = [environment]
    while waiting:
        here = waiting.pop()
        if here.pk not in found:
            found.add(here.pk)
            waiting.extend(here.followed_by.all())
    return found


def _twin(order: ReleaseOrder, space: Space, environment: Environment) -> Gate:
    """A twin takes what its sibling holds or ever ran, so that it can be deployed on the day the sibling burns."""
    sibling = environment.twin
    assert sibling is not None
    holds = Promotion.objects.filter(
        order=order, space__project_id=space.project_id, space__environment=sibling, state=PromotionState.CURRENT
    ).exists()
    if holds or selectors.succeeded_in(order, {sibling.pk, environment.pk}):
        return Gate("came-through", True, _("The order has been in %(name)s.") % {"name": sibling.label})
    return Gate(
        "came-through",
        False,
        _("It must be promoted to %(name)s first: this environment is its twin.") % {"name": sibling.label},
    )


def _settled(proof: Deployment) -> Gate:
    rows = Placement.objects.select_related("applied__order")
    place = rows.filter(component_id=proof.component_id, space_id=proof.space_id).first()
    name = proof.space.environment.label
    if place is None or place.good_id != proof.pk:
        return Gate("came-through", True, _("It succeeded in %(name)s.") % {"name": name})
    if place.unsettled_reason:
        return Gate(
            "came-through",
            False,
            _("It restarted in %(name)s after it had succeeded: %(why)s")
            % {"name": name, "why": place.unsettled_reason},
        )
    if place.settled_at is None and place.applied is not None and place.applied_id != proof.pk:
        # Nobody watches it settle any more: waiting would be for ever.
        sentence = _("Order %(number)s was put into %(name)s before it had settled there: deploy it there again.")
        return Gate("came-through", False, sentence % {"number": place.applied.order.number, "name": name})
    if place.settled_at is None:
        return Gate("came-through", False, _("It is still settling in %(name)s: a few seconds more.") % {"name": name})
    return Gate("came-through", True, _("It succeeded in %(name)s.") % {"name": name})


def _branch(order: ReleaseOrder, space: Space) -> Gate:
    if space.branch_pattern and not re.fullmatch(space.branch_pattern, order.branch):
        sentence = _("Branch %(branch)s may not go to %(name)s: it takes %(pattern)s only.")
        return Gate(
            "branch",
            False,
            sentence % {"branch": order.branch, "name": space.environment.label, "pattern": space.branch_pattern},
        )
    return Gate("branch", True, _("The branch may go there."))


def _ticket(order: ReleaseOrder, space: Space) -> Gate:
    if not space.change_ticket_required:
        return Gate("ticket", True, _("No change ticket is needed."))
    pattern = order.project.change_ticket_pattern
    if not order.change_ticket:
        return Gate(
            "ticket",
            False,
            _("%(name)s asks for a change ticket: repeat the order with one.") % {"name": space.environment.label},
        )
    if pattern and not re.fullmatch(pattern, order.change_ticket):
        return Gate(
            "ticket",
            False,
            _("The change ticket %(ticket)s does not look like %(pattern)s.")
            % {"ticket": order.change_ticket, "pattern": pattern},
        )
    return Gate("ticket", True, _("Change ticket %(ticket)s.") % {"ticket": order.change_ticket})


# ---------------------------------------------------------------- deployment
def deployment_gates(
    order: ReleaseOrder,
    space: Space,
    *,
    snapshot: Snapshot | None,
    deployer: User | None,
    own: Deployment | None = None,
) -> list[Gate]:
    """What must hold before that person may apply the snapshot there. ``own``: the run that asks, if it runs."""
    return [
        _built(order),
        _not_closed(order),
        _promoted(order, space),
        _branch(order, space),
        _ticket(order, space),
        *_place_free(order, space, own),
        *approval_gates(order, space, snapshot, deployer),
    ]


def roll_back_gates(
    order: ReleaseOrder, space: Space, *, snapshot: Snapshot, deployer: User | None, own: Deployment | None = None
) -> list[Gate]:
    """What must hold before an earlier success is applied again: it was promoted and approved then."""
    proven = Deployment.objects.filter(snapshot=snapshot, space=space, state=RunState.SUCCEEDED).exists()
    sentence = _("It succeeded here before.") if proven else _("This snapshot never succeeded here: deploy it instead.")
    return [
        _built(order),
        Gate("proven", proven, sentence),
        *_place_free(order, space, own),
        *_four_eyes(order, space, deployer),
    ]


def _promoted(order: ReleaseOrder, space: Space) -> Gate:
    name = space.environment.label
    if selectors.current_promotion(order, space):
        return Gate("promoted", True, _("Promoted to %(name)s.") % {"name": name})
    current = selectors.promotion_there(order, space)
    who = who_may("promote", space=space)
    if current:
        sentence = _("Order %(number)s is promoted to %(name)s.") % {"name": name, "number": current.order.number}
        return Gate("promoted", False, sentence, who)
    return Gate("promoted", False, _("It is not promoted to %(name)s.") % {"name": name}, who)


def _place_free(order: ReleaseOrder, space: Space, own: Deployment | None) -> list[Gate]:
    place = selectors.placement_of(order, space)
    if place is None or place.active is None or (own is not None and place.active_id == own.pk):
        return [Gate("free", True, _("Nothing else is being deployed here."))]
    active = place.active
    sentence = _("%(who)s is deploying order %(number)s here right now.") % {
        "who": active.deployed_by.said_name,
        "number": active.order.number,
    }
    return [Gate("free", False, sentence, active.deployed_by.shown_name)]


def approval_gates(order: ReleaseOrder, space: Space, snapshot: Snapshot | None, deployer: User | None) -> list[Gate]:
    """Enough approvals of this very snapshot, no rejection, four eyes over the whole chain."""
    gates = []
    if space.approvals:
        no = selectors.rejection(snapshot) if snapshot else None
        if no:
            sentence = _("%(who)s rejected it: %(why)s") % {"who": no.by.said_name, "why": no.comment or "–"}
            gates.append(Gate("approved", False, sentence, no.by.shown_name))
        makers = makers_of(order)
        given = [
            approval
            for approval in (selectors.approvals_in_force(snapshot) if snapshot else [])
            # Whoever lost the role since gave a word that no longer counts.
            if approval.by_id not in makers and can(approval.by, "approve", space=space)
        ]
        others = [approval for approval in given if deployer is None or approval.by_id != deployer.pk]
        if deployer and len(others) < space.approvals <= len(given):
            gates.append(_approver_deploys(space, deployer, makers if space.four_eyes else set()))
        else:
            gates.append(_enough(space, others, makers | ({deployer.pk} if deployer else set())))
    return gates + _four_eyes(order, space, deployer)


def _approver_deploys(space: Space, deployer: User, makers: set[int]) -> Gate:
    """It is approved, by the very person who would deploy it: not a word lacks, but another pair of hands."""
    left = _deployers_but(space, {deployer.pk, *makers})
    sentence = _("Four eyes: %(who)s approved it, and whoever approves an order does not deploy it here.")
    who = listed(left[:3]) if left else who_may("manage_members", space=space)
    return Gate("approved", False, sentence % {"who": deployer.said_name}, who)


def _deployers_but(space: Space, barred: set[int]) -> list[str]:
    """Names of those who may deploy there, without some people."""
    return [person.shown_name for person in people_who_may("deploy", space=space) if person.pk not in barred]


def _enough(space: Space, given: list[Approval], barred: set[int]) -> Gate:
    """Enough approvals, or who can still give one; a team that is too small is told so, not left to wait.

    ``barred``: ids of who may not approve this order, whatever their role.
    """
    numbers = {"given": len(given), "needed": space.approvals}
    if len(given) >= space.approvals:
        return Gate("approved", True, _("%(given)s of %(needed)s approvals.") % numbers)
    left = _approvers_but(space, barred | {approval.by_id for approval in given})
    if len(given) + len(left) >= space.approvals:
        return Gate("approved", False, _("%(given)s of %(needed)s approvals.") % numbers, listed(left[:3]))
    sentence = _(
        "Nobody is left who may approve it (%(given)s of %(needed)s approvals): whoever created, built or deploys an "
        "order does not approve it. Give one more person the role here."
    )
    return Gate("approved", False, sentence % numbers, who_may("manage_members", space=space))


def fair_approvers(order: ReleaseOrder, space: Space) -> str:
    """Whom to ask for an approval of this order: nobody who created or built it; failing them, who can add people."""
    names = _approvers_but(space, makers_of(order))
    return listed(names[:3]) if names else who_may("manage_members", space=space)


def _approvers_but(space: Space, barred: set[int]) -> list[str]:
    """Names of those who may approve there, without some people."""
    people = people_who_may("approve", space=space, only_roles=space.approver_roles)
    return [person.shown_name for person in people if person.pk not in barred]


def makers_of(order: ReleaseOrder) -> set[int]:
    """Ids of the author and of who built it: four eyes bar them from approving it, administrators included."""
    return {order.author_id, *selectors.builders_of(order)}


def _four_eyes(order: ReleaseOrder, space: Space, deployer: User | None) -> list[Gate]:
    if not space.four_eyes or deployer is None:
        return []
    makers = makers_of(order)
    if deployer.pk in makers:
        others = _deployers_but(space, makers)
        if others:
            sentence = _("Four eyes: whoever created or built an order does not deploy it here.")
            return [Gate("four-eyes", False, sentence, listed(others[:3]))]
        sentence = _(
            "Four eyes: whoever created or built an order does not deploy it here. Nobody else may deploy here: give "
            "one more person the role."
        )
        return [Gate("four-eyes", False, sentence, who_may("manage_members", space=space))]
    return [Gate("four-eyes", True, _("Four eyes are kept."))]
