"""A registry over the OCI distribution API: image names, which scheme a host gets, base images in, images out."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx

from sandbox.media_types import INDEX_TYPES, MANIFEST_TYPES
from sandbox.packer.errors import PackError
from sandbox.packer.image import LAYER_GZIP_TYPE, LAYER_TAR_TYPE, MANIFEST_TYPE, Layer, PackedImage, sha256_of

_REFERENCE = re.compile(
    r"(?P<host>[A-Za-z0-9.-]+(?::\d{1,5})?|\[[0-9a-fA-F:]+\](?::\d{1,5})?)/"
    r"(?P<repository>[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True)
class ImageName:
    """``host[:port]/repository[:tag][@digest]``; the tag is ``latest`` where none is written."""

    host: str
    repository: str
    tag: str
    digest: str = ""

    @property
    def reference(self) -> str:
        """What to ask the registry for: the digest where one is written, else the tag."""
        return self.digest or self.tag

    @property
    def base_url(self) -> str:
        """Plain HTTP for this machine, HTTPS for every other host."""
        return f"{'http' if is_loopback(self.host) else 'https'}://{self.host}"


def parse_name(text: str) -> ImageName:
    """Read an image name; raises PackError for one without a registry host or with a bad spelling."""
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise PackError(f"{text[:200]!r} is no image name: write host[:port]/repository:tag in lower case")
    host = match["host"]
    if host != "localhost" and not re.search(r"[.:]", host):
        raise PackError(f"{text[:200]!r} names no registry: write host[:port]/repository:tag")
    return ImageName(host, match["repository"], match["tag"] or "latest", match["digest"] or "")


def is_loopback(host: str) -> bool:
    """True for localhost, 127.0.0.0/8 and ::1, with or without a port."""
    name = host.partition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def open_client(name: ImageName, username: str, password: str) -> httpx.Client:
    """A client for the registry: 3 s to connect, 60 s between bytes, no proxies, no redirects."""
    return httpx.Client(
        base_url=name.base_url,
        auth=(username, password) if username else None,
        timeout=httpx.Timeout(60.0, connect=3.0),
        verify=_trust(),
        trust_env=False,
    )


@cache
def _trust() -> ssl.SSLContext:
    """The machine's own CAs, read once."""
    return ssl.create_default_context()


def refusal(answer: httpx.Response) -> str:
    """What a registry said, in its own words where it follows the specification's error document."""
    try:
        first = answer.json()["errors"][0]
        return f"{answer.status_code} {first.get('code', '')}: {first.get('message', '')}"[:500]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return f"{answer.status_code} {answer.reason_phrase}"


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


_CHUNK = 1024 * 1024


def push(
    image: PackedImage, destination: str, *, log: Callable[[str], None], username: str = "", password: str = ""
) -> str:
    """Push under ``host[:port]/site/app:tag``; gives the manifest's digest ``sha256:…``.

    Plain HTTP to loopback hosts, HTTPS to all others. Raises PackError when the registry refuses (an immutable tag
    that holds another image, wrong credentials) or does not answer; nothing is tagged then.
    """
    name = parse_name(destination)
    if name.digest:
        raise PackError(f"{destination} names a digest: push under a tag")
    try:
        with open_client(name, username, password) as client:
            for layer in image.layers:
                _send_blob(client, name, layer.digest, layer.size, layer.path, log)
            _send_blob(client, name, image.config_digest, len(image.config), image.config, log)
            return _send_manifest(client, name, image, log)
    except httpx.HTTPError as exc:
        raise PackError(f"{destination} cannot be pushed: {name.host} does not answer") from exc


def _send_blob(
    client: httpx.Client, name: ImageName, digest: str, size: int, content: Path | bytes, log: Callable[[str], None]
) -> None:
    if client.head(f"/v2/{name.repository}/blobs/{digest}").status_code == 200:
        log(f"Copying blob {digest[:19]} skipped: already exists")
        return
    log(f"Copying blob {digest[:19]} {size} bytes")
    begun = client.post(f"/v2/{name.repository}/blobs/uploads/", headers={"Content-Length": "0"})
    if begun.status_code != 202:
        raise PackError(f"{name.host}/{name.repository} cannot be pushed: {refusal(begun)}")
    place = urljoin(str(begun.request.url), begun.headers.get("location", ""))
    if urlsplit(place).netloc != urlsplit(str(begun.request.url)).netloc:
        raise PackError(f"{name.host} wants the blob sent to another host; that is not done")
    sent = client.put(
        place,
        params={**httpx.URL(place).params, "digest": digest},
        content=_chunks(content),
        headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
    )
    if sent.status_code != 201:
        raise PackError(f"a blob of {name.host}/{name.repository} was not taken: {refusal(sent)}")


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as source:
        while chunk := source.read(_CHUNK):
            yield chunk


def _send_manifest(client: httpx.Client, name: ImageName, image: PackedImage, log: Callable[[str], None]) -> str:
    log("Writing manifest to image destination")
    answer = client.put(
        f"/v2/{name.repository}/manifests/{name.tag}", content=image.manifest, headers={"Content-Type": MANIFEST_TYPE}
    )
    if answer.status_code != 201:
        raise PackError(f"{name.host}/{name.repository}:{name.tag} was not taken: {refusal(answer)}")
    told = answer.headers.get("docker-content-digest", image.digest)
    if told != image.digest:
        raise PackError(f"{name.host} stored {told[:19]} where {image.digest[:19]} was sent")
    return image.digest
