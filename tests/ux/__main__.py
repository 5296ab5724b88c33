"""``make ux``: every task performed and counted, beside what peers take. Exit code 1 when one takes too many.

``ONLY="roll back"`` performs one of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import launch
from tests.ux.peers import Peer, read_peers
from tests.ux.site import furnished
from tests.ux.tasks import TASKS, Office, Task

WIDTHS = (22, 5, 5, 36, 5)


def main() -> int:
    """A line for each task and peer."""
    chosen = [task for task in TASKS if os.environ.get("ONLY", task.name) == task.name]
    peers = read_peers()
    _line("task", "ours", "limit", "peer", "takes", "source")
    missed = 0
    with (
        tempfile.TemporaryDirectory(prefix="prism4k-tasks-") as folder,
        furnished(Path(folder)) as site,
        sync_playwright() as playwright,
    ):
        office = Office(site, launch(playwright))
        for task in chosen:
            missed += not _perform(task, office, [peer for peer in peers if peer.task == task.name])
    _say(f"{len(chosen) - missed} of {len(chosen)} tasks within their limit.")
    return 1 if missed else 0


def _perform(task: Task, office: Office, peers: list[Peer]) -> bool:
    limit = peers[0].limit
    try:
        user = task.act(office)
    except Exception as error:  # one task that cannot be done must not hide the others
        _line(task.name, "–", str(limit), f"not done: {str(error).splitlines()[0]}", "", "")
        return False
    for place, peer in enumerate(peers):
        first = place == 0
        _line(task.name if first else "", str(user.count) if first else "", str(limit) if first else "", peer.peer,
              str(peer.takes), peer.source)  # fmt: skip
    _say(f"    from {task.start}: {', '.join(user.done) or 'nothing to do'}")
    return user.count <= limit


def _line(*cells: str) -> None:
    *fixed, source = cells
    _say(" ".join(cell[:width].ljust(width) for cell, width in zip(fixed, WIDTHS, strict=True)) + f" {source}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
