"""The API server's answers other than success, in the words of :mod:`deployer.errors`.

Texts and codes as measured on a real 1.36 API server; server-side apply answers many errors of the *user* with 500 and
no reason, so those are told by the beginning of their message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deployer.errors import (
    Conflict,
    DeployerError,
    FieldConflict,
    Forbidden,
    NotFound,
    OutcomeUnknown,
    Problem,
    QuotaExceeded,
    Rejected,
    Unavailable,
)
from deployer.messages import Message
from deployer.messages import message as _

_USER_ERROR_500 = re.compile(
    # “… (/web; apps/v1, Kind=Deployment): .spec.x: …” and “… (ns/web; …) to proper version (apps/v1): …”
    r"failed to (?:create typed patch object|convert new object)(?: \([^)]*\)(?: to [^(:]*\([^)]*\))?: )?(?P<rest>.*)",
    re.S,
)
_PATH = re.compile(r"(?P<path>\.[^\s:]+): (?P<message>.+)")
_RIGHT = re.compile(
    r'User "[^"]*" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"(?: in API group "(?P<group>[^"]*)")?'
)
_MANAGER = re.compile(r'conflict with "(?P<manager>[^"]*)"(?: with subresource "(?P<subresource>[^"]*)")?')
_QUOTA = re.compile(r"exceeded quota: (?P<quota>[^,\s]+)(?:, requested: (?P<requested>\S+?),? used: |)")
_UNCOUNTED = re.compile(r"status unknown for quota: (?P<quota>[^,\s]+), resources: (?P<requested>\S+)")
_UNSET = re.compile(r"failed quota: ")
_LIMIT_RANGE = re.compile(r"(minimum|maximum) \S+ usage per|limit to request ratio")
_LONGEST_MESSAGE = 1000
_WEBHOOK = "failed calling webhook"


@dataclass(frozen=True)
class Answer:
    """A complete response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def data(self) -> dict[str, Any]:
        """The body as a JSON object; {} when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True)
class _Refusal:
    """The parts of a Status object."""

    code: int
    reason: str
    message: str
    causes: tuple[dict[str, Any], ...]
    retry_after: float | None
    is_status: bool


def error_from(answer: Answer, *, is_write: bool) -> DeployerError:
    """The error that stands for an answer of 300 and above. ``is_write``: repeating it may do something twice."""
    refusal = _read(answer)
    by_code = {
        401: _unauthorised,
        403: _forbidden,
        404: _not_found,
        409: _conflict,
        422: _invalid,
        500: _internal,
    }
    if make := by_code.get(refusal.code):
        return make(refusal, is_write)
    if refusal.code == 429 or refusal.code == 503:
        return Unavailable(
            _("The cluster is busy: %(words)s", words=refusal.message), retry_after_seconds=refusal.retry_after
        )
    if refusal.code > 500:
        return _gateway(refusal, is_write)
    if refusal.code < 400:
        return Unavailable(_("The address of the cluster redirects: enter the API server's own address."))
    return Rejected(_("The cluster does not accept this: %(words)s", words=refusal.message), reason="invalid")


def _read(answer: Answer) -> _Refusal:
    data = answer.data()
    is_status = data.get("kind") == "Status"
    details = data.get("details") if isinstance(data.get("details"), dict) else {}
    assert isinstance(details, dict)
    message = str(data.get("message") or "") if is_status else answer.body[:200].decode("utf-8", "replace")
    causes = details.get("causes")
    after = str(answer.headers.get("Retry-After") or details.get("retryAfterSeconds") or "")
    return _Refusal(
        code=answer.status,
        reason=str(data.get("reason") or "") if is_status else "",
        message=message.strip()[:_LONGEST_MESSAGE] or f"HTTP status {answer.status}",
        causes=tuple(cause for cause in causes if isinstance(cause, dict)) if isinstance(causes, list) else (),
        retry_after=float(after) if after.isascii() and after.isdigit() else None,
        is_status=is_status,
    )


def _unauthorised(_refusal: _Refusal, _is_write: bool) -> DeployerError:
    return Forbidden(
        _("The cluster does not accept the platform's credentials: token or certificate is wrong or has expired.")
    )


def _forbidden(refusal: _Refusal, _is_write: bool) -> DeployerError:
    words = refusal.message
    if any(cause.get("reason") == "NamespaceTerminating" for cause in refusal.causes):
        return Rejected(_("The namespace is being deleted: %(words)s", words=words), reason="terminating")
    if found := _RIGHT.search(words):
        return Forbidden(_lacking(found))
    if found := _QUOTA.search(words) or _UNCOUNTED.search(words):
        resources = frozenset(amount.partition("=")[0] for amount in (found["requested"] or "").split(",") if amount)
        message = _("The namespace's quota does not allow this: %(words)s", words=words)
        return QuotaExceeded(message, quota=found["quota"], resources=resources)
    if _UNSET.search(words):
        # However much is free, a container says nothing about what the quota counts.
        return Rejected(_("The namespace's quota does not allow this: %(words)s", words=words), reason="quota_unset")
    if _LIMIT_RANGE.search(words):
        return Rejected(_("The namespace's limits do not allow this: %(words)s", words=words), reason="limit_range")
    if "violates PodSecurity" in words:
        message = _("The namespace's security level does not allow this: %(words)s", words=words)
        return Rejected(message, reason="pod_security")
    if refusal.is_status and "is forbidden: " in words:
        return Rejected(_("A rule of the cluster does not allow this: %(words)s", words=words), reason="admission")
    return Forbidden(_("The cluster refused the request: %(words)s", words=words))


def _lacking(found: re.Match[str]) -> Message:
    verb, resource = found["verb"], found["resource"]
    if not found["group"]:
        return _(
            "The platform's account in the cluster lacks the right to %(verb)s %(resource)s.",
            verb=verb,
            resource=resource,
        )
    return _(
        "The platform's account in the cluster lacks the right to %(verb)s %(resource)s of %(group)s.",
        verb=verb,
        resource=resource,
        group=found["group"],
    )


def _not_found(refusal: _Refusal, _is_write: bool) -> DeployerError:
    if refusal.is_status and refusal.reason == "NotFound":
        return NotFound(_("The cluster has no such object: %(words)s", words=refusal.message))
    # A load balancer or wrong address says 404 too; that proves no absence.
    return Unavailable(_("The address of the cluster answers, but not as a Kubernetes API server."))


def _conflict(refusal: _Refusal, _is_write: bool) -> DeployerError:
    conflicts: list[FieldConflict] = []
    for cause in refusal.causes:
        if cause.get("reason") != "FieldManagerConflict":
            continue
        found = _MANAGER.search(str(cause.get("message") or ""))
        manager = found["manager"] if found else ""
        if found and found["subresource"]:
            manager = f"{manager} ({found['subresource']})"
        conflicts.append(FieldConflict(manager, str(cause.get("field") or "")))
    if conflicts:
        named = sorted({conflict.manager for conflict in conflicts if conflict.manager})
        return Conflict(
            _("Fields of the object were set by %(managers)s.", managers=named or [_("somebody else")]),
            causes=tuple(conflicts),
        )
    return Conflict(_("The object has changed since it was read: %(words)s", words=refusal.message))


def _invalid(refusal: _Refusal, _is_write: bool) -> DeployerError:
    problems = tuple(Problem(str(c.get("field") or ""), _explained(c)) for c in refusal.causes)
    return Rejected(
        _("The cluster refused the object: %(words)s", words=refusal.message), problems=problems, reason="invalid"
    )


def _explained(cause: Mapping[str, Any]) -> Message | str:
    """The server's words; with the way out where they name a field that nobody wrote."""
    words = str(cause.get("message") or "")
    if cause.get("field") == "spec.strategy.rollingUpdate" and "Recreate" in words:
        return _(
            "The live Deployment still has rollingUpdate, with defaults that belong to nobody, so Recreate is refused"
            " (%(words)s). Deploy once with the strategy RollingUpdate, then with Recreate.",
            words=words,
        )
    return words


