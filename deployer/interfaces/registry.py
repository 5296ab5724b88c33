"""An OCI registry as the steps need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from deployer.interfaces.build_server import ServerFacts


@dataclass(frozen=True)
class ImageFacts:
    """An image as the registry has it. ``digest`` is of the manifest that the tag names; labels from its config."""

    digest: str
    labels: Mapping[str, str]
    created: str
    size: int
    layers: tuple[str, ...]


class RegistryClient(Protocol):
    """An OCI registry as the steps need it."""

    def describe(self) -> ServerFacts:
        """Version header and identity; raises Forbidden, Unavailable."""

    def image(self, repository: str, reference: str) -> ImageFacts | None:
        """Tag or digest in the repository (``site/app``), or None when it is certainly absent."""

    def tags(self, repository: str) -> tuple[str, ...]:
        """All tags of the repository; none when it is certainly absent."""
