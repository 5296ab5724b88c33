"""``manage.py audit_export``: the sealed log as JSON lines; the last line names the head and is signed."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

import audit
from audit.chain import export_lines, read_head
from audit.exports import JSON_LINES, signed


class Command(BaseCommand):
    """Writes to standard output, oldest first; what is not sealed yet comes with the next export."""

    help = "Writes every sealed audit event with its link as JSON lines; the last line is signed: audit_check_export."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--after", type=int, default=0, help="only links after this sequence")

    def handle(self, *args: Any, **options: Any) -> None:
        head = read_head()
        after = {"kind": JSON_LINES, "after": options["after"], "up_to": head.sequence}
        audit.record(audit.platform, "audit.exported", object_type="audit", object_name="audit", after=after)
        lines = export_lines(after=options["after"], head=head)
        pieces = ((json.dumps(line, ensure_ascii=False, sort_keys=True) + "\n", 1) for line in lines)
        for text in signed(pieces, head=head):
            self.stdout.write(text, ending="")
