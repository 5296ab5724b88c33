"""``manage.py confirm_rule_change NUMBER --reason TEXT``: the second person where no other is left."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from environments.models import RuleChange
from environments.second_person import waiting
from environments.services.rule_decisions import confirm_by_shell
from foundation.problems import Invalid, Refused


class Command(BaseCommand):
    """Exit code 1: nothing was confirmed."""

    help = "Confirm a rule change. Refused while a second person exists who could. Without NUMBER: lists what waits."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", type=int, nargs="?", help="of the rule change, as its page and the API say it")
        parser.add_argument("--reason", default="", help="stands in the audit")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raises CommandError with a message."""
        if options["number"] is None:
            self._list()
            return
        row = RuleChange.objects.filter(pk=options["number"]).first()
        if row is None:
            raise CommandError("There is no such rule change.")
        try:
            done = confirm_by_shell(change=row, reason=options["reason"])
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        except Invalid as invalid:
            raise CommandError("\n".join(map(str, invalid.texts))) from None
        self.stdout.write(f"Rule change {done.pk} of {done} is in force: {done.before} became {done.after}.")

    def _list(self) -> None:
        rows = RuleChange.objects.filter(waiting()).select_related("proposed_by")
        for row in rows.order_by("pk"):
            self.stdout.write(f"{row.pk} {row} {row.before} -> {row.after} by {row.proposed_by.username}: {row.reason}")
