"""The kinds of run that exist, by name; apps register theirs in AppConfig.ready()."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q


@dataclass(frozen=True)
class Kind:
    """How the engine drives the rows of one model, a :class:`foundation.runs.models.Run`.

    ``step`` is the dotted path of ``step(lease: Lease) -> Again | Done | Parked``; ``give_up`` of
    ``give_up(lease: Lease, reason: str) -> None``, which must leave the row in a final state (blank: the bare
    ``finish`` to ``errored``); ``contact_changed`` of ``contact_changed(pk: int) -> None``, called
    after ``contact_lost_since`` was set or cleared (blank: nobody is told). ``seconds``: how long a step
    may take where all others may take less: for one that only reads. Paths are loaded at the first claim, so
    that a web process never imports a step. ``batch`` is how many rows one claim takes at most. ``is_endless``: runs
    of this kind are never final (they watch, seal, clean up), so giving up on one only starts its count again.
    ``hold``: instead of steps, the dotted path of ``hold(kind, made_due, stopping) -> None``, which each
    watcher process runs on a thread of its own: it leases rows as long as it likes, calls ``made_due`` after it made
    runs due, and returns once the event ``stopping`` is set.
    ``together``: the dotted path of ``together(group: Group) -> None``, which passes over many runs of one remote at
    once (see :mod:`foundation.runs.together`); ``alike`` says which rows of the kind it is for, ``group`` how many of
    them a pass takes at most. The others, and those that it leaves, have their ``step``.

    In an AppConfig: ``register(Kind(name="build", model=self.get_model("Build"), step="releases.steps.build.step"))``.
    """

    name: str
    model: type[Any]
    step: str = ""
    give_up: str = ""
    contact_changed: str = ""
    seconds: float = 0.0
    batch: int = 16
    is_endless: bool = False
    hold: str = ""
    together: str = ""
    alike: Q = field(default_factory=Q)
    group: int = 25


class UnknownKind(LookupError):
    """No app registered this name (an old message, or an app that is not installed)."""


_kinds: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Adds a kind; the same registration twice is harmless, another one under the name is a mistake."""
    if _kinds.get(kind.name, kind) != kind:
        raise ValueError(f"Two kinds of run are called {kind.name!r}.")
    _kinds[kind.name] = kind


def get(name: str) -> Kind:
    """The kind of that name; raises UnknownKind."""
    try:
        return _kinds[name]
    except KeyError:
        raise UnknownKind(f"No kind of run is called {name!r}.") from None


def all_kinds() -> tuple[Kind, ...]:
    """Every registered kind, in the order of registration."""
    return tuple(_kinds.values())
