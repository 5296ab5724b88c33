"""``python -m demo``: one order from commit to production. Exit code 0, or 1 with the cause; 130 after Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from demo import world
from demo.client import Away, Cast, Refusal
from demo.custom_repository import BadRepository, Target, choose_target
from demo.real_services import Unwanted, agree
from demo.report import Report
from demo.running import DATA, CannotStart, Product
from demo.scenario import Carrier, Failed
from demo.screen import Screen

REPORT = DATA / "demo" / "report.json"
STOPPED = 128 + signal.SIGINT


def main() -> int:
    """Everything, with the report written in any case."""
    screen, report = Screen(), Report()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Set outright: a shell that puts us into the background has SIGINT ignored.
        signal.signal(number, _interrupt)
    code = 1
    try:
        _run(screen, report)
        code = 0
    except (Failed, Refusal, Away, CannotStart, BadRepository, Unwanted) as error:
        report.error = str(error)
    except KeyboardInterrupt:
        report.error, code = "Interrupted.", STOPPED
    report.seconds = round(screen.seconds, 1)
    report.write(REPORT)
    _end(screen, report)
    return code


def _run(screen: Screen, report: Report) -> None:
    port = int(os.environ.get("PORT") or 8000)
    target = choose_target()
    agree(screen, port)
    with Product(port, screen.line) as running, Cast(running.url, world.PASSWORD) as people:
        component = target.prepare(people, screen)
        Carrier(people, screen, report).carry(component, target.branch)
        screen.plain(f"\n{report.table()}")
        screen.plain(_see(running.url, running.was_there, report, target))


def _see(url: str, is_served: bool, report: Report, target: Target) -> str:
    serve = "See it:" if is_served else "See it: make up, then"
    people = "\n".join(f"    {one.username:<10} {one.name} {one.name_en}, {one.note_en}" for one in world.PEOPLE)
    return (
        f"\nSame image in every environment: {report.digest}\n"
        f"{serve} {url}/orders/{report.order}/\n"
        f"Sign in as (password {world.PASSWORD}):\n{people}\n"
        f"{target.note}"
    ).rstrip()


def _end(screen: Screen, report: Report) -> None:
    if report.error is not None:
        if report.environments:
            screen.plain(f"\n{report.table()}")
        where = f"order {report.order}: " if report.order else ""
        sys.stdout.flush()
        sys.stderr.write(f"\nmake demo did not get through. {where}{report.error}\n")
    screen.plain(f"{report.seconds:.1f} s. Report: {REPORT}")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
