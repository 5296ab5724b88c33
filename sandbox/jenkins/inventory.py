"""Plugins and credentials that the stand-in says it has; the control port changes them."""

from __future__ import annotations

from dataclasses import dataclass, field

_PLUGINS = """workflow-job workflow-cps workflow-basic-steps workflow-durable-task-step workflow-scm-step
    pipeline-stage-step pipeline-rest-api git credentials-binding"""


@dataclass
class Inventory:
    """Plugins by short name, whether each is active; ids of the credentials of the global domain."""

    plugins: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(_PLUGINS.split(), True))
    credentials: list[str] = field(default_factory=lambda: ["GitLab"])
