"""The one error of the packer."""

from __future__ import annotations


class PackError(Exception):
    """The image cannot be made or pushed; ``str()`` is one message, with ``line N:`` where the Dockerfile errs."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
