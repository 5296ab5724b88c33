"""The entry check on a real control plane: 500 through its proxy fails with that cause, 200 is the last word."""

from __future__ import annotations

import pytest

from demo.world import repository_name
from tests.controlplane.stage import APP, COMPONENT, PROJECT, Stage
from tests.ux.scene import push

pytestmark = [pytest.mark.controlplane, pytest.mark.slow, pytest.mark.timeout(300)]

BROKEN_BRANCH = "entry-500"


def test_an_entry_that_answers_500_fails_the_deployment_and_200_lets_it_succeed(stage: Stage) -> None:
    repository = stage.product.data / "sandbox" / "git" / repository_name(PROJECT.slug, APP)
    push(repository, BROKEN_BRANCH, "Answer nothing but errors", {"src/scenario": "entry 500\n"})
    check = {"kind": "service", "port": "http", "statuses": "200", "patience_seconds": 3}
    stage.crew.operator.send("PUT", f"components/{COMPONENT}/entry-checks/fat/", **check)

    broken = stage.order(BROKEN_BRANCH)
    broken.promote("fat")
    broken.start_deployment("fat")
    failed = stage.wait_ended(broken)
    assert (failed["state"], failed["reason"]) == ("failed", "entry"), failed
    assert failed["progress"]["ready"] == failed["progress"]["wanted"] > 0, "its pods are ready all the while"
    where = f"{APP.service}:http/"
    assert failed["message"].startswith(f"The entry {where} answers with status 500; expected is 200."), failed
    assert failed["entry"]["state"] == "failed" and failed["entry"]["asked"] >= 2
    assert stage.told()["order"] != broken.number, "nobody is told that it serves"

    sound = stage.order()
    sound.promote("fat")
    sound.start_deployment("fat")
    passed = stage.wait_ended(sound)
    assert (passed["state"], passed["entry"]["state"], passed["entry"]["status"]) == ("succeeded", "passed", 200), (
        passed
    )
    assert passed["entry"]["where"] == where and passed["entry"]["seconds"] > 0
    assert stage.told()["order"] == sound.number
