"""``manage.py up --stand-ins``: the product as everywhere, with the demo's rows and stand-ins for what is outside."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from demo.database import ForeignDatabase, require_demo_or_empty
from demo.ports import Ports, require_free
from demo.processes import stand_in_processes
from demo.repository import make_repositories
from demo.stand_ins import BadChoice, Choices, StandIns
from prism4k.management.commands import up
from prism4k.static_files import collect_when_changed
from prism4k.supervisor import Child
from sandbox.ports import PortTaken


class Command(up.Command):
    """The product's own command with one option more; it stands before it where PRISM4K_DEMO is set."""

    help = "Serve web, worker and watcher, and the demo's stand-ins, under one supervisor."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--stand-ins", action="store_true", help="demo data, and stand-ins for what is outside")
        parser.add_argument("--living-day", action="store_true", help="with stand-ins: ten components deploy at first")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with a message when it cannot start."""
        try:
            super().handle(*args, **options)
        except (BadChoice, ForeignDatabase, PortTaken) as error:
            raise CommandError(str(error)) from None

    def prepare(self, options: dict[str, Any], environment: dict[str, str]) -> list[Child]:
        """Database, static files, repositories and rows; adds to the product's environment."""
        if not options["stand_ins"]:
            return []
        ports = Ports(settings.DATA_DIR / "ports.json")
        stand_ins = StandIns(ports, Choices.from_environment())
        for one in stand_ins.wanted():
            require_free(ports.take(one.name), f"the stand-in {one.name}")
        require_demo_or_empty()
        if stand_ins.shares_a_plane:
            self.stdout.write("Less than 4 GiB of memory are free: one control plane is both clusters.")
        self.stdout.write("Preparing database, static files, repositories and demo data …")
        call_command("migrate", verbosity=0, interactive=False)
        collect_when_changed()
        make_repositories(stand_ins.git_root)
        call_command("demo_data", verbosity=0)
        if options["living_day"] and Choices.from_environment() == Choices():
            # Beside the product, which waits for nothing of it; what somebody named as real is not furnished.
            subprocess.Popen([sys.executable, "-m", "demo.living", str(settings.DATA_DIR), str(os.getpid())])
        allowed = [*stand_ins.hosts(), *filter(None, os.environ.get("OUTBOUND_ALLOW", "").split(","))]
        environment |= {"PRISM4K_DEMO": "1", "OUTBOUND_ALLOW": ",".join(allowed)}
        return stand_in_processes(stand_ins, ports)
