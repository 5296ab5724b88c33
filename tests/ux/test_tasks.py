"""No task takes more interactions than docs/ux.md allows (``make ux`` prints the table)."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.ux.peers import limits, read_peers
from tests.ux.site import Site
from tests.ux.tasks import TASKS, Office, Task


@pytest.fixture(scope="module")
def office(site: Site, chromium: Browser) -> Office:
    return Office(site, chromium)


@pytest.mark.e2e
@pytest.mark.timeout(900)
@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name.replace(" ", "-"))
def test_a_task_stays_within_its_limit(office: Office, task: Task) -> None:
    user = task.act(office)
    assert user.count <= limits()[task.name], user.done


def test_every_task_has_a_peer_with_its_source() -> None:
    assert set(limits()) == {task.name for task in TASKS}
    assert all(row.source and row.steps and row.takes >= 0 for row in read_peers())
