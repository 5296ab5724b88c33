"""Looking for a file called ``scenario`` in a layer, or in an archive that lies in it."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import IO

from sandbox.kubernetes.kubelet.scenarios import Scenario, parse_scenario

_NAME = "scenario"
_ZIPS = (".zip", ".pyz", ".jar", ".war")
_TARS = (".tar", ".tar.gz", ".tgz")
_FILE_LIMIT = 64 * 1024 * 1024
_WORD_LIMIT = 200


def scenario_in_layer(layer: IO[bytes]) -> Scenario | None:
    """What a layer (tar, plain or gzip) asks for, None when nothing; the last file that names one counts.

    Layers of other formats and damaged archives ask for nothing.
    """
    found: Scenario | None = None
    try:
        with tarfile.open(fileobj=layer, mode="r:*") as archive:
            for member in archive:
                if member.isfile() and member.size <= _FILE_LIMIT:
                    found = _in_member(archive, member) or found
    except (tarfile.TarError, EOFError, OSError, zlib.error):
        return found
    return found


def _in_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Scenario | None:
    name = member.name.lower()
    is_plain = PurePosixPath(name).name == _NAME
    if not (is_plain or name.endswith((*_ZIPS, *_TARS))):
        return None
    opened = archive.extractfile(member)
    content = opened.read() if opened is not None else b""
    if is_plain:
        return _from_bytes(content)
    return _in_zip(content) if name.endswith(_ZIPS) else _in_tar(content)


def _from_bytes(content: bytes) -> Scenario | None:
    if len(content) > _WORD_LIMIT:
        return None
    return parse_scenario(content.decode("utf-8", "replace"))


def _in_zip(content: bytes) -> Scenario | None:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            for entry in package.infolist():
                if PurePosixPath(entry.filename).name == _NAME and entry.file_size <= _WORD_LIMIT:
                    return _from_bytes(package.read(entry))
    except (zipfile.BadZipFile, OSError, RuntimeError, zlib.error, NotImplementedError):
        return None
    return None


def _in_tar(content: bytes) -> Scenario | None:
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:*") as package:
            for entry in package:
                if entry.isfile() and PurePosixPath(entry.name).name == _NAME and entry.size <= _WORD_LIMIT:
                    opened = package.extractfile(entry)
                    return _from_bytes(opened.read()) if opened is not None else None
    except (tarfile.TarError, EOFError, OSError, zlib.error):
        return None
    return None
