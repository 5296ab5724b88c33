"""Logs as the steps would have stored them, put into a running product's rows."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from releases.logs.index import LogIndex, pieces_of
from tests.whole.product import Product

PARKED = "9999-01-01 00:00:00"
STAGE = "[Pipeline] stage\n[Pipeline] {{ ({})\n"
END = "[Pipeline] }\n[Pipeline] // stage\n"


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


class StoredLog:
    """The log of a demo build in one of these states; nobody else writes to it."""

    def __init__(self, product: Product, state: str, place: int = 0) -> None:
        self.rows = product.rows()
        ask = (
            "SELECT b.id, o.id, o.number, b.attempt FROM releases_build b"
            " JOIN releases_releaseorder o ON o.id = b.order_id WHERE b.state = %s ORDER BY b.id DESC LIMIT 1 OFFSET %s"
        )
        ((self.build, self.order, self.number, self.attempt),) = self.rows.all(ask, state, place)
        self.rows.change("DELETE FROM releases_logchunk WHERE build_id = %s", self.build)
        self.index, self.size, self.lines = LogIndex(), 0, 0
        self.path = f"/orders/{self.number}/?panel=build&attempt={self.attempt}"

    def write(self, text: str) -> StoredLog:
        """Append, without telling anybody."""
        for piece in pieces_of(text):
            found = self.index.take(piece, self.lines + 1)
            self.rows.change(
                "INSERT INTO releases_logchunk (build_id, \"offset\", first_line, text, errors, warnings, at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                self.build, self.size, self.lines + 1, piece, found.errors, found.warnings, now(),
            )  # fmt: skip
            self.size, self.lines = self.size + len(piece), self.lines + piece.count("\n")
        self.rows.change(
            "UPDATE releases_build SET log_size = %s, log_lines = %s, log_index = %s WHERE id = %s",
            self.size, self.lines, json.dumps(self.index.as_stored()), self.build,
        )  # fmt: skip
        return self

    def replace(self, text: str) -> StoredLog:
        """Other text in its place, as at the end of a build whose log Jenkins has otherwise."""
        self.rows.change("DELETE FROM releases_logchunk WHERE build_id = %s", self.build)
        self.rows.change("UPDATE releases_build SET log_version = log_version + 1 WHERE id = %s", self.build)
        self.index, self.size, self.lines = LogIndex(), 0, 0
        return self.write(text)

    def stages(self, **states: str) -> StoredLog:
        """What Jenkins says of them."""
        known = [{"name": name, "state": state, "duration_ms": 81_000} for name, state in states.items()]
        self.rows.change("UPDATE releases_build SET stages = %s WHERE id = %s", json.dumps(known), self.build)
        return self

    def go_on(self) -> StoredLog:
        """As if the build were running, with nobody to look after it: who opens its log wakes it, so it is leased."""
        self.rows.change(
            "UPDATE releases_build SET state = 'running', next_at = %s, lease_until = %s WHERE id = %s",
            PARKED, PARKED, self.build,
        )  # fmt: skip
        return self

    def tell(self, kind: str = "") -> None:
        """The event that follows a write; a log that grows has none: its size is the signal."""
        if not kind:
            return
        moment = now()
        # The event first: nobody may hear of a number that is not there yet.
        seq = self.rows.one("SELECT last_seq FROM releases_orderfeed WHERE order_id = %s", self.order) + 1
        self.rows.change(
            "INSERT INTO releases_orderevent (order_id, seq, kind, data, at) VALUES (%s, %s, %s, %s, %s)",
            self.order, seq, kind, json.dumps({"id": self.build}), moment,
        )  # fmt: skip
        self.rows.change(
            "UPDATE releases_orderfeed SET last_seq = %s, last_event_at = %s WHERE order_id = %s",
            seq, moment, self.order,
        )  # fmt: skip

    def end(self, state: str) -> None:
        """The build has ended."""
        change = "UPDATE releases_build SET state = %s, log_is_complete = %s WHERE id = %s"
        self.rows.change(change, state, True, self.build)
        self.tell("build." + state)
