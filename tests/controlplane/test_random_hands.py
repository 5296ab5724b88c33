"""Somebody works with kubectl at random moments beside deployments at random moments.

Afterwards the page names what the cluster runs, the whole template of its pods, or it says that it is not sure.
Fifteen schedules; 500 with ``FULL=1``.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.controlplane.stage import SLOW_BRANCH, Stage
from tests.patience import at_most, wait_for
from tests.whole.people import Carried

SCHEDULES = 500 if os.environ.get("FULL") else 15
LONGEST_ACTS = 4
pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def orders(stage: Stage) -> list[Carried]:
    """Two that start at once, and one that takes its time."""
    made = [stage.order(), stage.order(), stage.order(SLOW_BRANCH)]
    for order in made:
        order.promote("fat")
    return made


class Hands:
    """One thing at a time, by the desk or behind its back; what is refused just now is refused."""

    def __init__(self, stage: Stage, orders: list[Carried], chance: random.Random) -> None:
        self._stage, self._orders, self._chance = stage, orders, chance
        self._where = f"deployment/{stage.name}"
        self.acts: dict[str, Callable[[], object]] = {
            "deploy": self._deploy,
            "scale": lambda: self._kubectl("scale", self._where, f"--replicas={chance.randint(0, 3)}"),
            "set-env": lambda: self._kubectl("set", "env", self._where, f"ODD={chance.randint(1, 9)}"),
            "set-image": self._set_image,
            "undo": lambda: self._kubectl("rollout", "undo", self._where),
            "pause": lambda: self._kubectl("rollout", "pause", self._where),
            "resume": lambda: self._kubectl("rollout", "resume", self._where),
            "restart": lambda: self._kubectl("rollout", "restart", self._where),
            "delete": lambda: self._kubectl("delete", self._where, "--ignore-not-found"),
            "annotate": lambda: self._kubectl("annotate", self._where, "team.example.com/note=x", "--overwrite"),
        }

    def _kubectl(self, *arguments: str) -> str:
        return self._stage.kubectl(*arguments, check=False)

    def _deploy(self) -> None:
        order = self._chance.choice(self._orders)
        # A promotion is in force for one order at a time.
        order.crew.developer.ask(f"orders/{order.number}/promotions/", environment="fat", test_verdict="")
        order.crew.developer.ask(f"orders/{order.number}/deployments/", environment="fat")

    def _set_image(self) -> None:
        live = self._stage.live()
        if live is not None:
            box = live["spec"]["template"]["spec"]["containers"][0]
            other = self._chance.choice(self._orders).overview()
            self._kubectl("set", "image", self._where, f"{box['name']}={other['image']}@{other['image_digest']}")


def is_true(stage: Stage) -> bool:
    """What the page says without reservation is what is there; a page with a reservation claims nothing."""
    if not stage.is_sure():
        return True
    succeeded, live = stage.told()["succeeded"], stage.live()
    if live is None or not stage.is_sure():
        return not stage.is_sure()
    return template_of(live) == template_of(stage.made_of(succeeded))


def template_of(live: dict[str, Any]) -> dict[str, Any]:
    """Of the pods, without what kubectl notes there when it restarts them."""
    template: dict[str, Any] = live["spec"]["template"]
    annotations = template["metadata"].get("annotations") or {}
    annotations.pop("kubectl.kubernetes.io/restartedAt", None)
    return template


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_the_page_never_names_what_does_not_run(stage: Stage, orders: list[Carried], seed: int) -> None:
    chance = random.Random(seed)
    hands = Hands(stage, orders, chance)
    done = ["deploy"] + [chance.choice(list(hands.acts)) for _step in range(chance.randint(1, LONGEST_ACTS))]
    for act in done:
        hands.acts[act]()
        # The moment of an act is what is tried here: there is nothing to wait for.
        time.sleep(chance.choice((0.0, 0.2, 1.0, 3.0)))
    wait_for(lambda: not stage.told()["in_progress"], f"{done}: nothing is under way", 150)
    wait_for(lambda: is_true(stage), f"{done}: the page tells the truth, {stage.told()}", at_most(5))
