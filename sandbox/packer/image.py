"""An image as bytes: layers on disk, config and manifest as the OCI image specification 1.0 writes them.

Layers are gzipped tar archives with sorted names and time 0, so that equal contents give equal digests.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from sandbox.packer.errors import PackError

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


Opener = Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Item:
    """One thing to put into a layer: its tar header (type, mode, owner, link name) and how to open its content."""

    info: tarfile.TarInfo
    open: Opener | None = None


class LayerWriter:
    """Collects items by absolute path; a later item replaces an earlier one at the same path."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def put(self, path: str, item: Item) -> None:
        """Place the item at an absolute path of the image."""
        self._items[path.strip("/")] = item

    def put_directory(self, path: str, *, uid: int = 0, gid: int = 0, mode: int = 0o755) -> None:
        """Place a directory, unless something is there already."""
        info = tarfile.TarInfo()
        info.type, info.mode, info.uid, info.gid = tarfile.DIRTYPE, mode, uid, gid
        self._items.setdefault(path.strip("/"), Item(info))

    def put_bytes(self, path: str, content: bytes, *, mode: int = 0o644, uid: int = 0, gid: int = 0) -> None:
        """Place a file whose content is at hand."""
        info = tarfile.TarInfo()
        info.type, info.mode, info.uid, info.gid = tarfile.REGTYPE, mode, uid, gid
        self.put(path, Item(info, lambda: io.BytesIO(content)))

    def put_link(self, path: str, target: str) -> None:
        info = tarfile.TarInfo()
        info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, target
        self.put(path, Item(info))

    def has(self, path: str) -> bool:
        """True when this layer already places something there."""
        return path.strip("/") in self._items

    def write(self, scratch: Path) -> Layer:
        """Write the archive under ``scratch`` by its digest; raises PackError when a file changes while it is read."""
        scratch.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix="layer-", dir=scratch)
        try:
            with os.fdopen(descriptor, "wb") as target:
                stored, unpacked = _Hashing(target), hashlib.sha256()
                with gzip.GzipFile(filename="", mode="wb", fileobj=stored, compresslevel=6, mtime=0) as packed:
                    self._write_tar(_Hashing(packed, unpacked))
            digest = f"sha256:{stored.sha.hexdigest()}"
            path = scratch / digest.replace(":", "-")
            os.replace(name, path)
        except OSError as exc:
            Path(name).unlink(missing_ok=True)
            raise PackError(f"a layer could not be written: {exc.strerror or exc}") from exc
        return Layer(digest, f"sha256:{unpacked.hexdigest()}", path.stat().st_size, LAYER_GZIP_TYPE, path)

    def _write_tar(self, target: _Hashing) -> None:
        with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for path in sorted(self._items):
                _add(archive, path, self._items[path])


def _add(archive: tarfile.TarFile, path: str, item: Item) -> None:
    info = tarfile.TarInfo(path)
    source = item.info
    info.type, info.mode, info.linkname = source.type, source.mode & 0o7777, source.linkname
    info.uid, info.gid, info.mtime = source.uid, source.gid, 0
    if item.open is None:
        archive.addfile(info)
        return
    with item.open() as content:
        info.size = content.seek(0, os.SEEK_END)
        content.seek(0)
        archive.addfile(info, content)


class _Hashing(io.RawIOBase, BinaryIO):
    """A writer that counts into a hash what passes through."""

    def __init__(self, target: BinaryIO | gzip.GzipFile, sha: hashlib._Hash | None = None) -> None:
        self._target = target
        self.sha = sha or hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        self.sha.update(content)
        return self._target.write(content)
