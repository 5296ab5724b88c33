"""Events as a file: CSV for spreadsheets, JSON lines for programs, each with a signed last line.

The last line says how many rows there are, the head of the chain at that moment and the SHA-256 of all bytes before it,
signed with the key: a file that was changed or cut does not fit.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import json
import unicodedata
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

from django.db.models import QuerySet

from audit.chain import CHUNK, event_data, read_head
from audit.fields import canonical_json
from audit.heads import Head
from audit.marks import sign
from audit.models import AuditEvent, AuditLink

CSV, JSON_LINES = "csv", "jsonl"
FORMATS = {CSV: "text/csv; charset=utf-8", JSON_LINES: "application/x-ndjson"}
COLUMNS = (
    "sequence", "id", "at", "actor_id", "actor_name", "verb", "object_type", "object_id", "object_name", "project",
    "environment", "outcome", "reason", "before", "after", "request_number", "address", "mac",
)  # fmt: skip
TRAILER = "prism4k-audit-export"
_SIGNS = "=+-@"
"""What a formula begins with."""
_SKIPPED = " \t\r\n\v\f\0\xa0\u3000\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""Blanks and what nobody sees: some spreadsheets read on behind them."""


def export(events: QuerySet[AuditEvent], kind: str) -> Iterator[str]:
    """The text of the file, piece by piece, oldest first; ``CHUNK`` rows are held at once."""
    pieces = _csv(events) if kind == CSV else _json_lines(events)
    return signed(pieces, head=read_head(), as_csv=kind == CSV)


def signed(pieces: Iterable[tuple[str, int]], *, head: Head, as_csv: bool = False) -> Iterator[str]:
    """Pieces of (text, rows in it), then the signed last line."""
    sum_, rows = hashlib.sha256(), 0
    for text, count in pieces:
        sum_.update(text.encode())
        rows += count
        yield text
    facts: dict[str, Any] = {"rows": rows, "head": str(head), "sha256": sum_.hexdigest()}
    line = canonical_json({TRAILER: facts | {"signature": sign(canonical_json(facts))}})
    yield _csv_line([line]) if as_csv else line + "\n"


def safe_cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else value if isinstance(value, str) else canonical_json(value)
    return f"'{text}" if _begins_formula(text) else text


def _begins_formula(text: str) -> bool:
    """Also in full width or as a small form, which East Asian spreadsheets read as the plain sign."""
    first = unicodedata.normalize("NFKC", text.lstrip(_SKIPPED)[:1])
    return text.startswith(("\t", "\r", "\n")) or (bool(first) and first in _SIGNS)


def rows_of(events: QuerySet[AuditEvent]) -> Iterator[list[dict[str, Any]]]:
    """Chunks of events with their links as plain data, by ascending id."""
    last = 0
    while chunk := list(events.filter(pk__gt=last).order_by("pk")[:CHUNK]):
        links = {link.event_id: link for link in AuditLink.objects.filter(event_id__in=[one.pk for one in chunk])}
        rows = []
        for event in chunk:
            link = links.get(event.pk)
            place = {"sequence": link.sequence if link else None, "mac": link.mac if link else ""}
            rows.append(event_data(event) | place)
        yield rows
        last = chunk[-1].pk


def check_file(path: Path) -> tuple[int, Head]:
    """How many rows a file has and the head that it names. Raises ValueError for a file that was changed or cut."""
    sum_, last = hashlib.sha256(), b""
    with path.open("rb") as file:
        for line in file:
            sum_.update(last)
            last = line
    facts = _trailer(last)
    signature = str(facts.pop("signature", ""))
    if not hmac.compare_digest(sign(canonical_json(facts)).encode(), signature.encode()):
        raise ValueError("The signature of the last line does not fit: it was changed, or another AUDIT_KEY signed it.")
    if facts["sha256"] != sum_.hexdigest():
        raise ValueError("The rows are not those that were signed: some were changed, taken out or added.")
    head = Head.parse(str(facts["head"]))
    assert head is not None
    return int(facts["rows"]), head


def _trailer(line: bytes) -> dict[str, Any]:
    try:
        text = line.decode().strip()
        if text.startswith('"'):
            text = next(csv.reader([text]))[0]
        return dict(json.loads(text)[TRAILER])
    except (ValueError, KeyError, TypeError, IndexError, StopIteration):
        raise ValueError("The last line is no signature: the file was cut, or is no export of the audit.") from None


def _csv(events: QuerySet[AuditEvent]) -> Iterator[tuple[str, int]]:
    # Spreadsheets read UTF-8 only behind a byte order mark.
    yield "\ufeff" + _csv_line(COLUMNS), 0
    for rows in rows_of(events):
        yield "".join(_csv_line([safe_cell(row[name]) for name in COLUMNS]) for row in rows), len(rows)


def _csv_line(cells: Iterable[str]) -> str:
    buffer = StringIO()
    # A line is a row: any end of a line within a cell would make two of it for who reads line by line.
    csv.writer(buffer, lineterminator="\n").writerow([" ".join(cell.splitlines()) for cell in cells])
    return buffer.getvalue()


def _json_lines(events: QuerySet[AuditEvent]) -> Iterator[tuple[str, int]]:
    for rows in rows_of(events):
        yield "".join(canonical_json(row) + "\n" for row in rows), len(rows)
