"""An attempt to build, looked at from all sides: its row, its order, its log, and what Jenkins has of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foundation.log_mask import LogMask
from tests.patience import wait_for
from tests.whole.controller import Controller
from tests.whole.holding import Door
from tests.whole.people import ENDED, Carried, Crew
from tests.whole.product import Product
from tests.whole.test_crashes import Hands

LONG_AGO = "2024-01-01 00:00:00"
WAIT_SECONDS = 60.0


@dataclass
class Scene:
    """What all schedules share."""

    product: Product
    crew: Crew
    jenkins: Controller
    images: Door
    hands: Hands
    folder: Path
    _helper: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _filling: Future[None] | None = None

    def replace_the_dead(self) -> None:
        """Start another one in the place of who was killed; the rest go on meanwhile."""
        self._filling = self._helper.submit(self.hands.fill_up)

    def await_hands(self) -> None:
        """All are alive."""
        if self._filling is None:
            self.replace_the_dead()
        assert self._filling is not None
        self._filling.result()


@dataclass
class Attempt:
    """The first one of an order."""

    scene: Scene
    order: Carried
    pk: int
    trigger: str

    # ------------------------------------------------------------ looking
    def row(self) -> dict[str, Any]:
        """What the platform says of it."""
        names = ("state", "phase", "reason", "message", "build_number", "digest", "log_is_complete", "posts")
        (row,) = self.scene.product.rows().all(f"SELECT {', '.join(names)} FROM releases_build WHERE id = %s", self.pk)
        return dict(zip(names, row, strict=True))

    def column(self, name: str) -> Any:
        """One of its columns."""
        return self.scene.product.rows().one(f"SELECT {name} FROM releases_build WHERE id = %s", self.pk)

    def number(self) -> int:
        """In Jenkins."""
        return int(self.column("build_number"))

    def stored(self) -> str:
        """Its log."""
        query = 'SELECT text FROM releases_logchunk WHERE build_id = %s ORDER BY "offset"'
        return "".join(text for (text,) in self.scene.product.rows().all(query, self.pk))

    def in_jenkins(self) -> list[dict[str, Any]]:
        """The runs of it whose claim was not refused."""
        return [one for one in self.scene.jenkins.builds_of(self.trigger) if one["result"] != "NOT_BUILT"]

    def change(self, what: str, where: str, *values: object) -> None:
        """Behind the product's back."""
        self.scene.product.rows().change(f"UPDATE releases_build SET {what} WHERE {where}", *values)

    # ------------------------------------------------------------ waiting
    def reach(self, phase: str) -> None:
        """Until it is there, or has ended too early: then what is checked at the end says so."""
        self.wait(lambda: self.row()["phase"] == phase or self.row()["state"] in ENDED, f"it is {phase}")

    def wait(self, what: Callable[[], object], why: str) -> None:
        """As ``wait_for``, but the half minute for an unanswered trigger passes at once, twice at most."""
        since, aged = time.monotonic(), 0

        def read() -> object:
            nonlocal since, aged
            if self.row()["phase"] != "triggering":
                since = time.monotonic()
            elif time.monotonic() - since > 1.5 and aged < 2:
                since, aged = time.monotonic(), aged + 1
                self.change("posted_at = %s", "id = %s AND phase = 'triggering'", LONG_AGO, self.pk)
            return what()

        try:
            wait_for(read, why, WAIT_SECONDS)
        except AssertionError as error:
            error.add_note(str(self.row()))
            raise

    def wait_ended(self) -> None:
        """On both sides."""
        self.wait(lambda: self.row()["state"] in ENDED, "the build ends")
        wait_for(self._is_over, "Jenkins has nothing of it any more", WAIT_SECONDS)

    def _is_over(self) -> bool:
        truth = self.scene.jenkins.truth()
        runs = [one for one in truth["builds"] if one["trigger_id"] == self.trigger and one["building"]]
        return not runs and all(one["trigger_id"] != self.trigger for one in truth["queue"])

    # ------------------------------------------------------------ what must be true
    def check_state(self, told: str) -> None:
        """``state reason``, and one end in the order's events, which have no gap."""
        row = self.row()
        assert f"{row['state']} {row['reason']}".strip() == told, (row, self.scene.jenkins.builds_of(self.trigger))
        events = self.order.events()
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
        ends = [event["kind"] for event in events if event["kind"] in {f"build.{state}" for state in ENDED}]
        assert ends == [f"build.{row['state']}"]
        overview = self.order.overview()
        state = "built" if row["state"] == "succeeded" else "build_failed"
        assert (overview["state"], overview["image_digest"]) == (state, row["digest"])

    def check_none(self) -> None:
        """Jenkins has no run of it."""
        assert self.in_jenkins() == []

    def check_one(self, result: str) -> None:
        """Exactly one run of it claimed, with this result; number, digest and log are that one's."""
        found, row = self.in_jenkins(), self.row()
        assert [one["result"] for one in found] == [result], (row, found)
        assert row["build_number"] == found[0]["number"], (row, found)
        assert row["digest"] == (found[0]["digest"] if result == "SUCCESS" else ""), (row, found)
        # A carriage return begins a line for us; what is masked over the whole is masked alike in pieces.
        console = self.scene.jenkins.console(found[0]["number"]).replace("\r\n", "\n").replace("\r", "\n")
        stored, wanted = self.stored(), LogMask().apply(console)
        assert row["log_is_complete"]
        assert stored == wanted, first_difference(stored, wanted)


def first_difference(stored: str, wanted: str) -> str:
    """The texts around it."""
    pairs = enumerate(zip(stored, wanted, strict=False))
    place = next((i for i, (a, b) in pairs if a != b), min(len(stored), len(wanted)))
    around = slice(max(0, place - 60), place + 80)
    return f"at {place} of {len(stored)}, {len(wanted)}: {stored[around]!r} != {wanted[around]!r}"
