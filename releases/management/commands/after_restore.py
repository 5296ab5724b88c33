"""``manage.py after_restore``: what an operator runs once, after restoring the database and before starting."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

import audit
from foundation.clock import now_minus
from foundation.problems import Invalid
from foundation.runs.models import Heartbeat
from releases.restored import Findings, read_other_sides
from releases.services.restores import begin_after_restore

ALIVE_SECONDS = 15.0
MOST_RECORDED = 200


class Command(BaseCommand):
    """Begins a new epoch and lists what the other sides have that the database lost."""

    help = "After restoring the database: begin a new epoch, and list what the backup does not know."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """One of three: a head, the word that there is none, or only the lists once more."""
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--audit-head", default="", metavar="SEQUENCE:MAC", help="the newest head in logs or exports")
        how.add_argument("--no-audit-head", action="store_true", help="nobody has a head: the gap cannot be verified")
        how.add_argument("--only-list", action="store_true", help="read the other sides again, begin no epoch")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError while a process of the product runs, and for a head of another log."""
        self._refuse_while_running()
        if not options["only_list"]:
            self._begin(options["audit_head"])
        found = read_other_sides()
        lists = {"lost": found.lost, "adopted": found.adopted, "unread": found.unread}
        after = {name: lines[:MOST_RECORDED] for name, lines in lists.items()}
        audit.record(audit.platform, "platform.read_after_restore", object_type="platform", after=after)
        self._show(found)

    def _refuse_while_running(self) -> None:
        running = Heartbeat.objects.filter(at__gt=now_minus(ALIVE_SECONDS)).values_list("process", flat=True)
        if running:
            raise CommandError(f"Stop the product first: {', '.join(running)} runs.")

    def _begin(self, head: str) -> None:
        try:
            facts = begin_after_restore(audit_head=head)
        except Invalid as error:
            raise CommandError(" ".join(map(str, error.texts))) from None
        self.stdout.write(f"Epoch {facts['epoch']} has begun; the audit of the backup ends with {facts['kept_head']}.")
        for line in facts["ended"]:
            self.stdout.write(f"Ended, because it was under way: {line}")

    def _show(self, found: Findings) -> None:
        for line in found.adopted:
            self.stdout.write(f"Adopted: {line}")
        for line in found.lost:
            self.stdout.write(f"Lost: {line}")
        for line in found.unread:
            self.stdout.write(f"Could not be read: {line}")
        if found.unread:
            self.stdout.write("Run manage.py after_restore --only-list when these answer again.")
        self.stdout.write("Placements are unknown until a watcher has read their clusters. Start the product.")
