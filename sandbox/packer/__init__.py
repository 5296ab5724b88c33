"""Builds OCI images from a Dockerfile and a folder without any container engine, and pushes them to a registry.

``pack`` gives a :class:`PackedImage` whose blobs lie under ``scratch``; ``push`` sends it and returns the manifest's
digest. Both raise :class:`PackError` with one message; the Dockerfile's line number is in it where there is one.
"""

from sandbox.packer.build import pack
from sandbox.packer.errors import PackError
from sandbox.packer.image import Layer, PackedImage
from sandbox.packer.registry import HttpPuller, Puller, push

__all__ = ["HttpPuller", "Layer", "PackError", "PackedImage", "Puller", "pack", "push"]
