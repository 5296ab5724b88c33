"""Sign-in, oneself and one's tokens over the API."""

from __future__ import annotations

from datetime import timedelta

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import selectors, services, sessions
from accounts.actor import actor_of, token_of
from accounts.api import serializers as shapes
from accounts.attempts import check_password
from accounts.choices import Scope
from foundation.api.pagination import page_of
from foundation.api.views import ApiView

NO_PAGE = {"x-no-page": "the page has a session instead of a token"}


class SecretView(ApiView):
    """Gives out a secret: an Idempotency-Key is not honoured, because the answer would have to be kept in clear."""

    honours_idempotency_key = False


class SignIn(SecretView):
    """Name and password for a token of 12 hours."""

    more_refusals = (429,)

    authentication_classes = ()
    permission_classes = [AllowAny]

    @extend_schema(
        operation_id="sign_in",
        request=shapes.SignInInput,
        responses={201: shapes.NewTokenOutput},
        auth=[],
        extensions=NO_PAGE,
    )
    def post(self, request: Request) -> Response:
        """A token of 12 hours; too many wrong passwords are answered with 429."""
        values = self.given(shapes.SignInInput)
        user = check_password(request=request._request, username=values["username"], password=values["password"])
        # Whose password it was is known from here on: the audit says who was refused.
        request.user = user
        services.refuse_unchanged_password(user)
        project = selectors.own_project(user, values["project"]) if values["project"] else None
        token, text = services.sign_in_with_token(
            actor=user, scopes=values.get("scopes") or Scope.values, project=project
        )
        return Response({**shapes.TokenOutput(token).data, "token": text}, status=201)


class SignOut(ApiView):
    """Ends the token of the call."""

    scope = ""
    """The only act of a token that may only read: to end itself."""

    without_body = frozenset({"POST"})

    @extend_schema(
        operation_id="sign_out",
        request=None,
        responses={204: None},
        extensions=NO_PAGE,
    )
    def post(self, request: Request) -> Response:
        """Revokes the token that this call came with."""
        token = token_of(request)
        if token is not None:
            services.sign_out_with_token(actor=actor_of(request), key=token.token_key)
        return Response(status=204)


class Me(ApiView):
    """Who the caller is."""

    scope = Scope.ADMIN

    @extend_schema(operation_id="me_retrieve", responses=shapes.MeOutput)
    def get(self, request: Request) -> Response:
        """Oneself, the roles in force and the token of this call."""
        return Response(shapes.me_data(actor_of(request), token_of(request)))

    @extend_schema(operation_id="me_update", request=shapes.MeInput, responses=shapes.MeOutput)
    def patch(self, request: Request) -> Response:
        """Own language, time zone, theme and keys."""
        given = self.given(shapes.MeInput)
        services.save_settings(actor=actor_of(request), **given)
        return Response(shapes.me_data(actor_of(request), token_of(request)))


class OwnPassword(SecretView):
    scope = Scope.ADMIN
    more_refusals = (429,)

    @extend_schema(operation_id="me_password", request=shapes.PasswordChangeInput, responses={204: None})
    def put(self, request: Request) -> Response:
        """Sets a new one, for who knows the old one; every session of the person ends, tokens where it is wished."""
        given = self.given(shapes.PasswordChangeInput)
        services.change_password(actor=actor_of(request), request=request._request, **given)
        return Response(status=204)


class Sessions(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="sessions_list", responses=page_of("SessionPage", shapes.SessionOutput))
    def get(self, request: Request) -> Response:
        """Where the caller is signed in with a browser, the last used first."""
        return self.whole(shapes.SessionOutput, sessions.own_sessions(actor_of(request)))


class OneSession(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="sessions_destroy", responses={204: None})
    def delete(self, request: Request, number: int) -> Response:
        """Ends it: its pages and sockets within two seconds."""
        sessions.end_session(actor=actor_of(request), number=number)
        return Response(status=204)


class Tokens(SecretView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="tokens_list", responses=page_of("TokenPage", shapes.TokenOutput))
    def get(self, request: Request) -> Response:
        """All that still work (at most 50, so one page)."""
        return self.whole(shapes.TokenOutput, selectors.own_tokens(actor_of(request)))

    @extend_schema(operation_id="tokens_create", request=shapes.TokenInput, responses={201: shapes.NewTokenOutput})
    def post(self, request: Request) -> Response:
        """A new token; its text is in this answer and nowhere else."""
        values, user = self.given(shapes.TokenInput), actor_of(request)
        token, text = services.create_token(
            actor=user, name=values["name"], scopes=values["scopes"], lifetime=timedelta(days=values["days"]),
            project=selectors.own_project(user, values["project"]) if values["project"] else None,
            through=token_of(request),
        )  # fmt: skip
        return Response({**shapes.TokenOutput(token).data, "token": text}, status=201)


class OneToken(ApiView):
    scope = Scope.ADMIN

    @extend_schema(operation_id="tokens_destroy", responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        """Revokes it at once."""
        services.revoke_token(actor=actor_of(request), key=key)
        return Response(status=204)
