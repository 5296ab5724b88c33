"""``manage.py audit_check_export FILE``: is an exported file as it was signed, and of this log?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.chain import is_here
from audit.exports import check_file


class Command(BaseCommand):
    """Exit code 0 when signature, rows and head fit; 1 with a message that says what does not."""

    help = "Checks an exported file of the audit: its signature, its rows, and that its head is in this log."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows, head = check_file(options["file"])
        except (OSError, ValueError) as error:
            raise CommandError(str(error)) from None
        if not is_here(head):
            raise CommandError(f"The file is as it was signed, but this log has no link {head.sequence} of that head.")
        self.stdout.write(f"The file is as it was signed: {rows} rows, head {head}.")
