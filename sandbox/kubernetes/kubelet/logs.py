"""What containers print: made from their status, so that it is the same whenever it is read, also after a restart."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sandbox.kubernetes import clock

Obj = dict[str, Any]
Line = tuple[datetime, str]

_BEAT_SECONDS = 5
_MOST_BEATS = 500
_TRACEBACK = (
    "Traceback (most recent call last):",
    '  File "/app/__main__.py", line 41, in <module>',
    "    main()",
    '  File "/app/__main__.py", line 27, in main',
    "    settings = load_settings(os.environ)",
    '  File "/app/settings.py", line 18, in load_settings',
    '    raise RuntimeError(f"setting {name!r} is missing")',
    "RuntimeError: setting 'DATABASE_URL' is missing",
)


def container_log(pod: Obj, status: Obj, *, is_previous: bool) -> list[Line] | None:
    """Lines with their times, oldest first; None when that container never ran."""
    container = next(entry for entry in _specs(pod["spec"]) if entry["name"] == status["name"])
    ended = status["lastState"].get("terminated") or (None if is_previous else status["state"].get("terminated"))
    if is_previous:
        return _ended(container, status, ended) if ended else None
    running = status["state"].get("running")
    if running is not None:
        return _running(container, status, running["startedAt"])
    now = status["state"].get("terminated") or ended
    return _ended(container, status, now) if now else None


def _specs(spec: Obj) -> list[Obj]:
    return [*spec["containers"], *(spec.get("initContainers") or [])]


def _opening(container: Obj, status: Obj, at: datetime) -> list[Line]:
    image = status.get("imageID") or container["image"]
    names = ", ".join(entry["name"] for entry in container.get("env") or []) or "none"
    ports = ", ".join(str(entry["containerPort"]) for entry in container.get("ports") or [])
    lines = [
        (at, f"INFO {container['name']} starting, image {image}"),
        (at + timedelta(milliseconds=40), f"INFO environment: {names}"),
    ]
    if ports:
        lines.append((at + timedelta(milliseconds=90), f"INFO listening on port {ports}"))
    return lines


def _running(container: Obj, status: Obj, started_at: str) -> list[Line]:
    start = clock.parse(started_at)
    lines = _opening(container, status, start)
    beats = int((clock.moment() - start).total_seconds() // _BEAT_SECONDS)
    for beat in range(max(1, beats - _MOST_BEATS + 1), beats + 1):
        at = start + timedelta(seconds=beat * _BEAT_SECONDS)
        if status["ready"]:
            lines.append((at, f"INFO alive for {beat * _BEAT_SECONDS} s, {beat * 7} requests answered"))
        else:
            lines.append((at, f"WARNING not ready after {beat * _BEAT_SECONDS} s: the health check answers 503"))
    return lines


def _ended(container: Obj, status: Obj, ended: Obj) -> list[Line]:
    start, finish = clock.parse(ended["startedAt"]), clock.parse(ended["finishedAt"])
    lines = _opening(container, status, start)
    finish = max(finish, lines[-1][0])
    if ended["reason"] == "OOMKilled":
        return [*lines, (finish, "INFO filling the cache: 4096 of 100000 entries")]
    if ended["exitCode"]:
        return [*lines, *((finish, text) for text in _TRACEBACK)]
    return [*lines, (finish, f"INFO {container['name']} finished")]


def with_time(line: Line) -> str:
    """The line as ``timestamps=true`` shows it."""
    return f"{line[0].strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {line[1]}"
