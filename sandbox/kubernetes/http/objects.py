"""GET, LIST, POST, PATCH and DELETE of any kind."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.kubernetes.deletion import Deletion, delete
from sandbox.kubernetes.errors import ApiError, Cause, bad_request, expired, invalid_named, not_found
from sandbox.kubernetes.http import requests
from sandbox.kubernetes.http.requests import cluster_of
from sandbox.kubernetes.http.watch import selection, watch
from sandbox.kubernetes.kinds import Kind
from sandbox.kubernetes.storage import Store
from sandbox.kubernetes.writes import Write, Written, apply, create, json_patch, merge_patch, scale, scale_of

Obj = dict[str, Any]


class ObjectRoutes:
    """The handlers of one kind."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def _address(self, request: Request) -> tuple[str, str]:
        params = request.path_params
        return params.get("namespace", ""), params.get("name", "")

    def _write(self, request: Request, options: str) -> Write:
        namespace, name = self._address(request)
        return Write(
            kind=self._kind,
            namespace=namespace,
            name=name,
            manager=requests.manager(request),
            is_dry=requests.dry_run(request, options),
            is_forced=requests.flag(request, "force"),
            validation=request.query_params.get("fieldValidation") or "Warn",
        )

    async def collection(self, request: Request) -> Response:
        """LIST, WATCH, POST."""
        if request.method == "GET":
            if requests.flag(request, "watch"):
                return watch(request, self._kind)
            return JSONResponse(self._list(request))
        self._refuse_unless("create")
        write = self._write(request, "CreateOptions")
        return _answer(create(cluster_of(request).store, write, await requests.body(request)))

    async def item(self, request: Request) -> Response:
        """GET, PATCH, DELETE."""
        if request.method == "GET":
            return JSONResponse(self._live(request))
        self._refuse_unless(request.method.lower())
        if request.method == "DELETE":
            return await self._delete(request)
        return _answer(await self._patch(request))

    async def scale(self, request: Request) -> Response:
        """GET and PATCH of a Deployment's ``scale``."""
        if request.method == "GET":
            return JSONResponse(scale_of(self._live(request)))
        if requests.media_type(request) != requests.MERGE:
            raise _unsupported_media()
        write = self._write(request, "PatchOptions")
        return JSONResponse(scale(cluster_of(request).store, write, await requests.body(request)))

    def _refuse_unless(self, verb: str) -> None:
        if verb not in self._kind.verbs:
            message = "the server does not allow this method on the requested resource"
            raise ApiError(405, "MethodNotAllowed", message, {})

    def _live(self, request: Request) -> Obj:
        namespace, name = self._address(request)
        found = cluster_of(request).store.get(self._kind, namespace, name)
        if found is None:
            raise not_found(self._kind, name)
        return found

    async def _patch(self, request: Request) -> Written:
        store, media = cluster_of(request).store, requests.media_type(request)
        write = self._write(request, "PatchOptions")
        if media == requests.MERGE:
            return merge_patch(store, write, await requests.body(request))
        if media == requests.JSON_PATCH:
            return json_patch(store, write, await requests.body(request))
        if media != requests.APPLY:
            raise _unsupported_media()
        if not request.query_params.get("fieldManager"):
            cause = Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager")
            raise invalid_named("PatchOptions.meta.k8s.io", "meta.k8s.io", "PatchOptions", "", [cause])
        return apply(store, write, await requests.body(request, is_yaml=True))

    async def _delete(self, request: Request) -> Response:
        options = await requests.body(request)
        options = options if isinstance(options, dict) else {}
        conditions = options.get("preconditions") or {}
        grace = requests.number(request, "gracePeriodSeconds")
        namespace, name = self._address(request)
        deletion = Deletion(
            kind=self._kind,
            namespace=namespace,
            name=name,
            uid=conditions.get("uid") or "",
            version=conditions.get("resourceVersion") or "",
            propagation=request.query_params.get("propagationPolicy")
            or options.get("propagationPolicy")
            or "Background",
            grace=grace if grace is not None else options.get("gracePeriodSeconds"),
            is_dry=requests.dry_run(request, "DeleteOptions") or "All" in (options.get("dryRun") or []),
        )
        return JSONResponse(delete(cluster_of(request).store, deletion))

    def _list(self, request: Request) -> Obj:
        store = cluster_of(request).store
        namespace = request.path_params.get("namespace")
        is_wanted = selection(request, self._kind)
        found = [obj for obj in store.all(self._kind, namespace) if is_wanted(obj)]
        page, meta = _page(store, request, found)
        items = [{name: part for name, part in obj.items() if name not in ("kind", "apiVersion")} for obj in page]
        return {
            "kind": f"{self._kind.kind}List",
            "apiVersion": self._kind.api_version,
            "metadata": meta,
            "items": items,
        }


def _page(store: Store, request: Request, found: list[Obj]) -> tuple[list[Obj], Obj]:
    """The asked page of a list with its metadata; ``continue`` names the last object of the page before."""
    limit, token = requests.number(request, "limit"), request.query_params.get("continue", "")
    version = str(store.version)
    if token:
        try:
            version, *after = json.loads(base64.urlsafe_b64decode(token))
        except (ValueError, binascii.Error) as error:
            raise bad_request("continue key is not valid") from error
        if int(version) > store.version:
            raise expired("The provided continue parameter is too old to display a consistent list result.")
        found = [obj for obj in found if [obj["metadata"].get("namespace", ""), obj["metadata"]["name"]] > after]
    meta: Obj = {"resourceVersion": version}
    if limit and len(found) > limit:
        last = found[limit - 1]["metadata"]
        mark = json.dumps([version, last.get("namespace", ""), last["name"]]).encode()
        meta |= {"continue": base64.urlsafe_b64encode(mark).decode(), "remainingItemCount": len(found) - limit}
        found = found[:limit]
    return found, meta


def _answer(written: Written) -> JSONResponse:
    response = JSONResponse(written.object, status_code=201 if written.is_created else 200)
    for warning in written.warnings:
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.append("Warning", f'299 - "{quoted}"')
    return response


def _unsupported_media() -> ApiError:
    message = (
        "the body of the request was in an unknown format - accepted media types include: "
        f"{requests.JSON_PATCH}, {requests.MERGE}, {requests.APPLY}"
    )
    return ApiError(415, "UnsupportedMediaType", message)
