"""Version, health, and the questions about oneself."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from sandbox.kubernetes.http import parameters
from sandbox.kubernetes.http.cluster import cluster_of

Obj = dict[str, Any]

_VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.3+stand-in",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-11-20T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/amd64",
}


async def version(_request: Request) -> Response:
    """GET ``/version``."""
    return JSONResponse(_VERSION)


async def health(_request: Request) -> Response:
    """GET ``/readyz`` and ``/livez``."""
    return PlainTextResponse("ok")


async def access_review(request: Request) -> Response:
    """POST of a SelfSubjectAccessReview: the one token may do everything."""
    asked = await parameters.body(request)
    spec = asked.get("spec") or {} if isinstance(asked, dict) else {}
    review: Obj = {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "spec": spec,
        "status": {"allowed": True, "reason": "the stand-in's token may do everything"},
    }
    return JSONResponse(review, status_code=201)


async def self_review(request: Request) -> Response:
    """POST of a SelfSubjectReview: who the token belongs to."""
    user = cluster_of(request).user
    review: Obj = {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "status": {"userInfo": {"username": user, "groups": ["system:masters", "system:authenticated"]}},
    }
    return JSONResponse(review, status_code=201)
