"""A train of components whose branch Git was seen to have, and the run that takes it further."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest
from django.db import transaction
from django.utils import timezone

from components.models import BranchTip, Component
from foundation.runs import kinds
from foundation.runs.choices import RunState
from foundation.runs.engine import claim, owner, run_step
from foundation.runs.lease import Lease
from foundation.runs.wake import wake
from releases import transitions
from releases.models import Deployment
from tests.cast import World
from tests.releases.pages.conftest import grant, quick_passwords, signed_in
from tests.releases.rows import COMMIT, make_component
from trains.models import Train, TrainOrder, TrainRun
from trains.services import making
from trains.services.making import Wanted

__all__ = ["grant", "quick_passwords", "signed_in"]


@pytest.fixture(autouse=True)
def git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each branch has one tip."""
    monkeypatch.setattr("components.live_reads.resolve", lambda *_a, **_k: SimpleNamespace(commit=COMMIT))


@pytest.fixture
def parts(world: World) -> Callable[..., list[Component]]:
    def make(*names: str) -> list[Component]:
        found = []
        for name in names:
            url = f"http://127.0.0.1:9/{name.lower()}.git"
            BranchTip.objects.get_or_create(
                git_url=url, branch="master", defaults={"commit": COMMIT, "seen_at": timezone.now()}
            )
            found.append(make_component(world, f"SIS-OMM-{name}", git_url=url))
        return found

    return make


@pytest.fixture
def make_train(world: World, parts: Callable[..., list[Component]]) -> Callable[..., Train]:
    """``waves``: the names of the components of each; dana makes it, for FAT where nothing else is said."""

    def make(*waves: Sequence[str], space: str = "fat", after: dict[str, str] | None = None) -> Train:
        parts(*(name for wave in waves for name in wave))
        waits = {name: f"sis-omm-{first.lower()}" for name, first in (after or {}).items()}
        wanted = [
            Wanted(f"sis-omm-{name.lower()}", "master", number, waits.get(name, ""))
            for number, wave in enumerate(waves, start=1) for name in wave
        ]  # fmt: skip
        planned = making.plan(actor=world.dana, space=world.spaces[space], wanted=wanted)
        return making.create_train(
            actor=world.dana, space=world.spaces[space], name="November", wanted=wanted, planned=planned
        )

    return make


def take(train: Train) -> Lease:
    """Its run's lease, as a worker would have it."""
    run = TrainRun.objects.get(train=train)
    wake(TrainRun, run.pk)
    (lease,) = claim(kinds.get("train"), owner=owner(), limit=1, pk=run.pk, grace=1e9)
    return lease


def pass_over(train: Train) -> None:
    """One pass of its run."""
    run_step(take(train))
    train.refresh_from_db()


def member(train: Train, name: str) -> TrainOrder:
    rows = TrainOrder.objects.select_related("order__component", "order__project", "train__space__environment")
    return rows.get(train=train, order__component__slug=f"sis-omm-{name.lower()}")


def states(train: Train) -> dict[str, str]:
    rows = TrainOrder.objects.filter(train=train).order_by("wave", "pk").values_list("order__component__name", "state")
    return {name.removeprefix("SIS-OMM-"): state for name, state in rows}


def built(train: Train, *names: str) -> None:
    """Their builds have ended well."""
    for name in names:
        build = member(train, name).order.builds.get()
        with transaction.atomic():
            digest = f"sha256:{build.pk:064x}"
            transitions.end_run(build, RunState.SUCCEEDED, actor=None, digest=digest)


def end(train: Train, name: str, to: str = RunState.SUCCEEDED) -> None:
    """Its deployment has ended."""
    row = Deployment.objects.select_related("order__project", "space__environment", "space__project").get(
        pk=member(train, name).deployment_id
    )
    with transaction.atomic():
        transitions.end_run(row, to, actor=row.deployed_by)