def _internal(refusal: _Refusal, is_write: bool) -> DeployerError:
    if found := _USER_ERROR_500.match(refusal.message):
        problems = tuple(Problem(p["path"], p["message"].strip()) for p in _PATH.finditer(found["rest"]))
        rest = found["rest"].strip()
        return Rejected(
            _("The cluster cannot read the object: %(words)s", words=rest),
            problems=problems or (Problem("", rest),),
            reason="invalid",
        )
    if is_write and _WEBHOOK not in refusal.message:
        return OutcomeUnknown(
            _("The cluster failed while it was saving: %(words)s", words=refusal.message),
            retry_after_seconds=refusal.retry_after,
        )
    return Unavailable(
        _("The cluster failed: %(words)s", words=refusal.message), retry_after_seconds=refusal.retry_after
    )


def _gateway(refusal: _Refusal, is_write: bool) -> DeployerError:
    """502, 504 and the like: something between us and the server, or the server itself, gave up waiting."""
    if is_write:
        return OutcomeUnknown(
            _("No answer came back from the cluster (status %(status)s).", status=refusal.code),
            retry_after_seconds=refusal.retry_after,
        )
    return Unavailable(
        _("The cluster does not answer (status %(status)s): %(words)s", status=refusal.code, words=refusal.message),
        retry_after_seconds=refusal.retry_after,
    )
