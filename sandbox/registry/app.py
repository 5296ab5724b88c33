"""The HTTP side: routes of the distribution specification onto the store."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from sandbox.registry.notices import Tell
from sandbox.registry.specification import RegistryError, check_repository
from sandbox.registry.store import Store

Handler = Callable[[Request], Awaitable[Response]]

VERSION_HEADERS = {"Docker-Distribution-Api-Version": "registry/2.0"}
MOST_MANIFEST_BYTES = 4 * 1024 * 1024


class RegistryApp:
    """Handlers of one registry. ``username`` "" means that everybody may read and write."""

    def __init__(self, store: Store, username: str = "", password: str = "", tell: Tell | None = None) -> None:
        self.store = store
        self._tell = tell
        self._expected = base64.b64encode(f"{username}:{password}".encode()) if username else b""
        self._uploading: set[str] = set()

    def routes(self) -> list[Route]:
        """Order matters: a repository's name may hold slashes, so the most particular addresses come first."""
        upload = "/v2/{name:path}/blobs/uploads/{upload}"
        blob, manifest = "/v2/{name:path}/blobs/{digest}", "/v2/{name:path}/manifests/{reference}"
        table: list[tuple[str, str, Handler]] = [
            ("/v2/", "GET", self.version),
            ("/v2/_catalog", "GET", self.catalog),
            ("/v2/{name:path}/tags/list", "GET", self.tags),
            ("/v2/{name:path}/blobs/uploads/", "POST", self.begin_upload),
            (upload, "GET", self.upload_status),
            (upload, "PATCH", self.append_upload),
            (upload, "PUT", self.finish_upload),
            (upload, "DELETE", self.drop_upload),
            (blob, "GET", self.blob),
            (manifest, "GET", self.manifest),
            (manifest, "PUT", self.put_manifest),
            (manifest, "DELETE", self.delete_manifest),
        ]
        return [Route(path, self._guarded(handler), methods=[method]) for path, method, handler in table]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            self._authenticate(request)
            if "name" in request.path_params:
                check_repository(request.path_params["name"])
            answer = await handler(request)
            answer.headers.update(VERSION_HEADERS)
            return answer

        return guarded

    def _authenticate(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if self._expected and not (
            scheme.lower() == "basic" and hmac.compare_digest(given.strip().encode(), self._expected)
        ):
            challenge = {"WWW-Authenticate": 'Basic realm="Prism4k stand-in registry"'}
            raise RegistryError(401, "UNAUTHORIZED", "sign in with the registry's user and password", challenge)

    # ------------------------------------------------------------ reading
    async def version(self, request: Request) -> Response:
        return JSONResponse({})

    async def catalog(self, request: Request) -> Response:
        return _page(request, "repositories", await run_in_threadpool(self.store.repositories), {})

    async def tags(self, request: Request) -> Response:
        name = request.path_params["name"]
        return _page(request, "tags", await run_in_threadpool(self.store.tags, name), {"name": name})

    async def blob(self, request: Request) -> Response:
        digest = request.path_params["digest"]
        path = await run_in_threadpool(self.store.blob_path, request.path_params["name"], digest)
        headers = {"Docker-Content-Digest": digest, "Cache-Control": "max-age=31536000, immutable"}
        return FileResponse(path, media_type="application/octet-stream", headers=headers)

    async def manifest(self, request: Request) -> Response:
        parameters = request.path_params
        found = await run_in_threadpool(self.store.manifest, parameters["name"], parameters["reference"])
        headers = {"Docker-Content-Digest": found.digest, "ETag": f'"{found.digest}"'}
        return Response(found.content, headers=headers, media_type=found.media_type)

    # ------------------------------------------------------------ manifests
    async def put_manifest(self, request: Request) -> Response:
        name, reference = request.path_params["name"], request.path_params["reference"]
        media_type = request.headers.get("content-type", "").partition(";")[0].strip()
        content = await _read_body(request, MOST_MANIFEST_BYTES)
        digest = await run_in_threadpool(self.store.put_manifest, name, reference, media_type, content)
        if self._tell is not None:
            self._tell(name, reference, digest, media_type)
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
        return Response(status_code=201, headers=headers)

    async def delete_manifest(self, request: Request) -> Response:
        parameters = request.path_params
        await run_in_threadpool(self.store.delete_manifest, parameters["name"], parameters["reference"])
        return Response(status_code=202)

    # ------------------------------------------------------------ uploads
    async def begin_upload(self, request: Request) -> Response:
        name, query = request.path_params["name"], request.query_params
        wanted, source = query.get("mount", ""), query.get("from", "")
        is_mounted = bool(wanted) and await run_in_threadpool(self.store.mount_blob, name, wanted, source)
        if is_mounted:
            return _blob_made(name, wanted)
        # The specification: a mount that cannot be done becomes an ordinary upload.
        upload = await run_in_threadpool(self.store.begin_upload)
        if "digest" in query:
            return await self._finish(request, name, upload, query["digest"])
        return _upload_state(202, name, upload, 0)

    async def upload_status(self, request: Request) -> Response:
        name, upload = request.path_params["name"], request.path_params["upload"]
        return _upload_state(204, name, upload, self.store.upload_path(upload).stat().st_size)

    async def append_upload(self, request: Request) -> Response:
        name, upload = request.path_params["name"], request.path_params["upload"]
        return _upload_state(202, name, upload, await self._append(request, upload))

    async def finish_upload(self, request: Request) -> Response:
        parameters = request.path_params
        return await self._finish(
            request, parameters["name"], parameters["upload"], request.query_params.get("digest", "")
        )

    async def drop_upload(self, request: Request) -> Response:
        await run_in_threadpool(self.store.drop_upload, request.path_params["upload"])
        return Response(status_code=204)

    async def _finish(self, request: Request, name: str, upload: str, digest: str) -> Response:
        await self._append(request, upload)
        await run_in_threadpool(self.store.finish_upload, name, upload, digest)
        return _blob_made(name, digest)

    async def _append(self, request: Request, upload: str) -> int:
        """Add the body to the upload; gives its size then."""
        path = self.store.upload_path(upload)
        if upload in self._uploading:
            raise RegistryError(416, "BLOB_UPLOAD_INVALID", "another request is still sending to this upload")
        self._uploading.add(upload)
        try:
            _check_range(request, path)
            with path.open("ab") as target:
                async for chunk in request.stream():
                    target.write(chunk)
                return target.tell()
        finally:
            self._uploading.discard(upload)


def _check_range(request: Request, path: Path) -> None:
    size = path.stat().st_size
    start = request.headers.get("content-range", "").removeprefix("bytes ").partition("-")[0]
    if start and (not start.isdigit() or int(start) != size):
        headers = {"Range": f"0-{max(size - 1, 0)}"}
        raise RegistryError(416, "BLOB_UPLOAD_INVALID", f"the next chunk must begin at byte {size}", headers)


def _upload_state(status: int, name: str, upload: str, size: int) -> Response:
    headers = {
        "Location": f"/v2/{name}/blobs/uploads/{upload}",
        "Range": f"0-{max(size - 1, 0)}",
        "Docker-Upload-UUID": upload,
    }
    return Response(status_code=status, headers=headers)


def _blob_made(name: str, digest: str) -> Response:
    headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
    return Response(status_code=201, headers=headers)


def _page(request: Request, key: str, items: list[str], extra: dict[str, object]) -> Response:
    """A list with ``n`` and ``last``, and the address of the next page in ``Link``."""
    last, count = request.query_params.get("last", ""), request.query_params.get("n", "")
    if count and not (count.isdigit() and count.isascii() and len(count) < 9):
        raise RegistryError(400, "PAGINATION_NUMBER_INVALID", "n is a whole number")
    rest = [item for item in items if item > last]
    shown = rest[: int(count)] if count else rest
    headers = {}
    if shown and len(shown) < len(rest):
        headers["Link"] = f'<{request.url.path}?n={count}&last={shown[-1]}>; rel="next"'
    return JSONResponse({**extra, key: shown}, headers=headers)


async def _read_body(request: Request, most: int) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise RegistryError(413, "MANIFEST_INVALID", f"a manifest may have {most} bytes")
    return bytes(content)


async def _refused(request: Request, exc: Exception) -> Response:
    if not isinstance(exc, RegistryError):
        raise exc
    return JSONResponse(exc.document, status_code=exc.status, headers={**exc.headers, **VERSION_HEADERS})


async def _unrouted(request: Request, exc: Exception) -> Response:
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    code = {404: "NAME_UNKNOWN", 405: "UNSUPPORTED"}.get(status, "UNKNOWN")
    error = RegistryError(status, code, "this registry has no such address or method")
    return JSONResponse(error.document, status_code=status, headers=VERSION_HEADERS)


async def _hung_up(request: Request, exc: Exception) -> Response:
    return Response(status_code=400)


def create_app(store: Store, username: str = "", password: str = "", tell: Tell | None = None) -> Starlette:
    """The ASGI application of a registry over ``store``; Basic sign-in when a user name is given.

    ``tell`` is called with each manifest that was put and must not wait.
    """
    handlers = {RegistryError: _refused, HTTPException: _unrouted, ClientDisconnect: _hung_up}
    return Starlette(routes=RegistryApp(store, username, password, tell).routes(), exception_handlers=handlers)
