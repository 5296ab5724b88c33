"""Notifications of pushed manifests in the forms of Harbor and the distribution registry; off without an address."""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

Tell = Callable[[str, str, str, str], None]
"""Called with repository, reference, digest and media type."""
FORMS = ("harbor", "distribution")
_PAUSE_SECONDS = 1.0


class Notices:
    """Sends one after the other from a thread of its own."""

    def __init__(self, address: str, secret: str, form: str) -> None:
        self._address, self._form = address, form
        self._token = secret if form == "harbor" else f"Bearer {secret}"
        self._waiting: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._send_all, name="notices", daemon=True).start()

    def tell(self, repository: str, reference: str, digest: str, media_type: str) -> None:
        """Queue one; a manifest that is put by its digest has no tag and is not told of."""
        if reference.startswith("sha256:"):
            return
        make = _harbor if self._form == "harbor" else _distribution
        self._waiting.put(json.dumps(make(repository, reference, digest, media_type)).encode())

    def _send_all(self) -> None:
        headers = {"Authorization": self._token, "Content-Type": "application/json"}
        with httpx.Client(timeout=5.0, trust_env=False) as client:
            while True:
                body = self._waiting.get()
                # Harbor tries once here. The distribution registry repeats until it succeeds, and holds the next back.
                while not _is_taken(client, self._address, body, headers) and self._form == "distribution":
                    time.sleep(_PAUSE_SECONDS)


def _is_taken(client: httpx.Client, address: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        return client.post(address, content=body, headers=headers).status_code < 400
    except httpx.HTTPError:
        return False


def _harbor(repository: str, tag: str, digest: str, _media_type: str) -> dict[str, Any]:
    namespace, _slash, name = repository.partition("/")
    return {
        "type": "PUSH_ARTIFACT",
        "occur_at": int(time.time()),
        "operator": "stand-in",
        "event_data": {
            "resources": [{"digest": digest, "tag": tag, "resource_url": f"{repository}:{tag}"}],
            "repository": {
                "date_created": int(time.time()),
                "name": name,
                "namespace": namespace,
                "repo_full_name": repository,
                "repo_type": "private",
            },
        },
    }


def _distribution(repository: str, tag: str, digest: str, media_type: str) -> dict[str, Any]:
    target = {"mediaType": media_type, "digest": digest, "repository": repository, "tag": tag}
    event = {
        "id": str(uuid.uuid4()),
        "timestamp": datetime.now(UTC).isoformat(),
        "action": "push",
        "target": target,
        "actor": {},
        "source": {},
    }
    return {"events": [event]}
