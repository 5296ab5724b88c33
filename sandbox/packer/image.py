"""An image as bytes: layers on disk, config and manifest as the OCI image specification 1.0 writes them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_GZIP_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
LAYER_TAR_TYPE = "application/vnd.oci.image.layer.v1.tar"

Config = dict[str, Any]
"""The image's config document (``architecture``, ``os``, ``config``, ``rootfs``, ``history``) as JSON data."""


@dataclass(frozen=True)
class Layer:
    """One layer. ``digest`` of the stored bytes, ``diff_id`` of the unpacked tar, ``size`` in stored bytes."""

    digest: str
    diff_id: str
    size: int
    media_type: str
    path: Path


@dataclass(frozen=True)
class PackedImage:
    """A finished image: ``config`` and ``manifest`` are the exact bytes, so ``digest`` names them for ever."""

    layers: tuple[Layer, ...]
    config: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        """``sha256:…`` of the manifest: what a registry will call this image."""
        return sha256_of(self.manifest)

    @property
    def config_digest(self) -> str:
        """``sha256:…`` of the config."""
        return sha256_of(self.config)

    @property
    def document(self) -> Config:
        """The config as JSON data (a fresh copy)."""
        document: Config = json.loads(self.config)
        return document

    @property
    def labels(self) -> Mapping[str, str]:
        """The image's labels."""
        return dict(self.document.get("config", {}).get("Labels") or {})


def sha256_of(content: bytes) -> str:
    """``sha256:`` and 64 hex digits."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def to_json(document: Mapping[str, Any]) -> bytes:
    """Canonical JSON: sorted keys, no blanks, so that equal documents have equal digests."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def assemble(document: Config, layers: tuple[Layer, ...]) -> PackedImage:
    """The image of a config document and its layers; ``rootfs`` is set from the layers."""
    document = {**document, "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}}
    config = to_json(document)
    manifest = to_json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": {"mediaType": CONFIG_TYPE, "digest": sha256_of(config), "size": len(config)},
            "layers": [{"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size} for layer in layers],
        }
    )
    return PackedImage(layers=layers, config=config, manifest=manifest)
