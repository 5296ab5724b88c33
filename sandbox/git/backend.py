"""``git http-backend`` as a CGI program: environment in, header lines and body out."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

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
    """CGI variables of one request; configuration comes from here, whatever the machine's own says."""
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
