"""Pulling an image from a registry: manifest by tag or digest, then its layers, every digest checked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

import httpx

from sandbox.kubernetes.images.layers import scenario_in_layer
from sandbox.kubernetes.images.reference import Image, is_loopback
from sandbox.kubernetes.kubelet.scenarios import Scenario

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_ACCEPT = ", ".join((*_MANIFESTS, *_INDEXES))
_IN_MEMORY = 8 * 1024 * 1024


class PullError(Exception):
    """Why an image cannot be had, worded as containerd words it."""


@dataclass(frozen=True)
class Pulled:
    """An image on the node: ``image_id`` is ``name@digest`` as pods report it, ``size`` in bytes."""

    image_id: str
    size: int
    scenario: Scenario | None


class Puller:
    """Pulls images and remembers what their layers ask for, by digest.

    ``registries`` maps an image's host (empty: images that name none) to the base URL to fetch from. Loopback hosts
    are reached by plain HTTP, all others by HTTPS, unless listed there.
    """

    def __init__(self, registries: Mapping[str, str]) -> None:
        self._registries = dict(registries)
        self._layers: dict[str, Scenario | None] = {}
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(30, connect=5), follow_redirects=True, trust_env=False)

    async def close(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def pull(self, image: Image) -> Pulled:
        """Fetch manifest and layers; raises PullError."""
        manifest, digest = await self._manifest(image, image.reference)
        top = digest
        if "manifests" in manifest:
            manifest, _ = await self._manifest(image, _for_this_node(manifest, image))
        layers = manifest.get("layers") or []
        scenario: Scenario | None = None
        for layer in layers:
            scenario = await self._layer(image, str(layer["digest"])) or scenario
        size = sum(int(layer.get("size", 0)) for layer in layers)
        return Pulled(f"{image.name}@{top}", size, scenario)

    def _url(self, image: Image, path: str) -> str:
        base = self._registries.get(image.host)
        if base is None and not image.host:
            raise PullError(
                f'failed to pull and unpack image "{image.text}": the name has no registry host, and the stand-in was '
                "started without --registry"
            )
        if base is None:
            base = f"{'http' if is_loopback(image.host) else 'https'}://{image.host}"
        return f"{base.rstrip('/')}/v2/{image.repository}/{path}"

    async def _manifest(self, image: Image, reference: str) -> tuple[dict[str, Any], str]:
        start = f'failed to pull and unpack image "{image.text}": failed to resolve reference "{image.text}"'
        url = self._url(image, f"manifests/{reference}")
        try:
            answer = await self._http.get(url, headers={"Accept": _ACCEPT})
        except httpx.HTTPError as error:
            raise PullError(f'{start}: failed to do request: Get "{url}": {_network_words(error, image)}') from error
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise PullError(f"{start}: {image.text}: not found")
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            why = "pull access denied, repository does not exist or may require authorization: authorization failed"
            raise PullError(f"{start}: {why}: unauthorized")
        if answer.status_code != httpx.codes.OK:
            raise PullError(f"{start}: unexpected status from GET request to {url}: {answer.status_code}")
        digest = "sha256:" + hashlib.sha256(answer.content).hexdigest()
        if reference.startswith("sha256:") and reference != digest:
            raise PullError(f"{start}: content at {url} has digest {digest}: failed precondition")
        try:
            manifest = json.loads(answer.content)
        except ValueError as error:
            raise PullError(f"{start}: the manifest is no JSON: {error}") from error
        return manifest, digest

    async def _layer(self, image: Image, digest: str) -> Scenario | None:
        if digest not in self._layers:
            with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as content:
                await self._download(image, digest, content)
                content.seek(0)
                self._layers[digest] = await asyncio.to_thread(scenario_in_layer, content)
        return self._layers[digest]

    async def _download(self, image: Image, digest: str, into: IO[bytes]) -> None:
        start = f'failed to pull and unpack image "{image.text}": failed to copy: {digest}'
        seen = hashlib.sha256()
        try:
            async with self._http.stream("GET", self._url(image, f"blobs/{digest}")) as answer:
                if answer.status_code != httpx.codes.OK:
                    word = "not found" if answer.status_code == httpx.codes.NOT_FOUND else str(answer.status_code)
                    raise PullError(f"{start}: {word}")
                # raw: a registry's content encoding is no part of the digest
                async for chunk in answer.aiter_raw():
                    seen.update(chunk)
                    into.write(chunk)
        except httpx.HTTPError as error:
            raise PullError(f"{start}: {_network_words(error, image)}") from error
        if f"sha256:{seen.hexdigest()}" != digest:
            raise PullError(f"{start}: failed size validation or unexpected digest sha256:{seen.hexdigest()}")


def _network_words(error: httpx.HTTPError, image: Image) -> str:
    if isinstance(error, httpx.ConnectError):
        is_refused = "refused" in str(error).lower() or "all connection attempts failed" in str(error).lower()
        why = "connect: connection refused" if is_refused else str(error)
        return f"dial tcp {image.host}: {why}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _for_this_node(index: dict[str, Any], image: Image) -> str:
    for entry in index["manifests"]:
        platform = entry.get("platform") or {}
        if (platform.get("os", "linux"), platform.get("architecture", "amd64")) == ("linux", "amd64"):
            return str(entry["digest"])
    raise PullError(f'failed to pull and unpack image "{image.text}": no match for platform in manifest: not found')
