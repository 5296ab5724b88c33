"""Authorisation in front of the handlers: each request is asked of the account's rules, as the real server does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.kubernetes.access import Attributes
from sandbox.kubernetes.http import requests
from sandbox.kubernetes.http.requests import cluster_of
from sandbox.kubernetes.kinds import NAMESPACE, Kind

Handler = Callable[[Request], Awaitable[Response]]
_VERBS = {"POST": "create", "PATCH": "patch", "DELETE": "delete"}


def guarded(kind: Kind, handler: Handler, subresource: str = "") -> Handler:
    """The handler behind the account's rules; it raises ApiError 403."""

    async def asked(request: Request) -> Response:
        account = cluster_of(request).account
        for wanted in _needed(request, kind, subresource):
            if not account.may(wanted):
                raise account.refusal(wanted)
        return await handler(request)

    return asked


def _needed(request: Request, kind: Kind, subresource: str) -> list[Attributes]:
    name = request.path_params.get("name", "")
    # A namespace lies in itself: a Role inside it may let somebody read and change it.
    namespace = name if kind is NAMESPACE else request.path_params.get("namespace", "")
    first = Attributes(_verb(request, name), kind.group, kind.plural, subresource, namespace, name)
    needed = [first]
    makes = request.method == "PATCH" and requests.media_type(request) == requests.APPLY
    if makes and cluster_of(request).store.get(kind, "" if kind is NAMESPACE else namespace, name) is None:
        needed.append(Attributes("create", kind.group, kind.plural, subresource, namespace, name))
    return needed


def _verb(request: Request, name: str) -> str:
    if request.method != "GET":
        return _VERBS[request.method]
    if name:
        return "get"
    return "watch" if requests.flag(request, "watch") else "list"


async def access_review(request: Request) -> Response:
    """POST of a SelfSubjectAccessReview: answered from the same rules."""
    body = await requests.body(request)
    spec = body.get("spec") or {} if isinstance(body, dict) else {}
    given = spec.get("resourceAttributes") or {}
    names = ("verb", "group", "resource", "subresource", "namespace", "name")
    asked = Attributes(**{name: str(given.get(name) or "") for name in names})
    review = {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "spec": spec,
        "status": {"allowed": cluster_of(request).account.may(asked)},
    }
    return JSONResponse(review, status_code=201)


async def self_review(request: Request) -> Response:
    """POST of a SelfSubjectReview: who the token belongs to."""
    account = cluster_of(request).account
    review = {
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": None},
        "status": {"userInfo": {"username": account.user, "groups": list(account.groups)}},
    }
    return JSONResponse(review, status_code=201)
