"""What a pod answers over HTTP: 200, or what its scenario says; 503 while it is not ready.

``entry 500`` answers every request with that status; ``refused``: nothing listens; ``hangs``: no answer ever; ``cut``:
the connection ends at once; ``home``: a redirect to ``/home`` on itself; ``elsewhere``: one to another host.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.kubernetes.images import ANNOTATION, BadReference, Puller, PullError, parse_image, parse_scenario

Obj = dict[str, Any]

_HOME = "/home"
_ELSEWHERE = "https://elsewhere.example.com/sign-in"


@dataclass(frozen=True)
class PodAnswer:
    """One HTTP answer; ``silence`` instead of it: ``hangs``, ``cut`` or ``refused``."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    silence: str = ""


async def entry_of(pod: Obj, puller: Puller) -> str:
    """The scenario of the pod's entry: of its annotation, else of its first container's image; empty for none."""
    asked = parse_scenario((pod["metadata"].get("annotations") or {}).get(ANNOTATION, ""))
    if asked is None:
        try:
            asked = (await puller.pull(parse_image(pod["spec"]["containers"][0]["image"]))).scenario
        except (BadReference, PullError):
            return ""
    return asked.entry if asked is not None else ""


def answer_of(pod: Obj, path: str, entry: str) -> PodAnswer:
    """What the pod answers to GET ``path``."""
    if entry in ("hangs", "cut", "refused"):
        return PodAnswer(silence=entry)
    if entry == "elsewhere" or (entry == "home" and path.partition("?")[0] != _HOME):
        return PodAnswer(302, {"Location": _HOME if entry == "home" else _ELSEWHERE})
    containers = pod["status"]["containerStatuses"]
    is_ready = all(one["ready"] for one in containers)
    facts = {"pod": pod["metadata"]["name"], "image": containers[0]["image"], "path": path, "ready": is_ready}
    status = int(entry) if entry.isdigit() else 200 if is_ready else 503
    return PodAnswer(status, {"Content-Type": "application/json"}, json.dumps(facts).encode())


def listens(pod: Obj, port: int) -> bool:
    """Only a running container listens, on the ports that it names."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    running = {entry["name"] for entry in statuses if "running" in entry["state"]}
    return any(
        declared["containerPort"] == port
        for container in pod["spec"]["containers"]
        if container["name"] in running
        for declared in container.get("ports") or []
    )
