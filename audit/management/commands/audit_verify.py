"""``manage.py audit_verify``: is the audit log whole?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.heads import heads_file
from audit.verification import verify


class Command(BaseCommand):
    """Exit code 0 when everything fits; 1 with a message that names the first row that does not."""

    help = "Recomputes the audit chain, compares it with the heads kept outside, and says where it was changed."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--head", default="", help="SEQUENCE:MAC of an earlier head that must be in it")
        parser.add_argument("--heads", type=Path, help="a copy of the file of heads, instead of AUDIT_HEADS_FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = verify(known_head=options["head"], heads=options["heads"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        for gap in result.restored:
            self.stdout.write(f"Restored: {gap}.")
        if not result.is_whole:
            said = " ".join(result.problems)
            raise CommandError(f"The audit log is NOT whole after {result.checked} links. {said}")
        self.stdout.write(
            f"The audit log is whole: {result.checked} events sealed, {result.unsealed} waiting, head {result.head}."
        )
        if not (options["heads"] or options["head"] or heads_file()):
            self.stderr.write("No head is kept outside: rows that were cut off the end cannot be told. Give --head.")
