"""Fetches base images over the OCI distribution API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import httpx

from sandbox.packer.errors import PackError
from sandbox.packer.image import LAYER_GZIP_TYPE, LAYER_TAR_TYPE, MANIFEST_TYPE, Layer, PackedImage, sha256_of
from sandbox.packer.wire import ImageName, open_client, parse_name, refusal

INDEX_TYPES = frozenset(
    {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
)
MANIFEST_TYPES = frozenset({MANIFEST_TYPE, "application/vnd.docker.distribution.manifest.v2+json"})
_LAYER_TYPES = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER_GZIP_TYPE,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER_TAR_TYPE,
}
_MOST_MANIFEST_BYTES = 4 * 1024 * 1024


class Puller(Protocol):
    """Fetches a base image's blobs into a folder."""

    def pull(self, reference: str, *, scratch: Path, log: Callable[[str], None]) -> PackedImage:
        """The linux/amd64 image that ``host/repository:tag`` names; raises PackError."""


class HttpPuller:
    """Pulls from the registry in the image's name; Basic credentials go only to ``for_host`` (any host when "")."""

    def __init__(self, username: str = "", password: str = "", *, for_host: str = "") -> None:
        self._username = username
        self._password = password
        self._for_host = for_host

    def pull(self, reference: str, *, scratch: Path, log: Callable[[str], None]) -> PackedImage:
        name = parse_name(reference)
        is_known = self._for_host in {"", name.host}
        log(f"Trying to pull {reference}...")
        try:
            with open_client(name, self._username if is_known else "", self._password if is_known else "") as client:
                return _pull(client, name, scratch, log)
        except httpx.HTTPError as exc:
            raise PackError(f"{reference} cannot be pulled: {name.host} does not answer") from exc


def _pull(client: httpx.Client, name: ImageName, scratch: Path, log: Callable[[str], None]) -> PackedImage:
    content, document = _manifest(client, name, name.reference)
    if document.get("mediaType") in INDEX_TYPES or "manifests" in document:
        content, document = _manifest(client, name, _amd64(name, document))
    config = _small_blob(client, name, _digest_of(document["config"]))
    diff_ids = json.loads(config)["rootfs"]["diff_ids"]
    if len(diff_ids) != len(document["layers"]):
        raise PackError(
            f"{name.repository}:{name.tag} has {len(document['layers'])} layers, its config {len(diff_ids)}"
        )
    layers = []
    for entry, diff_id in zip(document["layers"], diff_ids, strict=True):
        digest = _digest_of(entry)
        log(f"Copying blob {digest[:19]} {entry['size']} bytes")
        path = _blob(client, name, digest, scratch)
        media_type = _LAYER_TYPES.get(entry["mediaType"], entry["mediaType"])
        layers.append(Layer(digest, diff_id, path.stat().st_size, media_type, path))
    return PackedImage(tuple(layers), config, content)


def _manifest(client: httpx.Client, name: ImageName, reference: str) -> tuple[bytes, dict[str, Any]]:
    accept = ", ".join(sorted(MANIFEST_TYPES | INDEX_TYPES))
    answer = client.get(f"/v2/{name.repository}/manifests/{reference}", headers={"Accept": accept})
    if answer.status_code != 200:
        raise PackError(f"{name.host}/{name.repository}:{name.tag} cannot be pulled: {refusal(answer)}")
    if len(answer.content) > _MOST_MANIFEST_BYTES:
        raise PackError(f"{name.repository}:{name.tag}: the manifest is larger than 4 MiB")
    if reference.startswith("sha256:") and sha256_of(answer.content) != reference:
        raise PackError(f"{name.repository}: the manifest is not the one that {reference[:19]} names")
    try:
        document = answer.json()
    except ValueError as exc:
        raise PackError(f"{name.repository}:{name.tag}: the manifest is no JSON") from exc
    if not isinstance(document, dict) or not ({"config", "layers"} <= document.keys() or "manifests" in document):
        raise PackError(f"{name.repository}:{name.tag} is not a container image of manifest version 2")
    return answer.content, document


def _amd64(name: ImageName, index: dict[str, Any]) -> str:
    for entry in index["manifests"]:
        platform = entry.get("platform") or {}
        if platform.get("os") == "linux" and platform.get("architecture") == "amd64":
            return _digest_of(entry)
    raise PackError(f"{name.repository}:{name.tag} has no image for linux/amd64")


def _digest_of(entry: dict[str, Any]) -> str:
    digest = str(entry.get("digest", ""))
    if not (digest.startswith("sha256:") and len(digest) == 71):
        raise PackError(f"a manifest names a blob by {digest[:20]!r}, which is no sha256 digest")
    return digest


def _small_blob(client: httpx.Client, name: ImageName, digest: str) -> bytes:
    answer = client.get(f"/v2/{name.repository}/blobs/{digest}")
    if answer.status_code != 200 or sha256_of(answer.content) != digest:
        raise PackError(f"the config of {name.repository}:{name.tag} cannot be pulled: {refusal(answer)}")
    return answer.content


def _blob(client: httpx.Client, name: ImageName, digest: str, scratch: Path) -> Path:
    """Stream a blob to disk and check it; one that is there already was checked when it was written."""
    path = scratch / digest.replace(":", "-")
    if path.exists():
        return path
    scratch.mkdir(parents=True, exist_ok=True)
    partial, sha = path.with_suffix(".partial"), hashlib.sha256()
    with client.stream("GET", f"/v2/{name.repository}/blobs/{digest}") as answer, partial.open("wb") as target:
        if answer.status_code != 200:
            raise PackError(f"layer {digest[:19]} of {name.repository} cannot be pulled: {answer.status_code}")
        for chunk in answer.iter_raw():
            sha.update(chunk)
            target.write(chunk)
    if f"sha256:{sha.hexdigest()}" != digest:
        partial.unlink()
        raise PackError(f"layer {digest[:19]} of {name.repository} arrived damaged")
    partial.replace(path)
    return path
