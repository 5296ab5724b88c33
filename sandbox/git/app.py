"""The HTTP side: the two requests of git's smart protocol that reading needs, and nothing else."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from .backend import BadAnswer, call, environment

logger = logging.getLogger("sandbox.git")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*\.git")


class Endpoints:
    """``GET /<name>.git/info/refs?service=git-upload-pack`` and ``POST /<name>.git/git-upload-pack``."""

    def __init__(self, root: Path, program: Path) -> None:
        self._root = root.resolve()
        self._program = program

    def _repository(self, name: str) -> Path | None:
        if not _NAME.fullmatch(name):
            return None
        path = (self._root / name).resolve()
        return path if path.is_relative_to(self._root) and (path / "HEAD").is_file() else None

    async def refs(self, request: Request) -> Response:
        """What the repository has. The old protocol and pushing are refused."""
        if request.query_params.get("service") != "git-upload-pack":
            return PlainTextResponse("This stand-in serves reading by git's smart protocol only\n", 403)
        return await self._pass_on(request, "info/refs")

    async def upload_pack(self, request: Request) -> Response:
        """What somebody fetches."""
        return await self._pass_on(request, "git-upload-pack")

    async def refuse_push(self, _: Request) -> Response:
        """Read-only."""
        return PlainTextResponse("This stand-in is read-only\n", 403)

    async def _pass_on(self, request: Request, action: str) -> Response:
        name = request.path_params["name"]
        if self._repository(name) is None:
            return PlainTextResponse("Repository not found\n", 404)
        env = environment(
            self._root,
            method=request.method,
            path=f"/{name}/{action}",
            query=request.url.query,
            headers=request.headers,
        )
        try:
            answer = await call(self._program, env, request.stream())
        except BadAnswer as exc:
            logger.error("%s: %s", name, exc)
            return PlainTextResponse(f"{exc}\n", 502)
        return StreamingResponse(answer.body, answer.status, answer.headers)


def create_app(root: Path, program: Path) -> Starlette:
    """The application for the bare repositories below ``root``; ``program`` is git-http-backend."""
    endpoints = Endpoints(root, program)
    return Starlette(
        routes=[
            Route("/{name:path}/info/refs", endpoints.refs),
            Route("/{name:path}/git-upload-pack", endpoints.upload_pack, methods=["POST"]),
            Route("/{name:path}/git-receive-pack", endpoints.refuse_push, methods=["POST"]),
        ]
    )
