"""The HTTP side: the two requests of git's smart protocol that reading needs, and nothing else."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

_CHUNK = 65_536
_MOST_HEADER_BYTES = 16_384
_CONFIG = {
    "http.receivepack": "false",
    "safe.directory": "*",
    "uploadpack.allowAnySHA1InWant": "true",
    "uploadpack.allowFilter": "true",
}


class NoBackend(RuntimeError):
    """git, or its http-backend, is not installed."""


class BadAnswer(RuntimeError):
    """The backend ended without a CGI header."""


def find_backend() -> Path:
    """Where ``git http-backend`` lies; raises NoBackend with the command that mends it."""
    try:
        done = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        raise NoBackend("git is not installed: apt-get install git") from exc
    path = Path(done.stdout.strip()) / "git-http-backend"
    if not path.is_file():
        raise NoBackend(f"git http-backend is not at {path}: install the full git package")
    return path


def environment(root: Path, *, method: str, path: str, query: str, headers: Mapping[str, str]) -> dict[str, str]:
    """CGI variables of one request; configuration comes from here, not from the machine's own."""
    values = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_COUNT": str(len(_CONFIG)),
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": headers.get("content-type", ""),
        "HTTP_CONTENT_ENCODING": headers.get("content-encoding", ""),
        "GIT_PROTOCOL": headers.get("git-protocol", ""),
    }
    if "content-length" in headers:
        values["CONTENT_LENGTH"] = headers["content-length"]
    for index, (name, value) in enumerate(_CONFIG.items()):
        values[f"GIT_CONFIG_KEY_{index}"] = name
        values[f"GIT_CONFIG_VALUE_{index}"] = value
    return values


@dataclass
class Answer:
    """Status, headers, and the body as it comes. The body must be read to its end or closed."""

    status: int
    headers: dict[str, str]
    body: AsyncIterator[bytes]


async def call(program: Path, env: Mapping[str, str], body: AsyncIterator[bytes]) -> Answer:
    """Run the backend for one request; raises BadAnswer."""
    process = await asyncio.create_subprocess_exec(
        program, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=dict(env)
    )
    feeder = asyncio.create_task(_feed(process, body))
    try:
        assert process.stdout is not None
        status, headers = await _read_head(process.stdout)
    except BaseException:
        await _end(process, feeder)
        raise
    return Answer(status, headers, _stream(process, feeder))


async def _feed(process: asyncio.subprocess.Process, body: AsyncIterator[bytes]) -> None:
    assert process.stdin is not None
    try:
        async for chunk in body:
            process.stdin.write(chunk)
            await process.stdin.drain()
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        return  # it has heard enough


async def _read_head(stream: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    headers: dict[str, str] = {}
    status, read = 200, 0
    while line := await stream.readline():
        read += len(line)
        text = line.decode("latin-1").rstrip("\r\n")
        if not text:
            return status, headers
        name, colon, value = text.partition(":")
        if not colon or read > _MOST_HEADER_BYTES:
            break
        if name.lower() == "status":
            status = int(value.split()[0])
        else:
            headers[name] = value.strip()
    raise BadAnswer("git http-backend gave no answer; its own message is on standard error")


async def _stream(process: asyncio.subprocess.Process, feeder: asyncio.Task[None]) -> AsyncIterator[bytes]:
    assert process.stdout is not None
    try:
        while chunk := await process.stdout.read(_CHUNK):
            yield chunk
    finally:
        await _end(process, feeder)


async def _end(process: asyncio.subprocess.Process, feeder: asyncio.Task[None]) -> None:
    """Leave neither process nor task behind, also when the reader went away in the middle."""
    feeder.cancel()
    if process.returncode is None:
        try:
            process.kill()
        except ProcessLookupError:
            return
    await process.wait()


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
