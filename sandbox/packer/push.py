"""Sends an image to a registry: blobs that it lacks, then the manifest under the tag."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from sandbox.packer.errors import PackError
from sandbox.packer.image import MANIFEST_TYPE, PackedImage
from sandbox.packer.wire import ImageName, open_client, parse_name, refusal

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
