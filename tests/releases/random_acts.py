"""What people and the clock do at the random desk, by what it is about."""

from __future__ import annotations

from collections.abc import Callable

from tests.releases import random_break_glass
from tests.releases.random_desk import (
    BREAKERS,
    DECIDERS,
    DEPLOYERS,
    MANAGERS,
    NEW_ROLES,
    PEOPLE,
    Desk,
)
from tests.releases.random_policies import POLICIES


def acts(desk: Desk) -> dict[str, list[Callable[[], object]]]:
    """What people and the clock do, each with people and things of this moment, by what it is about."""
    pick, number = desk.chance.choice, desk.chance.randrange
    return {
        "rules": [
            lambda: desk.change_policy(pick(MANAGERS), pick(POLICIES)),
            lambda: desk.agree_on_policy(pick(MANAGERS), pick(MANAGERS), pick(POLICIES)),
            lambda: desk.agree_on_policy("petra", pick(("ada", "anton")), pick(POLICIES)),
            lambda: desk.mark_production(pick(MANAGERS), pick((True, False))),
            lambda: desk.decide_rule_change(pick(MANAGERS), pick(("confirm", "refuse", "withdraw"))),
        ],
        "people": [
            lambda: desk.give_role(pick(MANAGERS), pick(PEOPLE), pick(NEW_ROLES)),
            lambda: desk.end_role(pick(MANAGERS), number(40)),
            lambda: desk.end_role("petra", number(40)),
            lambda: desk.keep_person(pick(MANAGERS), pick(PEOPLE), pick(("deactivate", "activate", "password"))),
        ],
        "clock": [lambda: desk.time_passes(pick((1, 5, 25))), lambda: random_break_glass.pass_once(desk)],
        "flow": [
            lambda: desk.promote(pick(("tess", "petra", "dana")), number(3)),
            lambda: desk.decide(pick(DECIDERS), number(3), pick(("approve", "reject")), pick(("read", ""))),
            lambda: desk.withdraw(pick(DECIDERS), number(9)),
            lambda: desk.send_back(pick(PEOPLE), number(3)),
        ],
        "deployments": [
            lambda: desk.deploy(pick(DEPLOYERS), number(3), pick((True, False))),
            lambda: desk.roll_back(pick(DEPLOYERS)),
            lambda: desk.step(pick(("succeeded", "failed"))),
            lambda: desk.force(pick(MANAGERS)),
        ],
        "break-glass": [
            lambda: random_break_glass.open_one(desk, pick(BREAKERS), number(3), pick((30, 240))),
            lambda: random_break_glass.open_one(desk, "oskar", number(3), 240),
            lambda: random_break_glass.end_one(desk, pick(MANAGERS)),
            lambda: random_break_glass.review_one(desk, pick((*MANAGERS, "oskar", "dave"))),
        ],
    }


def do_one(desk: Desk, about: str = "") -> None:
    """One act, of that kind; empty: of any."""
    found = acts(desk)
    desk.chance.choice(found[about] if about else [act for kind in found.values() for act in kind])()
