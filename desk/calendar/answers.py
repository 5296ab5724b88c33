"""What the gates say today of what is scheduled, as of its time; and of each order of a train that goes on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from desk.calendar.items import Item, SaidMember
from environments import freezes
from environments.access import Rights
from foundation.runs.choices import ACTIVE
from releases import break_glass, holds, selectors, turns, when_gates
from releases.choices import PromotionState
from releases.gate import Gate
from releases.gates import deployment_gates
from releases.go_words import words_of
from releases.holds import Held, held_in
from releases.models import Build, Placement, Promotion, Schedule
from releases.rule_gate import read_rule_changes
from trains.choices import ENDED
from trains.locks import members_of
from trains.models import Train
from trains.standing import standings

MOST_ASKED, MOST_TRAINS = 50, 5
"""Of so many scheduled deployments and trains of a day the gates are asked; each has a page of its own besides."""


def with_answers(rights: Rights, found: Sequence[Item]) -> list[Item]:
    """The same with their gates and members. A space that asks for approvals costs some queries for each item."""
    waiting = [one.row for one in found if isinstance(one.row, Schedule) and one.row.state in ACTIVE][:MOST_ASKED]
    asked = _gates_of(waiting)
    going = [one.row for one in found if isinstance(one.row, Train) and one.row.state not in ENDED][:MOST_TRAINS]
    members = {row.pk: standings(rights, row, list(members_of(row))) for row in going}
    places = {(one.row.order_id, one.row.space_id) for one in found if isinstance(one.row, Schedule)}
    places |= {(one.row.order_id, row.space_id) for row in going for one in members[row.pk]}
    words = words_of(places)
    shown = []
    for item in found:
        row = item.row
        if isinstance(row, Schedule):
            may_say = row.pk in asked and rights.can("comment", project_id=row.space.project_id)
            said = words[row.order_id, row.space_id]
            item = replace(item, gates=asked.get(row.pk, []), words=said, may_say=may_say)
        elif row is not None and row.pk in members:
            said_of = [SaidMember(one, words[one.row.order_id, row.space_id]) for one in members[row.pk]]
            item = replace(item, members=said_of, may_say=rights.can("comment", project_id=row.space.project_id))
        shown.append(item)
    return shown


def _gates_of(rows: Sequence[Schedule]) -> dict[int, list[Gate]]:
    """By schedule: the gates of its deployment, with hold, freeze, window and break-glass of its time."""
    if not rows:
        return {}
    _read_ahead(rows)
    all_freezes, held = freezes.read(rows[0].due_at), held_in({row.space_id for row in rows})
    found = {}
    for row in rows:
        order, space = row.order, row.space
        then = [one for one in held.over(order.component_id, space.pk) if one.ends_at > row.due_at]
        holds.keep_ahead([order], Held({(space.pk, None): then}))
        when_gates.keep_ahead([order], replace(all_freezes, now=row.due_at))
        found[row.pk] = deployment_gates(order, space, snapshot=row.snapshot, deployer=row.asked_by)
    return found


def _read_ahead(rows: Sequence[Schedule]) -> None:
    """What the gates of these orders ask one by one, in the same queries for all: each row has its own objects."""
    spaces = {row.space_id for row in rows}
    components = {row.order.component_id for row in rows}
    places = _places(components, spaces)
    sent = Promotion.objects.filter(component__in=components, space__in=spaces, state=PromotionState.CURRENT)
    promotions = {(one.component_id, one.space_id): one for one in sent.select_related("order", "space")}
    builders: dict[int, set[int]] = defaultdict(set)
    built = Build.objects.filter(order__in={row.order_id for row in rows}).order_by()
    for order_id, person_id in built.values_list("order_id", "started_by_id"):
        builders[order_id].add(person_id)
    break_glass.read_ahead_of([(row.order, row.space_id, row.due_at) for row in rows])
    read_rule_changes([row.space for row in rows])
    for row in rows:
        key = (row.order.component_id, row.space_id)
        here = {row.space_id: places[key]} if key in places else {}
        there = {row.space_id: promotions[key]} if key in promotions else {}
        selectors.keep_ahead(row.order, selectors.Ahead(here, there, builders[row.order_id]))


def _places(components: set[int], spaces: set[int]) -> dict[tuple[int, int], Placement]:
    rows = Placement.objects.filter(component__in=components, space__in=spaces).defer("pods", "drift", "autoscaler")
    found = list(rows.select_related("in_progress__order", "in_progress__deployed_by"))
    turns.read_lines(found)
    return {(row.component_id, row.space_id): row for row in found}
