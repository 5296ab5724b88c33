"""Blobs, manifests and tags in a folder. Every write lands whole or not at all, so SIGKILL at any moment is harmless.

Layout: ``blobs/sha256/<2 hex>/<hex>`` holds content; ``repositories/<name>/`` has ``_blobs/<hex>`` (an empty mark:
this repository may read the blob), ``_manifests/<hex>`` (the media type) and ``_tags/<tag>`` (a digest); ``uploads/``
what is on its way.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.media_types import INDEX_TYPES, MANIFEST_TYPES
from sandbox.registry.specification import (
    RegistryError,
    check_digest,
    check_repository,
    check_tag,
    is_digest,
    is_immutable,
)

_UPLOAD_SECONDS = 24 * 3600


@dataclass(frozen=True)
class StoredManifest:
    """A manifest's exact bytes with the media type they were pushed with."""

    digest: str
    media_type: str
    content: bytes


class Store:
    """One registry's data. Methods block (disk) and may be called from several threads of one process."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs" / "sha256"
        self._repositories = folder / "repositories"
        self._uploads = folder / "uploads"
        # Guards "look at the tag, then write it": two pushes to one order's tag must not both find it free.
        self._tagging = threading.Lock()
        for place in (self._blobs, self._repositories, self._uploads):
            place.mkdir(parents=True, exist_ok=True)
        self._forget_old_uploads()

    # ------------------------------------------------------------ blobs
    def blob_path(self, repository: str, digest: str) -> Path:
        """Where the blob lies; raises BLOB_UNKNOWN when this repository has it not."""
        path = self._content_path(check_digest(digest))
        if not self._mark(repository, "_blobs", digest).exists() or not path.exists():
            raise RegistryError(404, "BLOB_UNKNOWN", f"{repository} has no blob {digest}")
        return path

    def put_blob(self, repository: str, content: bytes) -> str:
        """Store bytes at hand; gives their digest."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if not self._content_path(digest).exists():
            _write_whole(self._content_path(digest), content)
        _write_whole(self._mark(repository, "_blobs", digest), b"")
        return digest

    def mount_blob(self, repository: str, digest: str, source: str) -> bool:
        """Let the repository read a blob of another one; False when the other has it not."""
        try:
            self.blob_path(check_repository(source), digest)
        except RegistryError:
            return False
        _write_whole(self._mark(repository, "_blobs", digest), b"")
        return True

    # ------------------------------------------------------------ uploads
    def begin_upload(self) -> str:
        """A new upload's id."""
        name = str(uuid.uuid4())
        (self._uploads / name).touch(exist_ok=False)
        return name

    def upload_path(self, upload: str) -> Path:
        """The file that takes the upload's bytes; raises BLOB_UPLOAD_UNKNOWN."""
        try:
            path = self._uploads / str(uuid.UUID(upload))
        except ValueError:
            path = self._uploads / "-"
        if not path.exists():
            raise RegistryError(404, "BLOB_UPLOAD_UNKNOWN", "this upload is not known: begin a new one")
        return path

    def finish_upload(self, repository: str, upload: str, digest: str) -> None:
        """Turn the upload into a blob of the repository; raises DIGEST_INVALID when the bytes are others."""
        path = self.upload_path(upload)
        sha = hashlib.sha256()
        with path.open("rb") as source:
            while chunk := source.read(1024 * 1024):
                sha.update(chunk)
            os.fsync(source.fileno())
        if f"sha256:{sha.hexdigest()}" != check_digest(digest):
            path.unlink()
            raise RegistryError(400, "DIGEST_INVALID", "the digest given is not that of the bytes sent")
        target = self._content_path(digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, target)
        _write_whole(self._mark(repository, "_blobs", digest), b"")

    def drop_upload(self, upload: str) -> None:
        self.upload_path(upload).unlink(missing_ok=True)

    def _forget_old_uploads(self) -> None:
        for path in self._uploads.iterdir():
            if time.time() - path.stat().st_mtime > _UPLOAD_SECONDS:
                path.unlink(missing_ok=True)

    # ------------------------------------------------------------ manifests
    def manifest(self, repository: str, reference: str) -> StoredManifest:
        """By tag or digest; raises NAME_UNKNOWN, MANIFEST_UNKNOWN."""
        if not (self._repositories / repository).is_dir():
            raise RegistryError(404, "NAME_UNKNOWN", f"there is no repository {repository}")
        digest = reference if is_digest(reference) else self._tagged(repository, check_tag(reference))
        if digest is None or not self._mark(repository, "_manifests", digest).exists():
            raise RegistryError(404, "MANIFEST_UNKNOWN", f"{repository} has no manifest {reference}")
        media_type = self._mark(repository, "_manifests", digest).read_text()
        return StoredManifest(digest, media_type, self._content_path(digest).read_bytes())

    def put_manifest(self, repository: str, reference: str, media_type: str, content: bytes) -> str:
        """Store under a tag or the digest; gives the digest.

        Raises MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID, and PRECONDITION for a release order's tag
        that holds another manifest.
        """
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if is_digest(reference):
            if reference != digest:
                raise RegistryError(400, "DIGEST_INVALID", "the digest in the address is not that of the manifest sent")
        else:
            check_tag(reference)
        self._check_parts(repository, _read_manifest(media_type, content))
        with self._tagging:
            self._check_free(repository, reference, digest)
            if not self._content_path(digest).exists():
                _write_whole(self._content_path(digest), content)
            _write_whole(self._mark(repository, "_manifests", digest), media_type.encode())
            if not is_digest(reference):
                _write_whole(self._repositories / repository / "_tags" / reference, digest.encode())
        return digest

    def delete_manifest(self, repository: str, reference: str) -> None:
        """Remove a tag, or a manifest with all tags that name it; an order's tag is never removed."""
        digest = self.manifest(repository, reference).digest
        with self._tagging:
            tags = [reference] if reference != digest else self._tags_of(repository, digest)
            for tag in tags:
                if is_immutable(tag):
                    raise _immutable(repository, tag)
            for tag in tags:
                (self._repositories / repository / "_tags" / tag).unlink(missing_ok=True)
            if reference == digest:
                self._mark(repository, "_manifests", digest).unlink(missing_ok=True)

    def _check_free(self, repository: str, reference: str, digest: str) -> None:
        if is_immutable(reference) and self._tagged(repository, reference) not in {None, digest}:
            raise _immutable(repository, reference)

    def _check_parts(self, repository: str, document: Mapping[str, Any]) -> None:
        for entry in document.get("manifests") or ():
            if not self._mark(repository, "_manifests", check_digest(str(entry.get("digest")))).exists():
                raise RegistryError(404, "MANIFEST_UNKNOWN", f"the index names {entry.get('digest')}, not pushed yet")
        if "manifests" in document:
            return
        for entry in [document["config"], *document["layers"]]:
            digest = check_digest(str(entry.get("digest")))
            if entry.get("urls") or self._mark(repository, "_blobs", digest).exists():
                continue
            raise RegistryError(400, "MANIFEST_BLOB_UNKNOWN", f"the manifest names blob {digest}, not pushed yet")

    # ------------------------------------------------------------ lists
    def tags(self, repository: str) -> list[str]:
        """All tags, sorted; raises NAME_UNKNOWN."""
        if not (self._repositories / repository).is_dir():
            raise RegistryError(404, "NAME_UNKNOWN", f"there is no repository {repository}")
        folder = self._repositories / repository / "_tags"
        return sorted(path.name for path in folder.iterdir() if _is_final(path)) if folder.is_dir() else []

    def repositories(self) -> list[str]:
        """Names of all repositories that hold a manifest, sorted."""
        found = self._repositories.glob("**/_manifests")
        return sorted(str(place.parent.relative_to(self._repositories)) for place in found if any(place.iterdir()))

    def _tags_of(self, repository: str, digest: str) -> list[str]:
        return [tag for tag in self.tags(repository) if self._tagged(repository, tag) == digest]

    def _tagged(self, repository: str, tag: str) -> str | None:
        try:
            return (self._repositories / repository / "_tags" / tag).read_text()
        except FileNotFoundError:
            return None

    def _content_path(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        return self._blobs / name[:2] / name

    def _mark(self, repository: str, kind: str, digest: str) -> Path:
        return self._repositories / repository / kind / digest.removeprefix("sha256:")


def _immutable(repository: str, tag: str) -> RegistryError:
    # Harbor's answer to a push over an immutable tag: 412 PRECONDITION (src/server/middleware/immutable).
    return RegistryError(
        412, "PRECONDITION", f"Failed to process request due to '{repository}:{tag}' configured as immutable."
    )


def _read_manifest(media_type: str, content: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as exc:
        raise RegistryError(400, "MANIFEST_INVALID", "the manifest is no JSON") from exc
    if not isinstance(document, dict) or document.get("mediaType", media_type) != media_type:
        raise RegistryError(400, "MANIFEST_INVALID", "the manifest's mediaType differs from the Content-Type sent")
    if media_type in INDEX_TYPES:
        entries = document.get("manifests")
        is_right = isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)
    elif media_type in MANIFEST_TYPES:
        entries = [document.get("config"), *(document.get("layers") or ())]
        is_right = isinstance(document.get("layers"), list) and all(isinstance(entry, dict) for entry in entries)
        is_right = is_right and "manifests" not in document
    else:
        raise RegistryError(400, "MANIFEST_INVALID", f"manifests of type {media_type[:80]!r} are not kept here")
    if not is_right:
        raise RegistryError(400, "MANIFEST_INVALID", "the manifest lacks config and layers, or the index its manifests")
    return document


def _is_final(path: Path) -> bool:
    # Tags never begin with a dot: such names are files that were being written when the process died.
    return not path.name.startswith(".")


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".new-", dir=path.parent)
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    os.replace(name, path)
