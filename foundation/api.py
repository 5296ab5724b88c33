"""What every API view stands on: scopes of tokens, idempotent retries, keyset lists."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.db.models import Model, QuerySet
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from foundation import idempotency, paging
from foundation.problems import Denied
from foundation.sentences import say as _

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class ApiView(APIView):
    """One address of the API. ``scope`` is what a token needs for its unsafe methods; sessions have no scopes."""

    scope: str = "admin"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, check the token's scope, then arrange that a repeated request gets the first answer."""
        super().initial(request, *args, **kwargs)
        self._check_scope(request)
        key = request.headers.get("Idempotency-Key", "")
        if request.method not in UNSAFE:
            return
        if request.user is None:
            # Nobody has signed in yet: there is no one to keep an answer for (and a token's must not be kept).
            self.look(request, **kwargs)
            return
        is_repeated = bool(key) and idempotency.has_answer(
            token_key=_token_key(request), method_route=_route(request), key=key
        )
        if not is_repeated:
            # The state has moved on since the first time: looking again would refuse what was granted.
            self.look(request, **kwargs)
        if key:
            self._answer_once(request, key)

    def look(self, request: Request, **kwargs: Any) -> None:
        """Reads outside that an unsafe method needs (Git, Jenkins): here, before any transaction is open."""

    def _check_scope(self, request: Request) -> None:
        scopes = getattr(request.auth, "scopes", None)
        if scopes is None:
            return
        # Every scope includes reading what it acts on.
        needed = self.scope if request.method in UNSAFE else ""
        if not scopes or (needed and needed not in scopes):
            raise Denied(_("This token may not do that: it lacks the scope “%(scope)s”.") % {"scope": needed or "read"})

    def _answer_once(self, request: Request, key: str) -> None:
        # The raw body must be read before the parser consumes the stream.
        body = request._request.body
        method = str(request.method).lower()
        handler: Callable[..., Response] = getattr(self, method)

        def once(request: Request, *args: Any, **kwargs: Any) -> Response:
            def act() -> tuple[int, Any]:
                response = handler(request, *args, **kwargs)
                # As the client gets it: dates and numbers as JSON text, so that it can be kept and said again.
                return response.status_code, json.loads(JSONRenderer().render(response.data) or "null")

            answer = idempotency.answer_once(
                token_key=_token_key(request),
                method_route=_route(request),
                key=key,
                body=body,
                act=act,
            )
            headers = {"Idempotency-Replayed": "true"} if answer.is_replay else None
            return Response(answer.response, status=answer.status, headers=headers)

        setattr(self, method, once)


def _token_key(request: Request) -> str:
    return getattr(request.auth, "token_key", None) or f"session:{request.user.pk}"


def _route(request: Request) -> str:
    return f"{request.method} {request.path}"


def list_response(request: Request, rows: QuerySet[Any], serialize: Callable[[Model], Any]) -> Response:
    """A keyset page: ``?before=`` (older), ``?after=`` (newer), ``?size=``; gives ``items``, ``next``, ``previous``."""
    size = request.query_params.get("size", "")
    page = paging.take_page(
        rows,
        before=paging.read_cursor(request.query_params.get("before"), "before"),
        after=paging.read_cursor(request.query_params.get("after"), "after"),
        size=int(size) if size.isascii() and size.isdigit() else paging.DEFAULT_SIZE,
    )
    items = [serialize(row) for row in page.items]
    return Response({"items": items, "next": page.next_cursor, "previous": page.previous_cursor})
