"""Watches of one cluster on an asyncio loop: they only say that something of ours moved, for as long as it takes.

What ends a stream is mended here: its time and a broken or half-open connection by watching on from the last version,
an expired version (410) by a new list, the lack of the right to watch by listing every few seconds.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx

from deployer.adapters.kubernetes.session import SOCKET_OPTIONS, collection_path
from deployer.adapters.pinned import pinned_async
from deployer.interfaces import ClusterTarget, Moved

WATCHED = (("apps/v1", "Deployment"), ("apps/v1", "ReplicaSet"), ("v1", "Pod"))
STREAM_SECONDS = 240
SILENCE_SECONDS = 90.0
"""Bookmarks arrive about once a minute, so longer silence means a dead connection."""
CONNECT_SECONDS = 5.0
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
LIST_SECONDS = 3.0
"""How often what may not be watched is listed."""
MAX_LINE_BYTES = 8 * 1024 * 1024
INSTANCE = "app.kubernetes.io/instance"
# Labels are all that is wanted but of Deployments, whose status tells their end; a server that does not know the first
# form sends the second. A list refuses it.
_NAMES_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

Tell = Callable[[Moved], None]


class Expired(Exception):
    """The version is older than what the server remembers: list anew."""


class Streams:
    """Watches of one API server over connections of their own. ``async with``; use on one loop."""

    def __init__(self, target: ClusterTarget) -> None:
        self._target = target
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Streams:
        timeout = httpx.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS, pool=None)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if self._target.token:
            headers["Authorization"] = f"Bearer {self._target.token}"
        transport = httpx.AsyncHTTPTransport(
            verify=_context(self._target),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=8),
            trust_env=False,
            socket_options=SOCKET_OPTIONS,
        )
        if not self._target.is_own:
            pinned_async(transport)
        client = httpx.AsyncClient(
            base_url=self._target.url,
            headers=headers,
            transport=transport,
            timeout=timeout,
            trust_env=False,
            follow_redirects=False,  # a redirect would carry our token elsewhere
        )
        self._client = await self._stack.enter_async_context(client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def follow(self, namespace: str, selector: str, tell: Tell) -> None:
        """Calls ``tell`` with each object of ours that changes there, until it is cancelled; never raises.

        Without a name after each list: something may have moved that no stream has told.
        """
        async with asyncio.TaskGroup() as group:
            for api_version, kind in WATCHED:
                path = collection_path(api_version, kind, namespace)
                group.create_task(_Stream(self, path, selector, tell, is_whole=kind == "Deployment").run())

    async def get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        """The JSON of one answer; raises httpx.HTTPError, also for any status but success, and ValueError."""
        answer = await self._client.get(path, params=query, extensions=self._extensions())
        answer.raise_for_status()
        found = answer.json()
        if not isinstance(found, dict):
            raise ValueError("The answer is no object.")
        return found

    async def lines(self, path: str, query: dict[str, str], *, is_whole: bool) -> AsyncIterator[bytes]:
        """The lines of a stream until it ends, with whole objects or their metadata only; raises as :meth:`get`."""
        headers, extensions = {} if is_whole else {"Accept": _NAMES_ONLY}, self._extensions()
        async with self._client.stream("GET", path, params=query, headers=headers, extensions=extensions) as answer:
            answer.raise_for_status()
            buffer = b""
            async for part in answer.aiter_raw():
                *whole, buffer = (buffer + part).split(b"\n")
                if len(buffer) > MAX_LINE_BYTES:
                    raise ValueError("A line of the watch is too long.")
                for line in whole:
                    if line.strip():
                        yield line

    def _extensions(self) -> dict[str, Any]:
        return {"sni_hostname": self._target.tls_server_name} if self._target.tls_server_name else {}


def _context(target: ClusterTarget) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=target.ca_pem or None)
    if not target.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if target.client_cert_pem:
        # The ssl module reads them from files only; they are gone as soon as it has.
        with tempfile.TemporaryDirectory(prefix="prism4k-") as folder:
            certificate, key = Path(folder) / "client.crt", Path(folder) / "client.key"
            for file, text in ((certificate, target.client_cert_pem), (key, target.client_key_pem)):
                file.touch(mode=0o600)
                file.write_text(text, encoding="ascii")
            context.load_cert_chain(certificate, key)
    return context


class _Stream:
    """One collection, watched for ever."""

    def __init__(self, streams: Streams, path: str, selector: str, tell: Tell, *, is_whole: bool) -> None:
        self._streams, self._path, self._selector, self._tell = streams, path, selector, tell
        self._is_whole = is_whole
        self._version = ""
        self._pause = SHORTEST_PAUSE_SECONDS

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            began = time.monotonic()
            try:
                if not self._version:
                    self._version = await self._list()
                    self._tell(Moved())
                await self._watch()
            except Expired:
                self._version = ""
            except httpx.HTTPStatusError as error:
                await self._refused(error.response)
            except (httpx.HTTPError, OSError, ValueError):
                await self._rest(began)
            else:
                await self._rest(began)

    async def _list(self) -> str:
        query = {"labelSelector": self._selector, "limit": "1"}
        head = (await self._streams.get(self._path, query)).get("metadata") or {}
        if not (version := str(head.get("resourceVersion") or "")):
            raise ValueError("The list has no version.")
        return version

    async def _watch(self) -> None:
        query = {
            "watch": "true",
            "labelSelector": self._selector,
            "resourceVersion": self._version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(STREAM_SECONDS),
        }
        async for line in self._streams.lines(self._path, query, is_whole=self._is_whole):
            kind, moved, version = _read(line)
            self._version = version or self._version
            self._pause = SHORTEST_PAUSE_SECONDS
            if kind != "BOOKMARK":
                self._tell(moved)

    async def _refused(self, answer: httpx.Response) -> None:
        if answer.status_code == 410:
            self._version = ""
        elif answer.status_code == 403 and self._version:
            # It may be listed, as it was just now, and not be watched.
            await asyncio.sleep(LIST_SECONDS)
            self._version, before = "", self._version
            if await self._is_changed(before):
                self._tell(Moved())
        else:
            self._version = "" if answer.status_code >= 500 else self._version
            await self._back_off()

    async def _is_changed(self, before: str) -> bool:
        try:
            self._version = await self._list()
        except (httpx.HTTPError, OSError, ValueError):
            return False
        return self._version != before

    async def _rest(self, began: float) -> None:
        """A stream that lived goes on at once; one that ends again and again is asked ever more seldom."""
        if time.monotonic() - began < LONGEST_PAUSE_SECONDS:
            await self._back_off()

    async def _back_off(self) -> None:
        await asyncio.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 (spreads load, hides nothing)
        self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)


def _read(line: bytes) -> tuple[str, Moved, str]:
    """Type, object and version of a line; raises Expired for an error (410 arrives so, with status 200), ValueError."""
    event = json.loads(line)
    if not isinstance(event, dict) or not isinstance(event.get("object"), dict) or event.get("type") == "ERROR":
        raise Expired
    metadata = event["object"].get("metadata") or {}
    instance = str((metadata.get("labels") or {}).get(INSTANCE) or "")
    is_final = "status" in event["object"] and (event["type"] == "DELETED" or has_ended(event["object"]))
    moved = Moved(str(metadata.get("name") or ""), instance, is_final)
    return str(event.get("type")), moved, str(metadata.get("resourceVersion") or "")


def has_ended(workload: dict[str, Any]) -> bool:
    """Whether a Deployment's status says that its rollout is over, for good or bad: its verdict is due.

    Source: ``kubectl/pkg/polymorphichelpers/rollout_status.go``. Only when to look is decided by it.
    """
    status, wanted = workload.get("status") or {}, (workload.get("spec") or {}).get("replicas", 1)
    if int(status.get("observedGeneration") or 0) < int(workload["metadata"].get("generation") or 0):
        return False
    if any(one.get("reason") == "ProgressDeadlineExceeded" for one in status.get("conditions") or ()):
        return True
    return all(int(status.get(name) or 0) == wanted for name in ("replicas", "updatedReplicas", "availableReplicas"))
