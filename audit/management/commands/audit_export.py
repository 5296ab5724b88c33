"""``manage.py audit_export``: the sealed log as JSON lines, with the head of the chain as the last line."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from audit.chain import export_lines


class Command(BaseCommand):
    """Writes to standard output, oldest first; what is not sealed yet comes with the next export."""

    help = "Writes every sealed audit event with its link as JSON lines; the last line is the head."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--after", type=int, default=0, help="only links after this sequence")

    def handle(self, *args: Any, **options: Any) -> None:
        for line in export_lines(after=options["after"]):
            self.stdout.write(json.dumps(line, ensure_ascii=False, sort_keys=True))
