"""Templates in, manifests with the origin of each line out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.interfaces.cluster import Manifest


@dataclass(frozen=True)
class RenderRequest:
    """Templates by name and the plain values (str, int, bool, None, list, dict) they may see."""

    templates: Mapping[str, str]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class RenderedLine:
    """One line of rendered output and where it came from: template name and line number in it."""

    text: str
    template: str
    template_line: int


@dataclass(frozen=True)
class Rendered:
    """Objects in order, and per object the lines of its YAML with their origin."""

    manifests: tuple[Manifest, ...]
    lines: tuple[tuple[RenderedLine, ...], ...]
