"""``manage.py watcher``: drives every run that is due."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from foundation.pulse import start_pulse
from foundation.runs.watching import THREADS, Watcher


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT; steps under way get 5 s to end."""

    help = "Drives runs that are due (builds, reviews, deployments, watches). Any number may run at once."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--threads", type=int, default=THREADS, help="steps at the same time (default 16)")

    def handle(self, *args: Any, **options: Any) -> None:
        watcher = Watcher(threads=options["threads"])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: watcher.stop())
        start_pulse()
        watcher.run()
