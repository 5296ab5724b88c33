"""Sign-in and out, own settings and tokens, and the demo's switch of person."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.utils.encoding import iri_to_uri
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import selectors, services, sessions
from accounts.actor import actor_of
from accounts.attempts import check_password
from accounts.forms import PasswordForm, SettingsForm, SignInForm, TokenForm
from accounts.models import Token, User
from foundation.api.routes import api_route, no_api_route
from foundation.messages import message as _
from foundation.pages import act_view, is_saved, put_errors, redirect_with, status_of, told, try_save
from foundation.problems import Invalid, Refused

BACKEND = "accounts.backends.PasswordBackend"


LONGEST_NEXT = 2000
"""As it is sent: Django refuses to redirect to an address beyond 2,048 characters."""


def _next(request: HttpRequest) -> str:
    """Where to go after signing in: an address of ours, or home."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    # A bare word is no address: Django takes it for the name of a view.
    is_whole = wanted.startswith(("/", "http://", "https://")) and len(iri_to_uri(wanted)) <= LONGEST_NEXT
    if is_whole and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return resolve_url(settings.LOGIN_REDIRECT_URL)


@no_api_route("opens a browser's session; the API has tokens (POST /api/v1/sign-in/)")
@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; in demo data it lists whom to be."""
    if request.method != "POST" and request.user.is_authenticated:
        return redirect(_next(request))
    form, refused = SignInForm(request.POST or None), None
    if form.is_valid():
        try:
            user = check_password(request=request, **form.cleaned_data)
        except Invalid as error:
            put_errors(form, error)
        except Refused as error:
            form.add_error(None, f"{error.message} {error.who_can_help}")
            refused = error
        else:
            return _enter(request, user, "password")
    context = {"form": form, "next": request.GET.get("next", ""), "demo_people": selectors.demo_people()}
    return told(render(request, "accounts/sign_in.html", context), refused)


def _enter(request: HttpRequest, user: User, how: str) -> HttpResponse:
    login(request, user, backend=BACKEND)
    services.record_sign_in(user=user, how=how)
    _keep_language(request, user)
    return redirect(_next(request))


def _keep_language(request: HttpRequest, user: User) -> None:
    """What somebody chose on the sign-in page holds for them from now on, unless they chose before."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if chosen in dict(settings.LANGUAGES) and not user.language:
        services.save_settings(actor=user, language=chosen)


@no_api_route("ends a browser's session; the API ends its token (POST /api/v1/sign-out/)")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@no_api_route("demo data only: be somebody else")
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Demo data only: be somebody else by one click. Missing (404) elsewhere."""
    return _enter(request, services.demo_person(username=request.POST.get("username", "")), "demo")


@api_route("me_update", only=("language", "time_zone", "theme", "single_keys"))
@login_required
def own_settings(request: HttpRequest) -> HttpResponse:
    """Language, time zone, theme and keys."""
    user = actor_of(request)
    form = _settings_form(user, request.POST or None)
    if form.is_valid() and is_saved(form, lambda: services.save_settings(actor=user, **form.cleaned_data)):
        return redirect_with(request, _("Saved."), "accounts:settings")
    context = {"form": form, "password_form": PasswordForm()}
    return render(request, "accounts/settings.html", context, status=status_of(form))


def _settings_form(user: User, typed: QueryDict | None = None) -> SettingsForm:
    return SettingsForm(typed, initial={name: getattr(user, name) for name in SettingsForm.base_fields})


@api_route("me_update", only=("theme",))
@act_view
def theme(request: HttpRequest) -> HttpResponse:
    """System, light or dark, from the top bar; a value that is none of these changes nothing and says so."""
    try:
        services.save_settings(actor=actor_of(request), theme=request.POST.get("theme", ""))
    except Invalid as error:
        messages.error(request, " ".join(map(str, error.texts)))
    return redirect(_next(request))


@api_route("me_password")
@act_view
@sensitive_post_parameters("old", "new")
def password(request: HttpRequest) -> HttpResponse:
    """Sets a new password of one's own."""
    form, user = PasswordForm(request.POST), actor_of(request)
    key = request.session.session_key or ""
    if form.is_valid() and is_saved(
        form,
        lambda: services.change_password(actor=user, session_key=key, request=request, **form.cleaned_data),
    ):
        update_session_auth_hash(request, user)
        sessions.remember_session(request, user)
        message = _("Your password is changed; your other sessions have ended.")
        return redirect_with(request, message, "accounts:settings")
    context = {"form": _settings_form(user), "password_form": form}
    return render(request, "accounts/settings.html", context, status=status_of(form))


@login_required
@never_cache
def own_sessions(request: HttpRequest) -> HttpResponse:
    """Where one is signed in."""
    rows = sessions.own_sessions(actor_of(request))
    context = {"sessions": rows, "own_key": request.session.session_key}
    return render(request, "accounts/sessions.html", context)


@api_route("sessions_destroy")
@act_view
def end_session(request: HttpRequest, number: int) -> HttpResponse:
    sessions.end_session(actor=actor_of(request), number=number)
    return redirect_with(request, _("The session has ended."), "accounts:sessions")


@no_api_route("ends all sessions but the browser's own; the API ends them one by one")
@act_view
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Ends all sessions but this one."""
    sessions.end_other_sessions(actor=actor_of(request), keep=request.session.session_key or "")
    return redirect_with(request, _("Your other sessions have ended."), "accounts:sessions")


@api_route("tokens_create")
@login_required
@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    """Own tokens; a new one's text is in the answer to its creation and nowhere else."""
    user = actor_of(request)
    form, token, text = TokenForm(request.POST or None, user=user), None, ""
    if form.is_valid():
        made = try_save(form, lambda: _create(user, form))
        if made:
            (token, text), form = made, TokenForm(user=user)
    context = {"form": form, "tokens": selectors.own_tokens(user), "new_token": token, "new_text": text}
    return render(request, "accounts/tokens.html", context, status=status_of(form))


def _create(user: User, form: TokenForm) -> tuple[Token, str]:
    values = form.cleaned_data
    return services.create_token(
        actor=user,
        name=values["name"],
        scopes=values["scopes"],
        lifetime=timedelta(days=values["days"]),
        project=values["project"],
    )


@api_route("tokens_destroy")
@act_view
def revoke_token(request: HttpRequest, key: str) -> HttpResponse:
    services.revoke_token(actor=actor_of(request), key=key)
    return redirect_with(request, _("The token is revoked."), "accounts:tokens")
