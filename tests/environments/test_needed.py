"""How many approvals of which group: one person fills one place, placed so that most are filled."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from environments.needed import Needed


@pytest.mark.parametrize(
    ("people", "counted", "missing"),
    [
        ({}, {}, {"risk": 1, "dba": 1}),
        ({1: ["risk"]}, {1: "risk"}, {"dba": 1}),
        ({1: ["dba", "risk"]}, {1: "risk"}, {"dba": 1}),
        # Who came first moves on, so that both places are filled.
        ({1: ["risk", "dba"], 2: ["risk"]}, {1: "dba", 2: "risk"}, {}),
        ({1: ["risk"], 2: ["risk"]}, {1: "risk"}, {"dba": 1}),
        ({1: [], 2: ["dba"]}, {2: "dba"}, {"risk": 1}),
    ],
)
def test_each_person_counts_for_one_group(
    people: dict[int, list[str]], counted: dict[int, str], missing: dict[str, int]
) -> None:
    needed = Needed(2, ("risk", "dba"), 1)
    assert (needed.counted_for(people), needed.missing(people)) == (counted, missing)
    assert needed.is_reached(people) is (not missing)


def test_the_number_of_all_is_asked_besides() -> None:
    needed = Needed(3, ("risk", "dba"), 1)
    both = {1: ["risk"], 2: ["dba"]}
    assert needed.missing(both) == {} and not needed.is_reached(both)
    assert needed.is_helped_by(["risk"], both) and needed.is_reached({**both, 3: ["risk"]})
    # One place is left, and it is of a group: a second person of the other one brings it no nearer.
    assert not Needed(2, ("risk", "dba"), 1).is_helped_by(["risk"], {1: ["risk"]})
    assert Needed(2, ("risk", "dba"), 1).is_helped_by(["risk"], {1: ["risk", "dba"]})


def test_of_any_group_is_a_number_alone() -> None:
    needed = Needed(2, ("risk", "dba"))
    assert needed.counted_for({1: ["risk"]}) == {} and needed.lacking({1: ["risk"]}) == 1
    assert needed.is_reached({1: ["risk"], 2: ["risk"]})


def test_as_many_places_are_filled_as_by_trying_everything() -> None:
    chance = random.Random(7)
    groups = ("a", "b", "c")
    for _case in range(300):
        per_group = chance.choice((1, 1, 2))
        people = {pk: [slug for slug in groups if chance.random() < 0.5] for pk in range(1, chance.randrange(2, 6))}
        needed = Needed(0, groups, per_group)
        counted = needed.counted_for(people)
        assert all(slug in people[pk] for pk, slug in counted.items())
        assert all(list(counted.values()).count(slug) <= per_group for slug in groups)
        places = [slug for slug in groups for _number in range(per_group)]
        best = max(
            sum(1 for pk, slug in zip(order, places, strict=False) if slug in people.get(pk, ()))
            for order in permutations([*people, *[-1] * max(0, len(places) - len(people))])
        )
        assert len(counted) == best, (people, per_group)
