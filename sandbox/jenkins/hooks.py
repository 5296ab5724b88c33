"""The two calls of the job to the platform: the claim before any work, the report after the push."""

from __future__ import annotations

from collections.abc import Callable

import httpx

from .records import Build

_TIMEOUT = httpx.Timeout(10.0, connect=3.0)


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

    def _post(self, hook: str, body: dict[str, object]) -> int:
        with httpx.Client(timeout=_TIMEOUT, trust_env=False) as client:
            return client.post(f"{self._url}/hooks/jenkins/{hook}", json=body).status_code

    def claim(self, *, attempts: int, wait: Callable[[], None]) -> None:
        """Ask for this build's trigger; ``wait`` is called between attempts. Raises ClaimRefused, ClaimFailed."""
        body: dict[str, object] = {
            "trigger_id": self._build.parameters.get("TRIGGER_ID", ""),
            "build_number": self._build.number,
            "queue_id": self._build.queue_id,
        }
        problem = ""
        for attempt in range(1, attempts + 1):
            try:
                status = self._post("claim", body)
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                problem = f"the platform at {self._url or '(PLATFORM_URL is empty)'} cannot be reached: {exc}"
            else:
                if status < 300:
                    return
                if status == 409:
                    raise ClaimRefused("the platform refused the claim: this trigger belongs to another build")
                problem = f"the platform answered the claim with {status}"
                if status < 500 and status != 429:
                    break
            self._log(f"Claim, attempt {attempt} of {attempts}: {problem}")
            if attempt < attempts:
                wait()
        raise ClaimFailed(problem)

    def report(self, digest: str) -> None:
        """Tell the digest; best effort: the platform looks for itself as well."""
        body: dict[str, object] = {
            "trigger_id": self._build.parameters.get("TRIGGER_ID", ""),
            "build_number": self._build.number,
            "digest": digest,
        }
        try:
            status = self._post("report", body)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            self._log(f"Report was not delivered (the platform will see by itself): {exc}")
            return
        self._log(f"Report delivered: {status}" if status < 300 else f"Report was answered with {status}")
