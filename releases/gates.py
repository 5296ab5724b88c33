"""May this order go there now, and if not, why, and who can clear it? Pure over rows.

Page, API and the executing step ask the same functions, so a greyed button, a 409 and a run that ends with the reason
``gate`` all say the same message. Facts from outside are observations on the Review; this module reads nothing outside.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.functional import lazy

from accounts.models import User
from environments.access import can, names_who_may, who_may, who_may_when_read
from environments.models import Environment, Space
from foundation.messages import MessageLike, localized_names
from foundation.messages import message as _
from foundation.problems import Asked
from releases import break_glass, drp, selectors, turns
from releases.approval_gates import approval_gates, counts_today, fair_approvers, four_eyes_gates, makers_of
from releases.choices import ClosedReason, OrderState
from releases.gate import Gate, ensure_open, first_closed
from releases.holds import hold_gate
from releases.models import Deployment, DrpSwitch, Placement, ReleaseOrder, Snapshot
from releases.order_gates import branch_gate, ticket_gate
from releases.rule_gate import rule_gate
from releases.since import closed_at
from releases.successes import is_last_success, succeeded_at
from releases.when_gates import time_gates
from releases.whom_to_ask import names_who_deploy, who_deploys_when_read, who_stops_when_read

__all__ = [
    "Gate", "again_gates", "approval_gates", "asked_about", "built", "counts_today", "deployment_gates", "drp_gates",
    "ensure_open", "fair_approvers", "first_closed", "makers_of", "promotion_gates", "removal_gates", "roll_back_gates",
]  # fmt: skip


def asked_about(verb: str, order: ReleaseOrder, space: Space | None) -> Asked:
    """Which act the gates belong to, for who wants to know why one is closed."""
    return Asked(verb, order.project.slug, space.environment.slug if space else "", order.number)


# ---------------------------------------------------------------- promotion
def promotion_gates(order: ReleaseOrder, space: Space) -> list[Gate]:
    """What must hold before the order may be promoted to the space."""
    return [
        built(order),
        _not_closed(order, space),
        _came_through(order, space),
        branch_gate(order, space),
        ticket_gate(order, space),
        hold_gate(order, space),
        _nothing_replaced_under_way(order, space),
        rule_gate(space),
    ]


def _nothing_replaced_under_way(order: ReleaseOrder, space: Space) -> Gate:
    """A promotion replaces the one before: not while the order that holds it is being deployed on its strength."""
    place = selectors.place_in_use(order, space)
    active = place.in_progress if place else None
    # Once the cluster has accepted something of it, nobody asks for its promotion any more.
    if active is None or active.applied_at is not None or not selectors.current_promotion(active.order, space):
        return Gate("queue", True, _("No promotion that a deployment here stands on is replaced."))
    message = _(
        "%(who)s is deploying order %(number)s here right now: wait for the verdict or cancel it first.",
        who=active.deployed_by.localized_name,
        number=active.order.number,
    )
    return Gate("queue", False, message, who_stops_when_read(active.deployed_by, space), active.created_at)


def built(order: ReleaseOrder) -> Gate:
    """There is something to deploy."""
    if order.image_digest:
        return Gate("built", True, _("The order has an image."), since=order.built_at)
    who = who_may_when_read("build", project_id=order.project_id)
    return Gate("built", False, _("The order has no image yet: build it first."), who, order.created_at)


def _not_closed(order: ReleaseOrder, space: Space) -> Gate:
    if order.state != OrderState.CLOSED:
        return Gate("open", True, _("The order is open."), since=order.created_at)
    since = closed_at(order)
    if order.closed_reason == ClosedReason.RETURNED:
        message = _("The order was returned: it goes no further.")
        return Gate("open", False, message, who_may_when_read("break_glass", space=space), since, is_flow=True)
    who = who_may_when_read("create_order", project_id=order.project_id)
    return Gate("open", False, _("The order is closed: repeat it as a new order."), who, since)


def _not_returned(order: ReleaseOrder, space: Space) -> Gate:
    """A tester said no to it since: going back to it would put what was found into the place again."""
    if order.state != OrderState.CLOSED or order.closed_reason != ClosedReason.RETURNED:
        return Gate("open", True, _("The order was not returned."))
    message = _("Order %(number)s was returned: roll back to another one.", number=order.number)
    return Gate("open", False, message, who_may("break_glass", space=space), closed_at(order), is_flow=True)


def _came_through(order: ReleaseOrder, space: Space) -> Gate:
    """It succeeded, and settled, in an environment that this one follows; or it is on its way back down."""
    environment = space.environment
    before = _live_before(space)
    if environment.twin_id:
        return _twin(order, space, environment)
    if not before or selectors.succeeded_in(order, _at_or_after(environment)):
        return Gate("came-through", True, _("The order may enter here."))
    proof = selectors.succeeded_in(order, {previous.pk for previous in before})
    names = [previous.label for previous in before]
    if proof is None:
        empty = selectors.succeeded_without_pods(order, {previous.pk for previous in before})
        if empty is not None:
            return _empty(empty)
        who = _bring_it_when_read(order, before)
        return Gate("came-through", False, _("It has not succeeded in %(names)s yet.", names=names), who)
    return _settled(order, proof)


def _bring_it(order: ReleaseOrder, before: list[Environment]) -> str:
    """Who takes it on its way there next: deploys where it is promoted, or else promotes it."""
    spaces = Space.objects.filter(project_id=order.project_id, environment__in=before, is_archived=False)
    names: list[str] = []
    for space in spaces.select_related("project", "environment").order_by("environment__position"):
        is_promoted = selectors.current_promotion(order, space) is not None
        names += names_who_deploy(order, space) if is_promoted else _promoters(order, space)
    return localized_names(dict.fromkeys(names))


_bring_it_when_read = lazy(_bring_it, str)
"""A page has many such gates and shows the names of few."""


def _empty(success: Deployment) -> Gate:
    who = who_may_when_read("deploy", space=success.space)
    return Gate("came-through", False, _proves_nothing(success), who, success.finished_at)


def _proves_nothing(empty: Deployment) -> MessageLike:
    return _(
        "In %(name)s it succeeded with 0 pods, which proves nothing: deploy or scale it there to at least one.",
        name=empty.space.environment.label,
    )


def _live_before(space: Space) -> list[Environment]:
    """The environments before it, without those that are archived for the project as long as others are left."""
    before = list(space.environment.follows.all())
    gone = Space.objects.filter(project_id=space.project_id, environment__in=before, is_archived=True)
    ids = set(gone.values_list("environment_id", flat=True)) if len(before) > 1 else set()
    return [one for one in before if one.pk not in ids] or before


def _at_or_after(environment: Environment) -> set[int]:
    """This environment and everything that follows it: who succeeded there may always come back.

    To production only from itself: one person alone lets another environment follow it, with a way in of its own.
    """
    if environment.is_production:
        return {environment.pk}
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
    if selectors.is_promoted_in(order, sibling) or selectors.succeeded_in(order, {sibling.pk, environment.pk}):
        return Gate("came-through", True, _("The order has been in %(name)s.", name=sibling.label))
    return Gate(
        "came-through",
        False,
        _("It must be promoted to %(name)s first: this environment is its twin.", name=sibling.label),
        _bring_it_when_read(order, [sibling]),
    )


def _settled(order: ReleaseOrder, proof: Deployment) -> Gate:
    place = selectors.place_of_success(order, proof)
    name = proof.space.environment.label
    standing = place.last_succeeded if place else None
    if place is None or standing is None or (standing.pk != proof.pk and _is_proved(proof, standing)):
        return Gate("came-through", True, _("It succeeded in %(name)s.", name=name), since=proof.finished_at)
    if standing.progress.get("wanted") == 0:
        return _empty(standing)
    if place.unsettled_reason:
        return Gate(
            "came-through",
            False,
            _("What runs in %(name)s is not calm: %(why)s", name=name, why=place.unsettled_reason),
            who_may_when_read("deploy", space=proof.space),
        )
    if place.settled_at is None and place.last_applied is not None and place.last_applied_id != standing.pk:
        # Nobody watches it settle any more: waiting would be for ever.
        message = _(
            "Order %(number)s was put into %(name)s before it had settled there: deploy it there again.",
            number=place.last_applied.order.number,
            name=name,
        )
        who, since = who_deploys_when_read(order, proof.space), place.last_applied.created_at
        return Gate("came-through", False, message, who, since)
    if place.settled_at is None:
        message = _("It is still settling in %(name)s: a few seconds more.", name=name)
        return Gate("came-through", False, message, since=standing.finished_at)
    return Gate("came-through", True, _("It succeeded in %(name)s.", name=name), since=place.settled_at)


def _is_proved(proof: Deployment, standing: Deployment) -> bool:
    """What stands there by now says nothing of the proof, or the proof settled before.

    A restart or a scale of the same order is watched in its place: to 0 pods, it must not look calm.
    """
    return standing.order_id != proof.order_id or selectors.has_settled(proof)


# ---------------------------------------------------------------- deployment
def deployment_gates(
    order: ReleaseOrder,
    space: Space,
    *,
    snapshot: Snapshot | None,
    deployer: User | None,
    own: Deployment | None = None,
    may_wait: bool = True,
) -> list[Gate]:
    """What must hold before that person may apply the snapshot there. ``own``: the run that asks, if it runs.

    ``may_wait``: another order's deployment does not stand in the way, this one waits its turn behind it.
    """
    image, state, *others = order_gates(order, space)
    found = [
        image,
        state,
        _promoted(order, space),
        *others,
        hold_gate(order, space),
        *time_gates(order, space),
        *_place_free(order, space, own, may_wait=may_wait),
        *approval_gates(order, space, snapshot, deployer),
        rule_gate(space),
    ]
    return break_glass.pass_by(found, order, space)


def roll_back_gates(
    order: ReleaseOrder,
    space: Space,
    *,
    snapshot: Snapshot,
    deployer: User | None,
    own: Deployment | None = None,
    is_automatic: bool = False,
) -> list[Gate]:
    """What must hold before an earlier success takes the place of what stands there.

    The last success does without promotion and approval, but a returned order by break-glass alone. What is older is
    judged as a deployment: nobody has looked at it for long, and what it was approved for has gone on.
    ``is_automatic``: it undoes what has just failed, which nobody tests: a hold does not stop it.
    """
    if not is_last_success(snapshot, space):
        as_new = deployment_gates(order, space, snapshot=snapshot, deployer=deployer, own=own, may_wait=False)
        return [as_new[0], _proven(snapshot, space, is_last=False), *as_new[1:]]
    again = again_gates(order, space, snapshot=snapshot, deployer=deployer, own=own)
    held = [] if is_automatic else [hold_gate(order, space)]
    return break_glass.pass_by([*again, _not_returned(order, space), *held], order, space)


def again_gates(
    order: ReleaseOrder,
    space: Space,
    *,
    snapshot: Snapshot,
    deployer: User | None,
    own: Deployment | None = None,
    since: datetime | None = None,
) -> list[Gate]:
    """What must hold before what succeeded there is applied again: it was promoted and approved then.

    ``since``: when it succeeded, where the caller has that row.
    """
    return [
        built(order),
        _proven(snapshot, space, since=since),
        *_place_free(order, space, own),
        *four_eyes_gates(order, space, deployer),
        rule_gate(space),
    ]


def _proven(snapshot: Snapshot, space: Space, *, is_last: bool = True, since: datetime | None = None) -> Gate:
    ended = since or succeeded_at(snapshot)
    if ended is None:
        message = _("This snapshot never succeeded here: deploy it instead.")
        return Gate("proven", False, message, who_deploys_when_read(snapshot.order, space))
    if is_last:
        return Gate("proven", True, _("It succeeded here before."), since=ended)
    message = _("It succeeded here, and something else did since: it is judged as a deployment.")
    return Gate("proven", True, message, since=ended)


def drp_gates(
    row: DrpSwitch,
    order: ReleaseOrder,
    space: Space,
    *,
    deployer: User | None,
    own: Deployment | None = None,
    is_back: bool = False,
) -> list[Gate]:
    """What must hold before a switch or a drill brings the order up in the twin, or a drill takes it back.

    Like a roll back to the last success it asks for neither promotion nor approval, and four eyes hold.
    """
    found = [built(order), *drp.own_gates(row, order, space, is_back=is_back), *_place_free(order, space, own)]
    return [*found, *four_eyes_gates(order, space, deployer), rule_gate(space)]


def removal_gates(
    order: ReleaseOrder,
    space: Space,
    *,
    snapshot: Snapshot | None,
    deployer: User | None,
    own: Deployment | None = None,
) -> list[Gate]:
    """What must hold before everything of the component goes from the space: approved like a deployment there."""
    found = [hold_gate(order, space), *time_gates(order, space), *_place_free(order, space, own)]
    return [*found, *approval_gates(order, space, snapshot, deployer), rule_gate(space)]


def order_gates(order: ReleaseOrder, space: Space) -> list[Gate]:
    """What must hold of the order itself before it may be deployed there, who deploys: no query."""
    return [built(order), _not_closed(order, space), branch_gate(order, space), ticket_gate(order, space)]


def _promoted(order: ReleaseOrder, space: Space) -> Gate:
    name = space.environment.label
    if held := selectors.current_promotion(order, space):
        return Gate("promoted", True, _("Promoted to %(name)s.", name=name), since=held.created_at)
    current = selectors.promotion_there(order, space)
    who = promoters_of(order, space)
    if current:
        message = _("Order %(number)s is promoted to %(name)s.", name=name, number=current.order.number)
        return Gate("promoted", False, message, who, current.created_at, is_flow=True)
    return Gate("promoted", False, _("It is not promoted to %(name)s.", name=name), who, is_flow=True)


def promoters_of(order: ReleaseOrder, space: Space) -> str:
    """Who may promote the order there: its author first, where creators may."""
    return localized_names(_promoters(order, space))


def _promoters(order: ReleaseOrder, space: Space) -> list[str]:
    names = names_who_may("promote", space=space)
    # Asked only where creators may: who may by a role is among the names already.
    if space.creators_may_promote and can(order.author, "promote", space=space, owner_id=order.author_id):
        names = [order.author.shown_name, *names]
    return list(dict.fromkeys(names))


def _place_free(order: ReleaseOrder, space: Space, own: Deployment | None, *, may_wait: bool = False) -> list[Gate]:
    place = selectors.place_in_use(order, space)
    if place is not None and place.unknown_since is not None:
        message = _(
            "What runs here is not known since a deployment was given up: it is read once %(cluster)s answers.",
            cluster=space.cluster.name,
        )
        return [Gate("known", False, message, who_may("manage_places"), place.unknown_since)]
    if place is None or place.in_progress is None or (own is not None and place.in_progress_id == own.pk):
        return [Gate("queue", True, _("Nothing else is being deployed here."))]
    return [_queue(order, space, place, place.in_progress, may_wait=may_wait)]


def _queue(order: ReleaseOrder, space: Space, place: Placement, active: Deployment, *, may_wait: bool) -> Gate:
    """The same order a second time is told who was first; another one may wait its turn."""
    values = {"who": active.deployed_by.localized_name, "number": active.order.number}
    if active.order_id == order.pk or not may_wait:
        message = _("%(who)s is deploying order %(number)s here right now.", **values)
        return Gate("queue", False, message, who_stops_when_read(active.deployed_by, space), active.created_at)
    line = turns.line_of(place)
    own = turns.own_turn(line, order)
    if own is not None:
        message = _(
            "%(who)s asked for this first: the order waits behind order %(number)s, place %(place)s.",
            who=own.asked_by.localized_name, number=own.behind, place=own.position,
        )  # fmt: skip
        return Gate("queue", False, message, who_stops_when_read(own.asked_by, space), own.created_at)
    message = _(
        "%(who)s is deploying order %(number)s here: this order would wait its turn, place %(place)s.",
        **values, place=len(line) + 1,
    )  # fmt: skip
    return Gate("queue", True, message, who_stops_when_read(active.deployed_by, space), active.created_at)
