"""Writes layers: gzipped tar archives with sorted names and time 0, so that equal contents give equal digests."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

from sandbox.packer.errors import PackError
from sandbox.packer.image import LAYER_GZIP_TYPE, Layer

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
        """Place a symbolic link."""
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
