"""The routes, the token that requests need, errors as Status objects, and questions about the server itself."""

from __future__ import annotations

import secrets
import uuid

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Lifespan, Message, Receive, Scope, Send

from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.http.guard import access_review, guarded, self_review
from sandbox.kubernetes.http.logs import pod_log
from sandbox.kubernetes.http.objects import ObjectRoutes
from sandbox.kubernetes.http.proxy import service_proxy
from sandbox.kubernetes.http.requests import Cluster
from sandbox.kubernetes.kinds import DEPLOYMENT, KINDS, POD, SERVICE, Kind

_VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.3+stand-in",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-11-20T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}


async def version(_request: Request) -> Response:
    """GET ``/version``."""
    return JSONResponse(_VERSION)


async def health(_request: Request) -> Response:
    """GET ``/readyz`` and ``/livez``."""
    return PlainTextResponse("ok")


_OPEN = ("/readyz", "/livez")


class TokenDoor:
    """Lets in anybody who brings the bearer token; everybody else gets 401. Health is open to those without a token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on or refuse one request; each answer bears an audit id, as a real server's does."""
        if scope["type"] == "http":
            send = _audited(send)
        if scope["type"] == "http":
            brought = Headers(scope=scope).get("authorization")
            is_open = scope["path"] in _OPEN and brought is None
            if not is_open and not secrets.compare_digest((brought or "").encode(), self._token):
                refusal = ApiError(401, "Unauthorized", "Unauthorized")
                await JSONResponse(refusal.status(), status_code=401)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _audited(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"audit-id", str(uuid.uuid4()).encode())]}
        await send(message)

    return sent


async def _as_status(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse(error.status(), status_code=error.code)


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        message = "the server does not allow this method on the requested resource"
        return JSONResponse(ApiError(405, "MethodNotAllowed", message, {}).status(), status_code=405)
    return PlainTextResponse("404 page not found\n", status_code=error.status_code)


async def _unexpected(_request: Request, error: Exception) -> Response:
    # Starlette raises it again after this answer, so that uvicorn logs it
    status = ApiError(500, "InternalError", f"Internal error occurred: {type(error).__name__}: {error}")
    return JSONResponse(status.status(), status_code=500)


def _kind_routes(kind: Kind) -> list[Route]:
    routes = ObjectRoutes(kind)
    base = (
        f"{kind.prefix}/namespaces/{{namespace}}/{kind.plural}"
        if kind.is_namespaced
        else f"{kind.prefix}/{kind.plural}"
    )
    item = base + "/{name}"
    collection = guarded(kind, routes.collection)
    found = [
        Route(base, collection, methods=["GET", "POST"]),
        Route(item, guarded(kind, routes.item), methods=["GET", "PATCH", "DELETE"]),
    ]
    if kind.is_namespaced:
        found.append(Route(f"{kind.prefix}/{kind.plural}", collection, methods=["GET"]))
    if kind is DEPLOYMENT:
        found.append(Route(item + "/scale", guarded(kind, routes.scale, "scale"), methods=["GET", "PATCH"]))
    if kind is POD:
        found.append(Route(item + "/log", guarded(kind, pod_log, "log"), methods=["GET"]))
    if kind is SERVICE:
        found.append(Route(item + "/proxy/{path:path}", guarded(kind, service_proxy, "proxy"), methods=["GET"]))
    return found


def make_app(cluster: Cluster, token: str, lifespan: Lifespan[Starlette]) -> Starlette:
    """The whole API for one cluster."""
    routes = [
        *(Route(path, version, methods=["GET"]) for path in ("/version", "/version/")),
        *(Route(path, health, methods=["GET"]) for path in _OPEN),
        Route("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", access_review, methods=["POST"]),
        Route("/apis/authentication.k8s.io/v1/selfsubjectreviews", self_review, methods=["POST"]),
        *(route for kind in KINDS for route in _kind_routes(kind)),
    ]
    handlers = {ApiError: _as_status, HTTPException: _http_error, Exception: _unexpected}
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False
    app.state.cluster = cluster
    app.add_middleware(TokenDoor, token=token)
    return app
