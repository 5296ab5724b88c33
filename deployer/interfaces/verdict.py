"""What a rollout is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PodView:
    """One pod as the rollout page draws it. ``is_new`` when it belongs to the applied template."""

    name: str
    uid: str
    is_new: bool
    is_ready: bool
    is_leaving: bool
    state: str
    message: str
    restarts: int
    node: str
    started_at: str


@dataclass(frozen=True)
class Diagnosis:
    """Why it does not work: ``code`` of a documented set, values for the sentence, and the evidence."""

    code: str
    values: Mapping[str, str]
    pod: str = ""
    container: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """``outcome``: waiting, progressing, paused, complete, failed, superseded, deleted."""

    outcome: str
    ready: int
    wanted: int
    updated: int
    pods: tuple[PodView, ...]
    diagnosis: Diagnosis | None = None
    message: str = ""
