"""A long log is compared with Jenkins' own once its build has ended: reading it again takes longer than an end may."""

from __future__ import annotations

import threading

from django.db import transaction

from deployer.errors import NoFact, NotFound, Rejected, TooLate
from foundation.runs.choices import RunState
from foundation.runs.finish import finish
from foundation.runs.lease import Again, Done, Lease, LeaseLost, Outcome
from releases.models import Build, LogCheck
from releases.steps.build.log_truth import Save, compare_log, is_given_up
from releases.steps.build.servers import open_server, own_build

WAIT_SECONDS = 3.0
_one = threading.Lock()
"""One at a time in a process: a long one holds a slot of its Jenkins for minutes, and builds there are followed."""


def step(lease: Lease) -> Outcome:
    """Once; a number that is another build's by now is not read."""
    build = Build.objects.select_related("order", "server").get(log_check=lease.pk)
    save = _saving(lease, build)
    if not build.is_terminal or not _one.acquire(blocking=False):
        return Again(WAIT_SECONDS)
    try:
        with open_server(lease, build) as server:
            if own_build(build, server) is not None:
                compare_log(lease, build, server, save)
    except (Rejected, NotFound, TooLate):
        pass  # it stays as it was read
    except NoFact:
        if not is_given_up(build, save):
            raise
    finally:
        _one.release()
    if not finish(LogCheck, lease.pk, to=RunState.SUCCEEDED, fence=lease.fence, owner=lease.owner):
        raise LeaseLost(str(lease))
    return Done()


def _saving(lease: Lease, build: Build) -> Save:
    """The build has ended, and has no lease of its own."""

    def save(**fields: object) -> None:
        with transaction.atomic():
            lease.hold()
            Build.objects.filter(pk=build.pk).update(**fields)

    return save
