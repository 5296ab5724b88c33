"""An entry check in words: what is asked, and what must come back."""

from __future__ import annotations

from collections.abc import Sequence

from components.choices import EntryKind
from components.models import EntryCheck
from deployer.entry import DEFAULT_STATUSES
from foundation.messages import MessageLike
from foundation.messages import message as _

Part = tuple[MessageLike, str]


def parts_of(row: EntryCheck | None) -> Sequence[Part]:
    """Label and value of everything that the version says; nothing for None."""
    if row is None:
        return ()
    found: list[Part] = [(_("Entry check"), str(EntryKind(row.kind).label))]
    if not row.is_asked:
        return found
    if row.kind == EntryKind.URL:
        found.append(("URL", row.url))
    else:
        found += [(_("Port of the Service"), row.port or str(_("the first one"))), (_("Path"), row.path)]
    found.append((_("Expected status"), row.statuses or DEFAULT_STATUSES))
    found += [
        (label, text) for label, text in ((_("Expected text"), row.text), (_("Expected header"), row.header)) if text
    ]
    return [*found, (_("Patience (seconds)"), str(row.patience_seconds))]


def summary_of(row: EntryCheck | None) -> str:
    """One line: ``https://app.corp.example/healthz: 200-399 · “ready” · 60 s``; empty where nothing is asked."""
    if row is None or not row.is_asked:
        return ""
    port = row.port or str(_("first port"))
    where = row.url if row.kind == EntryKind.URL else str(_("Service, %(port)s %(path)s", port=port, path=row.path))
    wanted = [
        row.statuses or DEFAULT_STATUSES,
        f"“{row.text}”" if row.text else "",
        row.header,
        f"{row.patience_seconds} s",
    ]
    return f"{where} → {' · '.join(part for part in wanted if part)}"
