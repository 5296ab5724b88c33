"""Sign-in and out, own settings and tokens, and the demo's switch of person."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from accounts import selectors, services
from accounts.actor import actor_of
from accounts.forms import PasswordForm, SettingsForm, SignInForm, TokenForm, say_problems
from accounts.models import Token, User
from foundation.problems import Invalid, Refused

BACKEND = "accounts.backends.PasswordBackend"


def _next(request: HttpRequest) -> str:
    """Where to go after signing in: an address of ours, or home."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return resolve_url(settings.LOGIN_REDIRECT_URL)


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page; in demo data it lists whom to be."""
    if request.method != "POST" and request.user.is_authenticated:
        return redirect(_next(request))
    form, status = SignInForm(request.POST or None), 200
    if form.is_valid():
        try:
            user = services.check_password(request=request, **form.cleaned_data)
        except Invalid as error:
            say_problems(form, error)
        except Refused as error:
            form.add_error(None, f"{error.sentence} {error.who_can_help}")
            status = error.status
        else:
            return _enter(request, user, "password")
    context = {"form": form, "next": request.GET.get("next", ""), "demo_people": selectors.demo_people()}
    return render(request, "accounts/sign_in.html", context, status=status)


def _enter(request: HttpRequest, user: User, how: str) -> HttpResponse:
    login(request, user, backend=BACKEND)
    services.note_sign_in(user=user, how=how)
    _keep_language(request, user)
    return redirect(_next(request))


def _keep_language(request: HttpRequest, user: User) -> None:
    """What somebody chose on the sign-in page holds for them from now on, unless they chose before."""
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if chosen in dict(settings.LANGUAGES) and not user.language:
        services.save_settings(actor=user, language=chosen)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session."""
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Demo data only: be somebody else by one click. Missing (404) elsewhere."""
    return _enter(request, services.demo_person(username=request.POST.get("username", "")), "demo")


@login_required
def own_settings(request: HttpRequest) -> HttpResponse:
    """Language, time zone, theme and keys."""
    user = actor_of(request)
    form = _settings_form(user, request.POST or None)
    if form.is_valid():
        try:
            services.save_settings(actor=user, **form.cleaned_data)
        except Invalid as error:
            say_problems(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("accounts:settings")
    context = {"form": form, "password_form": PasswordForm()}
    return render(request, "accounts/settings.html", context, status=400 if form.errors else 200)


def _settings_form(user: User, typed: QueryDict | None = None) -> SettingsForm:
    return SettingsForm(typed, initial={name: getattr(user, name) for name in SettingsForm.base_fields})


@login_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """System, light or dark, from the top bar; a value that is none of these changes nothing and says so."""
    try:
        services.save_settings(actor=actor_of(request), theme=request.POST.get("theme", ""))
    except Invalid as error:
        messages.error(request, " ".join(str(line) for lines in error.fields.values() for line in lines))
    return redirect(_next(request))


@login_required
@require_POST
@sensitive_post_parameters("old", "new")
def password(request: HttpRequest) -> HttpResponse:
    """Sets a new password of one's own."""
    form, user = PasswordForm(request.POST), actor_of(request)
    if form.is_valid():
        try:
            services.change_password(actor=user, **form.cleaned_data)
        except Invalid as error:
            say_problems(form, error)
        else:
            update_session_auth_hash(request, user)
            messages.success(request, _("Your password is changed; your other sessions have ended."))
            return redirect("accounts:settings")
    context = {"form": _settings_form(user), "password_form": form}
    return render(request, "accounts/settings.html", context, status=400)


@login_required
@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    """Own tokens; a new one's text is in the answer to its creation and nowhere else."""
    user = actor_of(request)
    form, token, text = TokenForm(request.POST or None, user=user), None, ""
    if form.is_valid():
        try:
            token, text = _create(user, form)
        except Invalid as error:
            say_problems(form, error)
        else:
            form = TokenForm(user=user)
    context = {"form": form, "tokens": selectors.own_tokens(user), "new_token": token, "new_text": text}
    return render(request, "accounts/tokens.html", context, status=400 if form.errors else 200)


def _create(user: User, form: TokenForm) -> tuple[Token, str]:
    values = form.cleaned_data
    return services.create_token(
        actor=user,
        name=values["name"],
        scopes=values["scopes"],
        lifetime=timedelta(days=values["days"]),
        project=values["project"],
    )


@login_required
@require_POST
def revoke_token(request: HttpRequest, key: str) -> HttpResponse:
    """Ends one of one's own tokens."""
    services.revoke_token(actor=actor_of(request), key=key)
    messages.success(request, _("The token is revoked."))
    return redirect("accounts:tokens")
