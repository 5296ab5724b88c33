"""How a pod behaves: one word, from the annotation ``prism4k.io/scenario`` or from a file in the image."""

from __future__ import annotations

from dataclasses import dataclass

ANNOTATION = "prism4k.io/scenario"
WORDS = ("slow", "crash", "pull-failure", "never-ready", "oom", "restart-once")
_SLOW_SECONDS = 20.0


@dataclass(frozen=True)
class Scenario:
    """``word`` is one of WORDS; ``seconds`` is how long ``slow`` takes."""

    word: str
    seconds: float = 0.0


def parse_scenario(text: str) -> Scenario | None:
    """``slow 8`` or ``crash``; None for anything that is no scenario."""
    parts = text.strip().lower().split()
    if not parts or parts[0] not in WORDS or len(parts) > 2:
        return None
    if parts[0] != "slow":
        return Scenario(parts[0]) if len(parts) == 1 else None
    if len(parts) == 1:
        return Scenario("slow", _SLOW_SECONDS)
    return Scenario("slow", float(parts[1])) if parts[1].isdecimal() else None
