"""What the product asks of a registry: is it there, and what lies under a tag."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import Any

from deployer.adapters.registry.transport import Answer, Transport
from deployer.errors import NoFact, Rejected, Unavailable
from deployer.interfaces import ImageFacts, OnAnswer, RegistryTarget, ServerFacts
from deployer.messages import message as _

_INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_ACCEPT = ", ".join((*_MANIFEST_TYPES, *_INDEX_TYPES))
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAGS_PER_PAGE = 500
_MOST_MANIFEST_BYTES = 4 * 1024 * 1024
_MOST_CONFIG_BYTES = 8 * 1024 * 1024

Document = dict[str, Any]


class OciRegistry:
    """RegistryClient over the distribution API; read only, safe for several threads."""

    def __init__(self, target: RegistryTarget, on_answer: OnAnswer) -> None:
        self._target = target
        self._transport = Transport(target, on_answer)

    def describe(self) -> ServerFacts:
        """API version and account; raises Forbidden, Unavailable, and Rejected when no registry lives there."""
        begun = time.monotonic()
        answer = self._transport.get("/v2/", scope="", most=_MOST_MANIFEST_BYTES)
        latency = round((time.monotonic() - begun) * 1000)
        version = answer.headers.get("docker-distribution-api-version", "")
        if answer.status != 200 or not (version or answer.content.strip() in {b"", b"{}"}):
            raise Rejected(
                _("%(address)s is not an image registry: it has no /v2/ address.", address=self._transport.address)
            )
        notes = () if self._transport.origin.scheme == "https" else (_("Plain HTTP: passwords travel unencrypted."),)
        return ServerFacts(version or "v2", self._target.username or "anonymous", latency, notes)

    def image(self, repository: str, reference: str) -> ImageFacts | None:
        """Tag or digest in ``site/app``, or None when the registry says that it is absent.

        An index is followed to its linux/amd64 image for labels and layers; ``digest`` stays the index's own.
        Raises Rejected for bad names and documents that are no image, Unavailable for damaged ones.
        """
        _check_name(repository, reference)
        found = self._manifest(repository, reference)
        if found is None:
            return None
        content, document = found
        digest = _digest(content)
        if _is_index(document):
            child = self._manifest(repository, self._linux_amd64(document))
            if child is None:
                raise Unavailable(
                    _("%(name)s lists a linux/amd64 image that is missing.", name=self._named(repository, reference))
                )
            document = child[1]
        return self._facts(repository, reference, digest, document)

    def tags(self, repository: str) -> tuple[str, ...]:
        """All tags of ``site/app``, in the registry's order; none when it has no such repository."""
        found: dict[str, None] = {}
        path = f"/v2/{repository}/tags/list?n={_TAGS_PER_PAGE}"
        while page := self._tags_page(repository, f"{path}&last={next(reversed(found))}" if found else path):
            before = len(found)
            found |= dict.fromkeys(page)
            # A registry that ignores ``last`` answers the same page again.
            if len(found) == before:
                break
        return tuple(found)

    def _tags_page(self, repository: str, path: str) -> list[str]:
        answer = self._transport.get(path, scope=_scope(repository), most=_MOST_MANIFEST_BYTES)
        if answer.status == 404:
            self._check_absence(answer)
            return []
        if answer.status != 200:
            raise Rejected(
                _("The registry refuses to list %(name)s (%(status)s).", name=repository, status=answer.status)
            )
        self._check_page(answer)
        found = self._document(answer.content, repository).get("tags")
        tags = found if isinstance(found, list) else []
        return [str(tag) for tag in tags if _TAG.fullmatch(str(tag))]

    def _facts(self, repository: str, reference: str, digest: str, document: Document) -> ImageFacts:
        try:
            entry, layers = document["config"], document["layers"]
            config = self._config(repository, str(entry["digest"]))
            labels = (config.get("config") or {}).get("Labels") or {}
            return ImageFacts(
                digest=digest,
                labels={str(name): str(value) for name, value in labels.items()},
                created=str(config.get("created") or ""),
                size=int(entry["size"]) + sum(int(layer["size"]) for layer in layers),
                layers=tuple(str(layer["digest"]) for layer in layers),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise Rejected(_("%(name)s is not a container image.", name=self._named(repository, reference))) from exc

    def _manifest(self, repository: str, reference: str) -> tuple[bytes, Document] | None:
        path = f"/v2/{repository}/manifests/{reference}"
        answer = self._transport.get(path, scope=_scope(repository), accept=_ACCEPT, most=_MOST_MANIFEST_BYTES)
        name = self._named(repository, reference)
        if answer.status == 404:
            self._check_absence(answer)
            return None
        if answer.status != 200:
            raise Rejected(_("The registry refuses to show %(name)s (%(status)s).", name=name, status=answer.status))
        digest = _digest(answer.content)
        told = answer.headers.get("docker-content-digest", digest)
        if told != digest or (_DIGEST.fullmatch(reference) and reference != digest):
            raise Unavailable(
                _("The manifest of %(name)s arrived damaged: its digest does not match. Try again.", name=name)
            )
        if "docker-content-digest" not in answer.headers:
            self._check_page(answer)
        return answer.content, self._document(answer.content, name)

    def _check_page(self, answer: Answer) -> None:
        """A sign-in page in the registry's place says nothing about the image."""
        if answer.content.lstrip()[:1] in (b"", b"<"):
            raise NoFact(
                _(
                    "%(address)s answers with a page, not as a registry does. Check its address and the proxy.",
                    address=self._transport.address,
                )
            )

    def _check_absence(self, answer: Answer) -> None:
        """Absent only when the registry itself says so: a proxy's 404 page proves nothing about the image."""
        try:
            is_registry = isinstance(json.loads(answer.content).get("errors"), list)
        except (ValueError, AttributeError, RecursionError):
            is_registry = "docker-distribution-api-version" in answer.headers
        if not is_registry:
            raise Unavailable(
                _(
                    "%(address)s answers 404, but not as a registry does. Check its address and the proxy.",
                    address=self._transport.address,
                )
            )

    def _config(self, repository: str, digest: str) -> Document:
        if not _DIGEST.fullmatch(digest):
            raise Rejected(_("%(name)s is not named by a sha256 digest.", name=self._named(repository, digest)))
        path = f"/v2/{repository}/blobs/{digest}"
        answer = self._transport.get(path, scope=_scope(repository), most=_MOST_CONFIG_BYTES, follow=True)
        if answer.status != 200 or _digest(answer.content) != digest:
            raise Unavailable(
                _("The config of %(name)s is missing or damaged. Try again.", name=self._named(repository, digest))
            )
        return self._document(answer.content, repository)

    def _linux_amd64(self, index: Document) -> str:
        entries = index.get("manifests")
        for entry in entries if isinstance(entries, list) else ():
            platform = entry.get("platform") if isinstance(entry, dict) else None
            is_wanted = isinstance(platform, dict) and (platform.get("os"), platform.get("architecture")) == (
                "linux",
                "amd64",
            )
            if is_wanted and _DIGEST.fullmatch(str(entry.get("digest"))):
                return str(entry["digest"])
        raise Rejected(_("The tag names several images, and none of them is for linux/amd64."))

    def _document(self, content: bytes, name: str) -> Document:
        try:
            document = json.loads(content)
        except (ValueError, RecursionError) as exc:
            raise Rejected(_("What the registry keeps as %(name)s is not JSON.", name=name)) from exc
        if not isinstance(document, dict):
            raise Rejected(_("What the registry keeps as %(name)s is not a container image.", name=name))
        return document

    def _named(self, repository: str, reference: str) -> str:
        sign = "@" if reference.startswith("sha256:") else ":"
        return f"{self._transport.address}/{repository}{sign}{reference}"


def _check_name(repository: str, reference: str) -> None:
    if len(repository) > 255 or not _REPOSITORY.fullmatch(repository):
        raise Rejected(_("A repository's name is lower-case words joined by . _ - and /, such as site/app."))
    if not (_TAG.fullmatch(reference) or _DIGEST.fullmatch(reference)):
        raise Rejected(_("Name an image by its tag, or by sha256: and 64 hex digits."))


def _is_index(document: Document) -> bool:
    return document.get("mediaType") in _INDEX_TYPES or "manifests" in document


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _scope(repository: str) -> str:
    return f"repository:{repository}:pull"
