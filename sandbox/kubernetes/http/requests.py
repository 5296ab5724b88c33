"""What a request says and where it is answered: query parameters, bodies, and the cluster in ``app.state.cluster``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

import yaml
from starlette.requests import Request

from sandbox.kubernetes.access import Account
from sandbox.kubernetes.errors import ApiError, Cause, bad_request, invalid_named
from sandbox.kubernetes.images import Puller
from sandbox.kubernetes.storage import Store


@dataclass(frozen=True)
class Cluster:
    """The store, the account behind the token, and where the node has its images from."""

    store: Store
    account: Account
    puller: Puller


def cluster_of(request: Request) -> Cluster:
    """The cluster that a request talks to."""
    return cast(Cluster, request.app.state.cluster)


_TRUE = ("true", "True", "1", "t", "T", "TRUE")
_BODY_LIMIT = 3 * 1024 * 1024

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


def flag(request: Request, name: str) -> bool:
    """A boolean as clients spell it: ``true``, ``True`` or ``1``."""
    return request.query_params.get(name, "") in _TRUE


def number(request: Request, name: str) -> int | None:
    """A whole number, None when it was not given; raises ApiError 400."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return None
    try:
        return int(text)
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax ({name})') from error


def dry_run(request: Request, options: str) -> bool:
    """True for ``dryRun=All``; raises the 422 for any other value. ``options`` is PatchOptions or the like."""
    text = request.query_params.get("dryRun", "")
    if text not in ("", "All"):
        cause = Cause("FieldValueNotSupported", f'Unsupported value: "{text}": supported values: "All"', "dryRun")
        raise invalid_named(f"{options}.meta.k8s.io", "meta.k8s.io", options, "", [cause])
    return text == "All"


def manager(request: Request) -> str:
    """The field manager: the parameter, else the first word of the user agent."""
    named = request.query_params.get("fieldManager")
    return named or request.headers.get("user-agent", "unknown").split("/")[0]


def media_type(request: Request) -> str:
    """The content type without its parameters."""
    return request.headers.get("content-type", "application/json").split(";")[0].strip()


async def body(request: Request, *, is_yaml: bool = False) -> Any:
    """The parsed body, None when empty; raises ApiError 400 or 413."""
    raw = await request.body()
    if len(raw) > _BODY_LIMIT:
        raise ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_BODY_LIMIT}")
    if not raw.strip():
        return None
    try:
        return yaml.safe_load(raw) if is_yaml and not raw.lstrip().startswith(b"{") else json.loads(raw)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"error decoding {'YAML' if is_yaml else 'JSON'}: {error}") from error
