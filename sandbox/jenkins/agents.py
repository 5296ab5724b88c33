"""Which agents there are: the control port lets them appear, go offline, be busy and vanish."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Agents:
    """``labels`` None: every label is served. ``is_busy``: others have all executors."""

    labels: frozenset[str] | None = None
    offline: frozenset[str] = frozenset()
    is_busy: bool = False

    def why_none(self, label: str, *, is_free: bool) -> str:
        """What a ``node`` step waits for, in Jenkins' words; empty where one takes it. ``is_free``: an executor is."""
        on = f" on ‘{label}’" if label else ""
        if self.labels is not None and label and label not in self.labels:
            return f"There are no nodes with the label ‘{label}’"
        if label in self.offline:
            return f"All nodes of label ‘{label}’ are offline"
        return "" if is_free and not self.is_busy else f"Waiting for next available executor{on}"
