"""Answers of refusal, as the real API server writes them (texts measured on 1.36)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.kubernetes.kinds import Kind

Obj = dict[str, Any]


@dataclass(frozen=True)
class Cause:
    """One reason among several: ``field`` is a path, ``reason`` a Kubernetes cause type (FieldValueInvalid …)."""

    reason: str
    message: str
    field: str

    def as_json(self) -> Obj:
        """The shape inside ``details.causes``."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


class ApiError(Exception):
    """Any answer that is not a success; ``status()`` is its JSON body."""

    def __init__(self, code: int, reason: str, message: str, details: Obj | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> Obj:
        """The ``Status`` object; a 500 of server-side apply carries no reason, as the real server's."""
        body: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        return {**body, "code": self.code}


def _details(kind: Kind, name: str) -> Obj:
    group = {"group": kind.group} if kind.group else {}
    return {"name": name, **group, "kind": kind.plural}


def not_found(kind: Kind, name: str) -> ApiError:
    """404 ``deployments.apps "web" not found``."""
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', _details(kind, name))


def already_exists(kind: Kind, name: str) -> ApiError:
    """409 with reason AlreadyExists."""
    return ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', _details(kind, name))


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    """409 without causes: stale resourceVersion or a failed precondition."""
    text = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, "Conflict", text, _details(kind, name))


def stale(kind: Kind, name: str) -> ApiError:
    """409 for a resourceVersion that is no longer the live one."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(kind, name, why)


def forbidden(kind: Kind, name: str, why: str, causes: Sequence[Cause] = ()) -> ApiError:
    """403 ``pods "x" is forbidden: …`` of admission."""
    details = _details(kind, name)
    if causes:
        details["causes"] = [cause.as_json() for cause in causes]
    return ApiError(403, "Forbidden", f'{kind.resource} "{name}" is forbidden: {why}', details)


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> ApiError:
    """422 with one cause per field."""
    return invalid_named(f"{kind.kind}.{kind.group}" if kind.group else kind.kind, kind.group, kind.kind, name, causes)


def invalid_named(label: str, group: str, kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """422 for things that are no resource, such as ``PatchOptions.meta.k8s.io``."""
    lines = [f"{cause.field}: {cause.message}" for cause in causes]
    text = lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"
    details: Obj = {"name": name} if name else {}
    if group:
        details["group"] = group
    details |= {"kind": kind, "causes": [cause.as_json() for cause in causes]}
    return ApiError(422, "Invalid", f'{label} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> ApiError:
    """400 with the message alone."""
    return ApiError(400, "BadRequest", message)


def apply_refused(message: str) -> ApiError:
    """500 without a reason: how server-side apply answers a wrong field, type or quantity."""
    return ApiError(500, "", message)


def expired(message: str) -> ApiError:
    """410 for a resourceVersion that the watch history no longer reaches."""
    return ApiError(410, "Expired", message)
