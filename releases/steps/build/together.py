"""Many running builds of one server in one pass: one read of their job for all, then each one's log.

What is out of the ordinary is left to the build's own step: an end, a stop, a number that is not ours any more, a
deadline, an answer that is no fact.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db import transaction

from components.targets import build_server_target
from deployer.adapters import jenkins
from deployer.errors import DeployerError, OutcomeUnknown, Unavailable
from deployer.interfaces import BuildServerClient
from foundation.clock import db_now
from foundation.runs.lease import Again, Lease
from foundation.runs.together import Group
from releases.locks import lock_orders
from releases.models import Build, LogChunk
from releases.steps.build import cadence
from releases.steps.build.progress import (
    Progress,
    asks_stages,
    count_followed,
    is_due,
    keep,
    pause_of,
    progress_of,
    read,
    tell,
)
from releases.steps.build.servers import listed
from releases.steps.build.times import is_over_deadline, seen_fields

WRITE_SECONDS = 0.05
"""What was read is written at the latest so long after the first of it."""
MOST_SECONDS = 3.0
"""A pass reads no longer than this: the builds that a slow server leaves come first in the next one."""


@dataclass
class _Passed:
    lease: Lease
    build: Build
    again: Again
    progress: Progress


@dataclass
class _Writer:
    """Writes what was read of several builds in one transaction."""

    group: Group
    held: list[_Passed] = field(default_factory=list)
    since: float = 0.0

    def add(self, passed: _Passed) -> None:
        """Holds it for a moment."""
        self.since = self.since if self.held else time.monotonic()
        self.held.append(passed)
        if time.monotonic() - self.since >= WRITE_SECONDS:
            self.flush()

    def flush(self) -> None:
        """An event locks its order's feed, which comes before any run: such a build has a transaction of its own."""
        held, self.held = self.held, []
        self._write([one for one in held if not one.progress.is_news])
        for one in held:
            if one.progress.is_news:
                self._write([one])

    def _write(self, some: list[_Passed]) -> None:
        if not some:
            return
        with transaction.atomic():
            if some[0].progress.is_news:
                lock_orders(some[0].build.order_id)
            written = [one for one in sorted(some, key=lambda one: one.lease.pk) if self._write_one(one)]
            LogChunk.objects.bulk_create([chunk for one in written for chunk in one.progress.chunks])
        for one in written:
            self.group.wrote(one.lease, one.again)

    def _write_one(self, one: _Passed) -> bool:
        is_ours = self.group.write_back(one.lease, one.again, **one.progress.fields)
        if is_ours:
            tell(one.build, one.progress)
        return is_ours


def together(group: Group) -> None:
    """One pass: a read of the job, then the log of each build whose log is due."""
    rows = Build.objects.select_related("server").in_bulk(list(group.leases))
    plain = [(group.leases[pk], row) for pk, row in rows.items() if _is_plain(group.leases[pk], row)]
    if not plain:
        return
    with group.open(jenkins.connect, build_server_target(plain[0][1].server)) as server:
        writer = _Writer(group)
        try:
            for passed in _read_all(group, plain, server):
                writer.add(passed)
        finally:
            writer.flush()


def _is_plain(lease: Lease, build: Build) -> bool:
    is_alike = build.phase == "building" and build.stop_requested_at is None and not build.is_terminal
    return is_alike and lease.contact_lost_since is None and lease.remote == build.server.remote_key


def _read_all(group: Group, plain: list[tuple[Lease, Build]], server: BuildServerClient) -> Iterator[_Passed]:
    followed, until = count_followed(plain[0][1].server_id), time.monotonic() + MOST_SECONDS
    for lease, build in plain:
        if time.monotonic() > until:
            yield _Passed(lease, build, Again(0), Progress({}))
            continue
        try:
            passed = _read_one(group, lease, build, server, followed)
        except (Unavailable, OutcomeUnknown) as error:
            group.lose(lease, error)
            return
        except DeployerError:
            continue  # no fact: its own step asks once more, and says so on the row
        if passed is not None:
            yield passed


def _read_one(
    group: Group, lease: Lease, build: Build, server: BuildServerClient, followed: cadence.Followed
) -> _Passed | None:
    """None where its own step shall have it."""
    seen = listed(build, server)
    if seen is None or not seen.is_building:
        return None
    now = db_now()
    fields = seen_fields(lease, build, now)
    if is_over_deadline(build):
        return None
    pause, progress = pause_of(build, followed, now), Progress({})
    if is_due(build, pause, now):
        found = read(build, server, asks_stages=asks_stages(build, now))
        if found.page.was_rewound or found.error is not None:
            return None
        progress = progress_of(build, found, now)
        keep(build, progress.fields)
        # A long log is read on in the next pass: those that became due meanwhile have their turn in it as well.
        pause = 0.0 if found.page.has_rest else pause_of(build, followed, now, calls=found.calls)
    progress.fields |= fields | ({"message": ""} if build.message else {})
    return _Passed(lease, build, group.again(cadence.next_pass_seconds(pause)), progress)
