"""Orders that serve somewhere, or were built, and wait for the word that sends them on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accounts.models import User
from environments.access import Rights
from environments.linking import know_flow
from environments.models import Environment, Space
from foundation.messages import MessageLike
from foundation.messages import message as _
from foundation.runs.choices import RunState
from releases import gates, holds, selectors
from releases.choices import OrderState, PromotionState
from releases.going_on import STANDING
from releases.models import Deployment, Placement, Promotion, ReleaseOrder
from releases.rule_gate import leave_out_rule_changes
from releases.waiting.wait import MOST, Wait, in_batches

Flow = Sequence[tuple[int, int]]


def orders_to_test(
    rights: Rights,
    *,
    only_projects: Iterable[int] | None = None,
    flow: Flow | None = None,
    with_holds: bool = True,
) -> list[Wait]:
    """What waits for this person to be promoted on, the longest wait first; one more than :data:`MOST` if there are.

    ``flow``: which environment follows which, where that was read already. ``with_holds`` is False where somebody
    knows that nothing is held.
    """
    wanted = None if only_projects is None else set(only_projects)
    spaces: dict[int, list[Space]] = defaultdict(list)
    for space in rights.spaces:
        if wanted is None or space.project_id in wanted:
            spaces[space.project_id].append(space)
    found: list[Wait] = []
    for batch in _batches(rights, spaces):
        stands = _read_ahead(batch, spaces, flow, with_holds=with_holds)
        for order in batch:
            found += _waits(order, stands[order.pk], spaces[order.project_id], rights)
        if len(found) > MOST:
            break
    return sorted(found, key=lambda wait: wait.since)[: MOST + 1]


def _batches(rights: Rights, spaces: dict[int, list[Space]]) -> Iterator[list[ReleaseOrder]]:
    """Marked orders of projects where this person promotes somewhere, and their own of every project they see."""
    promotes = [pk for pk, row in spaces.items() if any(rights.can("promote", space=space) for space in row)]
    rows = ReleaseOrder.objects.filter(
        Q(project__in=promotes) | Q(project__in=list(spaces), author=rights.user), to_test_since__isnull=False
    )
    return in_batches(rows.select_related("component", "author").order_by("to_test_since", "pk"))


@dataclass(frozen=True)
class _Origin:
    """Where the order is now: since when, by whom, in words; ``is_new``: nowhere, it was only built."""

    since: datetime
    why: MessageLike
    by: User | None
    is_new: bool = False


@dataclass(frozen=True)
class _Stand:
    """Of one order: what serves where in its project, and the spaces that it was sent to already."""

    serves: dict[int, Deployment]
    """By environment: its success that serves there."""
    sent_to: set[int]
    before: dict[int, set[int]]
    """Environments by the one that follows them or is their twin."""

    def origin(self, order: ReleaseOrder, space: Space) -> _Origin | None:
        """Where it would come from; None where it does not stand before that space, or was sent there."""
        if space.pk in self.sent_to:
            return None
        before = self.before.get(space.environment_id, set())
        if not before and not self.sent_to and order.to_test_since:
            return _Origin(order.built_at or order.to_test_since, _("built, promoted nowhere yet"), None, True)
        found = [row for pk, row in self.serves.items() if pk in before]
        if not found:
            return None
        last = max(found, key=lambda row: row.pk)
        why = _("in %(name)s", name=last.space.environment.label)
        return _Origin(last.finished_at or last.created_at, why, last.deployed_by)


def _waits(order: ReleaseOrder, stand: _Stand, spaces: Sequence[Space], rights: Rights) -> Iterator[Wait]:
    for space in spaces if order.state == OrderState.BUILT else ():
        origin = stand.origin(order, space)
        if origin is None or not _is_theirs(order, space, rights, origin):
            continue
        if gates.first_closed(gates.promotion_gates(order, space)) is None:
            yield Wait(order, space, origin.since, origin.why, origin.by)


def _is_theirs(order: ReleaseOrder, space: Space, rights: Rights, origin: _Origin) -> bool:
    """What was only built is its author's to send on, where authors may; all else is anybody's who may."""
    if not rights.can("promote", space=space, owner_id=order.author_id):
        return False
    is_authors = origin.is_new and space.creators_may_promote and order.author.is_active
    return not is_authors or order.author_id == rights.user.pk


# ---------------------------------------------------------------- read ahead
def read_ahead_of_promotions(orders: Sequence[ReleaseOrder], spaces: Sequence[Space]) -> None:
    """Six queries for what the gates of promotion ask of these orders of one project, in any of its ``spaces``.

    These very objects, of orders and of spaces, then answer without another one.
    """
    if orders:
        _read_ahead(orders, {orders[0].project_id: list(spaces)}, None)


def _read_ahead(
    batch: Sequence[ReleaseOrder], spaces: dict[int, list[Space]], flow: Flow | None, *, with_holds: bool = True
) -> dict[int, _Stand]:
    """What the gates of promotion ask, for all these orders: five queries at most; and where each stands."""
    before = _link_flow([space for row in spaces.values() for space in row], flow)
    leave_out_rule_changes([space for row in spaces.values() for space in row])
    by_id = {space.pk: space for row in spaces.values() for space in row}
    components = {order.component_id for order in batch}
    places = _places(components, by_id)
    sent, there = _promotions(batch, components, by_id)
    successes = _successes(batch, by_id)
    holds.keep_ahead(batch, holds.held_in(by_id if with_holds else ()))
    stands = {}
    for order in batch:
        order.project = spaces[order.project_id][0].project
        own = [place for place in places.values() if place.component_id == order.component_id]
        current = {space: row for (component, space), row in there.items() if component == order.component_id}
        selectors.keep_ahead(
            order, selectors.Ahead({place.space_id: place for place in own}, current, set(), successes[order.pk])
        )
        for place in own:
            if place.in_progress is not None:
                # A promotion is not replaced while the order that holds it is being deployed: asked of that order.
                selectors.keep_ahead(place.in_progress.order, selectors.Ahead({}, current))
        stands[order.pk] = _Stand(_serving(order, own), sent[order.pk], before)
    return stands


def _serving(order: ReleaseOrder, places: Iterable[Placement]) -> dict[int, Deployment]:
    found = {}
    for place in places:
        if place.last_succeeded is not None and place.last_succeeded.order_id == order.pk:
            place.last_succeeded.space = place.space
            found[place.space.environment_id] = place.last_succeeded
    return found


def _places(components: set[int], spaces: dict[int, Space]) -> dict[int, Placement]:
    rows = Placement.objects.filter(component__in=components, space__in=spaces).defer("pods", "drift", "autoscaler")
    rows = rows.select_related(
        "in_progress__order", "in_progress__deployed_by", "last_applied__order", "last_succeeded__deployed_by"
    )
    found = {row.pk: row for row in rows}
    for row in found.values():
        row.space = spaces[row.space_id]
    return found


def _promotions(
    batch: Sequence[ReleaseOrder], components: set[int], spaces: dict[int, Space]
) -> tuple[dict[int, set[int]], dict[tuple[int, int], Promotion]]:
    """Where each order was sent, by its id; and the promotions in force by (component, space)."""
    rows = Promotion.objects.filter(
        Q(order__in=[order.pk for order in batch], state__in=STANDING)
        | Q(component__in=components, space__in=spaces, state=PromotionState.CURRENT)
    )
    sent: dict[int, set[int]] = defaultdict(set)
    there: dict[tuple[int, int], Promotion] = {}
    for row in rows.order_by().select_related("promoted_by"):
        sent[row.order_id].add(row.space_id)
        if row.state == PromotionState.CURRENT and row.space_id in spaces:
            row.space = spaces[row.space_id]
            there[row.component_id, row.space_id] = row
    return sent, there


def _successes(batch: Sequence[ReleaseOrder], spaces: dict[int, Space]) -> dict[int, list[Deployment]]:
    rows = Deployment.objects.filter(order__in=[order.pk for order in batch], state=RunState.SUCCEEDED)
    rows = rows.only("order_id", "component_id", "space__project_id", "kind", "progress", "space__environment_id")
    found: dict[int, list[Deployment]] = defaultdict(list)
    for row in rows.select_related("space__environment").order_by("-id"):
        found[row.order_id].append(row)
    return found


def _environments(spaces: Sequence[Space], named: set[int]) -> dict[int, Environment]:
    """Those of the spaces, and the rest that the flow names, which have no live space here."""
    found = {space.environment_id: space.environment for space in spaces}
    if missing := named - set(found):
        found |= Environment.objects.select_related("twin").in_bulk(missing)
    return found


def _pairs() -> Flow:
    return list(Environment.follows.through.objects.values_list("from_environment_id", "to_environment_id"))


def _link_flow(spaces: Sequence[Space], flow: Flow | None) -> dict[int, set[int]]:
    """Each environment once, with those before and after it known; returns those before, its twin among them."""
    pairs = list(_pairs() if flow is None else flow)
    environments = _environments(spaces, {pk for pair in pairs for pk in pair})
    before: dict[int, set[int]] = defaultdict(set)
    follows: dict[int, list[Environment]] = defaultdict(list)
    followed: dict[int, list[Environment]] = defaultdict(list)
    for after, first in pairs:
        before[after].add(first)
        follows[after].append(environments[first])
        followed[first].append(environments[after])
    for pk, row in environments.items():
        know_flow(row, follows[pk], followed[pk])
        if row.twin_id:
            before[pk].add(row.twin_id)
    for space in spaces:
        space.environment = environments[space.environment_id]
    return before
