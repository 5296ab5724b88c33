"""Trains of seven and of forty orders while workers and watchers are killed: each is built once and deployed once."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from demo.world import DEVELOPER, SUBSYSTEMS
from tests.patience import wait_for
from tests.whole import outside
from tests.whole.halves import IS_FULL, on_postgresql
from tests.whole.people import Person
from tests.whole.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900 if IS_FULL else 240)]
PROJECT = SUBSYSTEMS[1]
WAVES = 3
KILLS = 5
"""A supervisor waits longer and longer before it starts a child that keeps dying."""
SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 4.0
SIZES = [7, 40] if IS_FULL else [7]


def killing(product: Product, seed: int) -> Callable[[], None]:
    """What kills a random worker or watcher every few calls, a few times."""
    choose = random.Random(seed)
    left = {"kills": KILLS, "calls": choose.randrange(8)}

    def maybe_kill() -> None:
        left["calls"] -= 1
        if left["kills"] and left["calls"] < 0:
            left["kills"] -= 1
            left["calls"] = choose.randrange(2, 8)
            product.kill(choose.choice(["worker-1", "worker-2", "watcher-1", "watcher-2"]))

    return maybe_kill


def components(product: Product, size: int) -> list[str]:
    """So many of the project; those that the demo lacks are made like its last one."""
    names = [app.slug for app in PROJECT.apps]
    if size > len(names):
        made = product.more("-m", "tests.whole.more_components", names[-1], str(size - len(names)), name="components")
        assert made.wait(120) == 0, product.log()
        names += [f"{names[-1]}-{number:02d}" for number in range(size - len(names))]
    return names


def make_train(product: Product, names: list[str]) -> tuple[int, Person]:
    """Made in one act and started by a developer, who may promote and deploy own work to FAT; its id, and they."""
    orders = [{"component": name, "branch": "master", "wave": place % WAVES + 1} for place, name in enumerate(names)]
    developer = Person(product.url, DEVELOPER)
    train = developer.post(f"projects/{PROJECT.slug}/trains/", name="Killed", environment="fat", orders=orders)
    developer.post(f"trains/{train['id']}/start/", test_verdict="")
    return int(train["id"]), developer


def followed(person: Person, pk: int, is_over: Callable[[dict[str, Any]], bool], between: Callable[[], None]) -> Any:
    """The train once it is so; ``between`` is called at each look."""

    train: dict[str, Any] = {}

    def found() -> bool:
        between()
        train.update(person.get(f"trains/{pk}/"))
        return is_over(train)

    try:
        wait_for(found, f"train {pk} comes there", 600 if IS_FULL else 150, pause=0.5)
    except AssertionError as error:
        keys = ("component", "wave", "state", "standing", "reason", "who_can_help")
        raise AssertionError([train["state"], *([one[key] for key in keys] for one in train["orders"])]) from error
    return train


def assert_once(product: Product, person: Person, train: dict[str, Any]) -> None:
    """One build in Jenkins for each order, one deployment of it, and one rollout in the cluster."""
    sets = outside.objects(product, PROJECT.slug, "fat", "replicasets")
    for member in train["orders"]:
        order = person.get(f"orders/{member['order']}/")
        (build,) = order["builds"]
        found = outside.builds_with_trigger(product, build["job"], build["trigger_id"])
        assert found == [build["build_number"]], member
        mine = person.get(f"orders/{member['order']}/deployments/")["items"]
        assert [row["state"] for row in mine] == ["succeeded"], member
        assert sum(order["image_digest"] in str(one["spec"]) for one in sets) == 1, member


def assert_in_waves(product: Product, pk: int) -> None:
    """Nothing of a wave began before the one before it had ended."""
    ask = """
        SELECT m.wave, min(d.created_at), max(d.finished_at) FROM trains_trainorder m
        JOIN releases_deployment d ON d.id = m.deployment_id WHERE m.train_id = %s GROUP BY m.wave ORDER BY m.wave
    """
    waves = product.rows().all(ask, pk)
    assert [wave for wave, _began, _ended in waves] == list(range(1, WAVES + 1))
    assert all(ended <= began for (_, _, ended), (_, began, _) in itertools.pairwise(waves)), waves


@on_postgresql
@pytest.mark.parametrize("size", SIZES)
def test_each_order_is_built_and_deployed_once_in_its_wave(full_product: Product, size: int) -> None:
    pk, developer = make_train(full_product, components(full_product, size))
    train = followed(developer, pk, lambda one: one["state"] == "done", killing(full_product, size))
    assert len(train["orders"]) == size and {one["state"] for one in train["orders"]} == {"succeeded"}
    assert_once(full_product, developer, train)
    assert_in_waves(full_product, pk)
