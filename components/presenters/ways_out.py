"""What the spaces of a component were granted, by the names to write in a template, and who uses each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.models import User
from components import panels
from components.models import Component
from components.selectors import spaces_of
from environments.grants import GRANTS, pull_secrets_of
from environments.models import Environment, Space
from foundation.messages import MessageLike

PANEL = "ways_out"
"""The app that knows what is deployed registers for it: ``used`` by space id, kind of grant and name."""
Used = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class WayOut:
    """One name of a grant; ``users``: the components that use it in this space, empty for none."""

    name: str
    users: str


@dataclass(frozen=True)
class WaysOut:
    """Every grant of one space that has names."""

    environment: Environment
    kinds: list[tuple[MessageLike, list[WayOut]]]


def ways_of(component: Component, viewer: User, only: Environment | None = None) -> list[WaysOut]:
    """Those of all environments of the component's project, or of one."""
    spaces = [space for space in spaces_of(component) if only is None or space.environment_id == only.pk]
    used = panels.tell(PANEL, component, viewer).get("used", {})
    return [WaysOut(space.environment, _kinds(space, used.get(space.pk, {}))) for space in spaces]


def _kinds(space: Space, used: Used) -> list[tuple[MessageLike, list[WayOut]]]:
    found: list[tuple[MessageLike, list[WayOut]]] = []
    for grant in GRANTS:
        # A granted registry is used by the Secret that the sync makes of it.
        names = pull_secrets_of(space) if grant.name == "pull_secrets" else space.grants.get(grant.name, [])
        if names and grant.name != "registries":
            found.append((grant.label, [WayOut(name, _users(grant.name, name, used)) for name in names]))
    return found


def _users(kind: str, name: str, used: Used) -> str:
    """By a star who uses any host that it covers."""
    if kind == "hosts" and name.startswith("*."):
        covered = {
            users for (other, host), users in used.items() if other == kind and host.partition(".")[2] == name[2:]
        }
        return ", ".join(sorted(covered))
    return used.get((kind, name), "")
