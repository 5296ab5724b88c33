"""Images: references, the scenario that one carries, and pulling from a registry with every digest checked."""

from __future__ import annotations

import asyncio
import hashlib
import io
import ipaddress
import json
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

import httpx

from sandbox.media_types import INDEX_TYPES, MANIFEST_TYPES

_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*")


class BadReference(ValueError):
    """The text names no image."""


@dataclass(frozen=True)
class Image:
    """A parsed reference. ``host`` is empty when none was named; ``reference`` is the digest, else the tag."""

    text: str
    host: str
    repository: str
    tag: str
    digest: str

    @property
    def reference(self) -> str:
        """What to ask the registry for."""
        return self.digest or self.tag

    @property
    def name(self) -> str:
        """Host and repository without tag and digest."""
        return f"{self.host}/{self.repository}" if self.host else self.repository


def parse_image(text: str) -> Image:
    """The parts of a reference; the tag is ``latest`` when neither tag nor digest is given. Raises BadReference."""
    rest, at, digest = text.partition("@")
    if at and not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise BadReference("invalid reference format")
    first, slash, remainder = rest.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    host, path = (first, remainder) if has_host else ("", rest)
    repository, colon, tag = path.partition(":")
    if colon and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", tag):
        raise BadReference("invalid reference format")
    if not _REPOSITORY.fullmatch(repository):
        is_case = _REPOSITORY.fullmatch(repository.lower()) is not None
        raise BadReference("invalid reference format" + (": repository name must be lowercase" if is_case else ""))
    return Image(text, host, repository, tag or ("" if digest else "latest"), digest)


def is_loopback(host: str) -> bool:
    """Whether ``host[:port]`` is this machine."""
    name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


ANNOTATION = "prism4k.io/scenario"
WORDS = ("slow", "crash", "pull-failure", "never-ready", "oom", "restart-once", "entry")
ENTRIES = ("refused", "hangs", "cut", "home", "elsewhere")
"""What an entry does that answers with no status of its own: see ``sandbox.kubernetes.entry``."""
_SLOW_SECONDS = 20.0


@dataclass(frozen=True)
class Scenario:
    """``word`` is one of WORDS; ``seconds`` is how long ``slow`` takes, ``entry`` what the entry answers."""

    word: str
    seconds: float = 0.0
    entry: str = ""


def parse_scenario(text: str) -> Scenario | None:
    """``slow 8``, ``crash`` or ``entry 500``; None for anything that is no scenario."""
    parts = text.strip().lower().split()
    if not parts or parts[0] not in WORDS or len(parts) > 2:
        return None
    if parts[0] == "entry":
        is_known = len(parts) == 2 and (parts[1] in ENTRIES or re.fullmatch(r"[2-5][0-9]{2}", parts[1], re.ASCII))
        return Scenario("entry", entry=parts[1]) if is_known else None
    if parts[0] != "slow":
        return Scenario(parts[0]) if len(parts) == 1 else None
    if len(parts) == 1:
        return Scenario("slow", _SLOW_SECONDS)
    return Scenario("slow", float(parts[1])) if parts[1].isdecimal() else None


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


_ACCEPT = ", ".join(sorted(MANIFEST_TYPES | INDEX_TYPES))
_IN_MEMORY = 8 * 1024 * 1024


class PullError(Exception):
    """Why an image cannot be had, in containerd's text."""


@dataclass(frozen=True)
class Pulled:
    """An image on the node: ``image_id`` is ``name@digest`` as pods report it, ``size`` in bytes."""

    image_id: str
    size: int
    scenario: Scenario | None


class Puller:
    """Pulls images and remembers what their layers ask for, by digest.

    ``registries`` maps an image's host (empty: images that name none) to the base URL to fetch from. Loopback hosts
    are reached by plain HTTP, all others by HTTPS, unless listed there. Images that begin with ``present`` are on the
    node already.
    """

    def __init__(self, registries: Mapping[str, str], present: str = "") -> None:
        self._registries = dict(registries)
        self._present = present
        self._layers: dict[str, Scenario | None] = {}
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(30, connect=5), follow_redirects=True, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def pull(self, image: Image) -> Pulled:
        """Fetch manifest and layers; raises PullError."""
        if self._present and image.text.startswith(self._present):
            digest = image.digest or f"sha256:{hashlib.sha256(image.text.encode()).hexdigest()}"
            return Pulled(f"{image.name}@{digest}", 0, None)
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
