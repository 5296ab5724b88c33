"""Builds, while Jenkins fails in random ways and a worker or watcher is killed with SIGKILL at a named point.

Afterwards each attempt has exactly one build that claimed it, none that is foreign; its end is what Jenkins says, and
its log is Jenkins' own, byte for byte, apart from what is masked.

Fifteen schedules, 300 with ``FULL=1``: the even ones on SQLite (``make faults``), the odd ones on PostgreSQL
(``make test-scale``). A schedule follows from its number alone; a failure tells what it did, and how to play it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.whole.attempt import Scene
from tests.whole.controller import own_jenkins
from tests.whole.halves import IS_FULL, IS_POSTGRESQL
from tests.whole.holding import door_to
from tests.whole.people import Crew
from tests.whole.product import Product, running
from tests.whole.schedules import POINTS, Schedule
from tests.whole.test_crashes import Hands

FEW = 15
SCHEDULES = 300 if IS_FULL else FEW
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def scene(own_database: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A product whose leases and absences are short, its people, and doors before Jenkins and registry."""
    folder = tmp_path_factory.mktemp("builds")
    variables = {**own_database, "RUN_LEASE_SECONDS": "2", "ABSENCE_SECONDS": "1"}
    with ExitStack() as stack:
        product = stack.enter_context(running(Product(folder, workers=0, watchers=0, **variables)))
        jenkins = stack.enter_context(own_jenkins(product, folder / "jenkins"))
        images = stack.enter_context(door_to(product.stand_in("registry")))
        product.rows().change("UPDATE components_imageregistry SET url = %s", images.url)
        scene = Scene(product, Crew(product), jenkins, images, Hands(product), folder)
        scene.await_hands()
        yield scene


@pytest.mark.parametrize("seed", range(1 if IS_POSTGRESQL else 0, SCHEDULES, 2))
def test_each_attempt_has_one_build_and_tells_its_truth(scene: Scene, seed: int) -> None:
    schedule = Schedule(scene, seed)
    try:
        schedule.run()
    except BaseException as error:
        error.add_note(f"{schedule.story()}\nTo play it again: {replay(seed)}")
        raise


def replay(seed: int) -> str:
    """The command."""
    full = "FULL=1 " if seed >= FEW else ""
    scale = ".venv/bin/python -m tests.scale.services " if IS_POSTGRESQL else ""
    folder = "scale" if IS_POSTGRESQL else "whole"
    name = test_each_attempt_has_one_build_and_tells_its_truth.__name__
    return f'{full}{scale}.venv/bin/python -m pytest "tests/{folder}/test_random_builds.py::{name}[{seed}]"'


def test_fifteen_schedules_reach_every_point() -> None:
    assert {Schedule.point_of(seed).name for seed in range(FEW)} == {point.name for point in POINTS}
