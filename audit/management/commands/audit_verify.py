"""``manage.py audit_verify``: is the audit log whole?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.chain import verify
from audit.triggers import triggers_present


class Command(BaseCommand):
    """Exit code 0 when every link fits; 1 with the first one that does not."""

    help = "Recomputes the audit chain and says where it was changed."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--head", default="", help="SEQUENCE:MAC of an earlier head that must be in it")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = verify(known_head=options["head"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        for gap in result.restored:
            self.stdout.write(f"Restored: {gap}.")
        if not result.is_whole:
            raise CommandError(f"The audit log is NOT whole after {result.checked} links. {result.problem}")
        self.stdout.write(
            f"The audit log is whole: {result.checked} events sealed, {result.unsealed} waiting, head {result.head}."
        )
        if not triggers_present():
            self.stderr.write("The triggers that forbid changes are missing: run manage.py migrate.")
