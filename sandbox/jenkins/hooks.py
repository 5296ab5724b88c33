"""The calls of the job to the platform: the claim before any work, the report after the push, a nudge after a node."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable

import httpx

from .store import Build


class ClaimRefused(Exception):
    """The platform said 409: another build has this trigger, or nobody wants it any more."""


class ClaimFailed(Exception):
    """The platform could not be asked, or gave an answer that is none; ``str()`` says which."""


class Platform:
    """``PLATFORM_URL`` of the build, called without following redirects and without proxies."""

    def __init__(self, build: Build, log: Callable[[str], None]) -> None:
        self._build = build
        self._log = log
        self._url = build.parameters.get("PLATFORM_URL", "").rstrip("/")

    def _post(self, hook: str, body: dict[str, object], seconds: float = 10.0) -> int:
        """The status of the answer, within so many seconds altogether: an answer that trickles ends in time too."""
        return asyncio.run(asyncio.wait_for(self._send(hook, body), max(0.1, min(seconds, 10.0))))

    async def _send(self, hook: str, body: dict[str, object]) -> int:
        async with (
            httpx.AsyncClient(timeout=10.0, trust_env=False) as client,
            client.stream("POST", f"{self._url}/hooks/jenkins/{hook}", json=body) as response,
        ):
            return response.status_code

    def claim(self, *, seconds: float, wait: Callable[[], None]) -> None:
        """Ask for this build's trigger, for so long; ``wait`` is called between attempts.

        Without an address nothing is claimed. Raises ClaimRefused, ClaimFailed.
        """
        if not self._url:
            self._log("No claim: this job was started without an address of the platform")
            return
        body: dict[str, object] = {
            "trigger_id": self._build.parameters.get("TRIGGER_ID", ""),
            "build_number": self._build.number,
            "queue_id": self._build.queue_id,
        }
        problem, until = "", time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                status = self._post("claim", body, left)
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
                problem = f"the platform at {self._url} cannot be reached: {str(exc) or 'no answer in time'}"
            else:
                if 200 <= status < 300:
                    return
                if status == 409:
                    raise ClaimRefused("the platform refused the claim: this trigger belongs to another build")
                problem = f"the platform answered the claim with {status}"
                if status < 500 and status != 429:
                    break
            self._log(f"Claim, for {max(0.0, until - time.monotonic()):.0f} s more: {problem}")
            wait()
        raise ClaimFailed(problem)

    def report(self, digest: str) -> None:
        """Tell the digest; best effort: the platform reads for itself as well."""
        if not self._url:
            return
        body: dict[str, object] = {
            "trigger_id": self._build.parameters.get("TRIGGER_ID", ""),
            "build_number": self._build.number,
            "digest": digest,
        }
        try:
            status = self._post("report", body)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
            self._log(f"Report was not delivered (the platform will see by itself): {exc}")
            return
        self._log(f"Report delivered: {status}" if status < 300 else f"Report was answered with {status}")


def nudge(address: str, secret: str, build: Build, log: Callable[[str], None]) -> None:
    """Tell the platform that a node is done with a build, signed; best effort, and nothing without an address."""
    if not address:
        return
    body = json.dumps({"trigger_id": build.parameters.get("TRIGGER_ID", ""), "build_number": build.number}).encode()
    stamp = str(int(time.time()))
    signature = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Prism4k-Timestamp": stamp,
        "X-Prism4k-Signature": f"sha256={signature}",
    }
    try:
        with httpx.Client(timeout=5.0, trust_env=False) as client:
            log(f"webhook: {client.post(address, content=body, headers=headers).status_code}")
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        log(f"webhook: {exc}")
