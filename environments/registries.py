"""What this app may know of image registries: imports point down, so the app that owns them registers who answers.

Credentials come in clear from :func:`docker_config`, for the step that writes them to a cluster; never log one.
"""

from __future__ import annotations

from typing import Protocol

from django.utils.module_loading import import_string


class Registries(Protocol):
    """What a registered module has."""

    def versions(self) -> dict[str, str]:
        """The registries that credentials are kept of, by slug, with a text that changes as often as they do."""

    def docker_config(self, slug: str) -> str:
        """The text of a ``.dockerconfigjson``; raises SecretUnreadable, LookupError where there are none any more."""


_paths: list[str] = []


def register(path: str) -> None:
    """``path`` leads to an object that is a :class:`Registries`, loaded at the first question."""
    _paths[:] = [path]


def versions() -> dict[str, str]:
    """See :class:`Registries`; empty while no app has registered."""
    return _registered().versions() if _paths else {}


def docker_config(slug: str) -> str:
    """See :class:`Registries`."""
    if not _paths:
        raise LookupError(slug)
    return _registered().docker_config(slug)


def _registered() -> Registries:
    found: Registries = import_string(_paths[0])
    return found
