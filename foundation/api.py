"""What every API view stands on: scopes of tokens, idempotent retries, keyset lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from foundation import idempotency
from foundation.problems import Denied

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class ApiView(APIView):
    """One address of the API. ``scope`` is what a token needs for its unsafe methods; sessions have no scopes."""

    scope: str = "admin"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, check the token's scope, then answer a repeated request from what was kept."""
        super().initial(request, *args, **kwargs)
        self._check_scope(request)
        key = request.headers.get("Idempotency-Key", "")
        if key and request.method in UNSAFE:
            self._answer_once(request, key)

    def _check_scope(self, request: Request) -> None:
        scopes = getattr(request.auth, "scopes", None)
        if scopes is None:
            return
        needed = self.scope if request.method in UNSAFE else "read"
        # Every scope includes reading what it acts on.
        if needed not in scopes and not (needed == "read" and scopes):
            raise Denied(_("This token may not do that: it lacks the scope “%(scope)s”.") % {"scope": needed})

    def _answer_once(self, request: Request, key: str) -> None:
        token = getattr(request.auth, "token_key", None) or f"session:{request.user.pk}"
        route = f"{request.method} {request.path}"
        method = str(request.method).lower()
        handler: Callable[..., Response] = getattr(self, method)

        def once(request: Request, *args: Any, **kwargs: Any) -> Response:
            with idempotency.guard(token=token, route=route, key=key, body=request.body) as attempt:
                if attempt.stored is None:
                    response = handler(request, *args, **kwargs)
                    attempt.keep(response.status_code, response.data)
                    return response
                return Response(
                    attempt.stored.body, status=attempt.stored.status, headers={"Idempotency-Replayed": "true"}
                )

        # Read the raw body before the parser consumes the stream.
        _body = request._request.body
        setattr(self, method, once)
