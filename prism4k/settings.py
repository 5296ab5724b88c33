"""Settings, from the environment alone; what is missing or contradictory stops the start with a message.

The defaults run the whole product on one machine with nothing installed: SQLite, a broker of files, no Redis.
Moving to PostgreSQL and Redis changes DATABASE_URL, BROKER_URL and CHANNEL_URL. SECRET_KEY, ENCRYPTION_KEYS and
AUDIT_KEY must be given, the same on every machine; only the demo makes its own.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from foundation.logs import logging_config
from prism4k.keys import given_or_kept, require_encryption_keys, require_strong_text
from prism4k.variables import Variables

env = Variables()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("PRISM4K_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

VERSION = "0.1.0"
DEBUG = env.switch("DEBUG")
DEMO = env.switch("PRISM4K_DEMO")
"""Serve as the demo: its commands are there, and on a database that it made sign-in lists its people."""
if DEMO and find_spec("demo") is None:
    raise ImproperlyConfigured("PRISM4K_DEMO is set, and this installation comes without the demo: unset it.")


# ---------------------------------------------------------------- database
def _sqlite(database: dict[str, Any]) -> dict[str, Any]:
    # IMMEDIATE and WAL are what keeps several writing processes from "database is locked".
    return database | {
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON",
        }
    }


_database = env.database("DATABASE_URL", f"sqlite:///{DATA_DIR / 'prism4k.sqlite3'}")
IS_SQLITE = _database["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    _database = _sqlite(_database)
else:
    _database = _database | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DATABASES = {"default": _database}
ATOMIC_REQUESTS = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# ---------------------------------------------------------------- secrets
if DEBUG and not IS_SQLITE:
    raise ImproperlyConfigured("DEBUG is for SQLite on one machine only: unset DEBUG or DATABASE_URL.")


def _key(variable: str, make: Callable[[], str]) -> str:
    # The demo, and a checkout's own var/, get keys of their own; any other place must be given its keys.
    has_own_database = IS_SQLITE and Path(str(_database["NAME"])).resolve().is_relative_to(DATA_DIR)
    may_make = has_own_database and (DEMO or DATA_DIR == BASE_DIR / "var")
    folder = DATA_DIR / "secrets" if has_own_database else None
    return given_or_kept(variable, folder=folder, may_make=may_make, make=make)


SECRET_KEY = require_strong_text("SECRET_KEY", _key("SECRET_KEY", lambda: secrets.token_urlsafe(50)))
PRISM4K_ENCRYPTION_KEYS = require_encryption_keys(
    "ENCRYPTION_KEYS", _key("ENCRYPTION_KEYS", lambda: "k1:" + base64.b64encode(secrets.token_bytes(32)).decode())
)
AUDIT_KEY = require_strong_text("AUDIT_KEY", _key("AUDIT_KEY", lambda: secrets.token_urlsafe(32)))
if AUDIT_KEY == SECRET_KEY:
    raise ImproperlyConfigured("AUDIT_KEY is the same as SECRET_KEY: who learns one must not have the other.")
AUDIT_HEADS_FILE = env.str("AUDIT_HEADS_FILE", default=str(DATA_DIR / "audit" / "heads.log"))
"""Where each head of the audit's chain is appended, outside the database; blank: nowhere."""
AUDIT_HEADS_WEBHOOK = env.str("AUDIT_HEADS_WEBHOOK", default="")
"""An address that gets the head each minute; must be allowed by OUTBOUND_ALLOW like any other."""
if AUDIT_HEADS_WEBHOOK and not AUDIT_HEADS_WEBHOOK.startswith(("https://", "http://")):
    raise ImproperlyConfigured("AUDIT_HEADS_WEBHOOK must be a whole address: https://host/path.")

# ---------------------------------------------------------------- web
PLATFORM_URL = env.str("PLATFORM_URL", default="http://127.0.0.1:8000").rstrip("/")
"""How Jenkins and people reach us; goes into builds, links and messages. Host names, origins and https follow it."""
_platform = urlsplit(PLATFORM_URL)
_host = _platform.hostname or ""
if _platform.scheme not in ("http", "https") or not _host or _platform.path or "@" in _platform.netloc:
    raise ImproperlyConfigured(f"PLATFORM_URL must look like https://prism.example[:port], not {PLATFORM_URL}.")
IS_SECURE = _platform.scheme == "https"
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or [
    "127.0.0.1", "localhost", "[::1]", f"[{_host}]" if ":" in _host else _host,
]  # fmt: skip
# A browser names the origin of what it sends; behind a proxy that is not the address we listen on.
CSRF_TRUSTED_ORIGINS = [
    f"{_platform.scheme}://{_platform.netloc.lower()}",
    *env.list("CSRF_TRUSTED_ORIGINS", default=[]),
]
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
"""Addresses and networks of proxies: what they forward (client address, https) is believed, by the web server alone.

SECURE_PROXY_SSL_HEADER stays unset: it would believe anybody who can reach the port.
"""
ROOT_URLCONF = "prism4k.urls"
ASGI_APPLICATION = "prism4k.asgi.application"
WSGI_APPLICATION = "prism4k.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
# The token model is ours: knox's own table would break every flush.
MIGRATION_MODULES = {"knox": None}
KNOX_TOKEN_MODEL = "accounts.Token"  # noqa: S105 - a model's name
CSRF_FAILURE_VIEW = "prism4k.errors.csrf_failure"
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "desk:home"
LOGOUT_REDIRECT_URL = "accounts:sign-in"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_SECURE
SECURE_HSTS_SECONDS = env.count("HSTS_SECONDS", 31_536_000, least=0, most=315_360_000) if IS_SECURE else 0
SESSION_COOKIE_AGE = env.count("SESSION_HOURS", 12, most=8_760) * 3600
if IS_SECURE:
    # Browsers take these from our own host alone, over https: no neighbour under the same domain can set one.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    # The first command of a name is the one that runs: demo's up before ours, our createsuperuser before Django's.
    *(["demo"] if DEMO else []),
    "prism4k",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
    "rest_framework",
    "knox",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "axes",
    "csp",
    "foundation",
    "foundation.runs",
    "audit",
    "accounts",
    "environments",
    "components",
    "releases",
    "trains",
    "notifications",
    "desk",
    *env.list("PRISM4K_TEST_APPS", default=[]),
]

MIDDLEWARE = [
    # First: a probe has no Host that is allowed, no https and no person.
    "prism4k.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "foundation.request_context.RequestContextMiddleware",
    "accounts.middleware.LateAnswerSessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "accounts.middleware.PersonMiddleware",
    "prism4k.errors.ProblemMiddleware",
    "axes.middleware.AxesMiddleware",
]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "accounts.backends.PasswordBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "name", "name_en", "email")},
    },
    {"NAME": "accounts.passwords.NamesValidator"},
]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
SIGN_IN_ATTEMPTS = env.count("SIGN_IN_ATTEMPTS", 30, most=10_000)
"""Wrong passwords in a quarter of an hour for one name, and from one address; eight for a name at an address."""

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "csp.context_processors.nonce",
                "desk.shell.shell",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "object-src": [NONE],
    }
}

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": env.str("STATIC_STORAGE", default="whitenoise.storage.CompressedManifestStaticFilesStorage")
    },
}
WHITENOISE_USE_FINDERS = DEBUG
# Names with Django's hash, and the parts of the bundle, which main.js imports by names with esbuild's hash.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/.+\.[0-9a-f]{12}\.[a-z0-9]+$|^/static/dist/chunks/.+-[0-9A-Z]{8}\.js$"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# ---------------------------------------------------------------- language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "中文")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.zone("SITE_TIME_ZONE", "Asia/Shanghai")
"""The site's zone: order numbers are written in it, screens show the viewer's."""
PRODUCT_NAME = _("Prism4k release desk")

# ---------------------------------------------------------------- API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.TokenAuthentication",
        "accounts.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.authentication.HasOwnPassword"],
    "DEFAULT_RENDERER_CLASSES": ["foundation.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["foundation.api.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "foundation.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "prism4k.errors.api_exception_handler",
    "UNAUTHENTICATED_USER": None,
    "COERCE_DECIMAL_TO_STRING": True,
}
REST_KNOX = {"TOKEN_TTL": None, "AUTO_REFRESH": False}
SPECTACULAR_SETTINGS = {
    "TITLE": "Prism4k",
    "DESCRIPTION": "The release desk between Jenkins and Kubernetes: every verb of the pages.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "RunStateEnum": "foundation.runs.choices.RunState",
        "DeploymentKindEnum": "releases.choices.DeploymentKind",
        "TemplateKindEnum": "components.choices.TemplateKind",
        "ServerKindEnum": "components.choices.ServerKind",
        "EntryKindEnum": "components.choices.EntryKind",
        "NoticeKindEnum": "notifications.choices.NoticeKind",
        "TrainStateEnum": "trains.choices.TrainState",
        "TrainOrderStateEnum": "trains.choices.MemberState",
        "DrpKindEnum": "releases.choices.DrpKind",
        "DrpStateEnum": "releases.choices.DrpState",
        "DrpMemberStateEnum": "releases.choices.DrpMemberState",
        "BackStateEnum": "releases.choices.BackState",
        "FreezeKindEnum": "environments.choices.FreezeKind",
    },
}

# ---------------------------------------------------------------- work in the background
BROKER_URL = env.str("BROKER_URL", default="filesystem://localhost")
CHANNEL_URL = env.str("CHANNEL_URL", default="")
CHANNEL_LAYERS = (
    {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            # redis-py 8 would end an idle blocking read after 5 s.
            "CONFIG": {
                "hosts": [
                    {
                        "address": CHANNEL_URL,
                        "socket_timeout": None,
                        "socket_connect_timeout": 3,
                        "health_check_interval": 25,
                    }
                ]
            },
        }
    }
    if CHANNEL_URL
    else {}
)
RUN_LEASE_SECONDS = env.seconds("RUN_LEASE_SECONDS", 10)
RUN_HINT_SECONDS = env.seconds("RUN_HINT_SECONDS", 2)
RUN_STEP_SECONDS = env.seconds("RUN_STEP_SECONDS", 45)
LOG_RETENTION_DAYS = env.count("LOG_RETENTION_DAYS", 180, most=36_500)
LOST_SECONDS = env.count("LOST_SECONDS", 3600, most=2_592_000)
"""A deployment whose cluster has not answered for so long is given up, and its place waits until it was read again."""
ABSENCE_SECONDS = env.seconds("ABSENCE_SECONDS", 30)
"""A build that Jenkins, while it is well, does not have for so long is gone: seen three times at least."""
KEPT_SUCCESSES = env.count("KEPT_SUCCESSES", 10, most=1_000)
"""ConfigMaps of so many last successes stay in each namespace, for pods of a roll back; older ones are removed."""

# ---------------------------------------------------------------- what we may call
OUTBOUND_ALLOW = env.list("OUTBOUND_ALLOW", default=[])
"""Networks, hosts and schemes beyond the public https ones, e.g. ``10.0.0.0/8``, ``git.corp.example``, ``http``."""

# ---------------------------------------------------------------- mail
MAIL_HOST = env.str("MAIL_HOST", default="").strip()
"""The mail server that takes what people are told by mail; blank: nobody is told so."""
MAIL_SECURITY = env.str("MAIL_SECURITY", default="").strip() or "starttls"
if MAIL_SECURITY not in ("starttls", "tls", "none"):
    raise ImproperlyConfigured(f"MAIL_SECURITY must be starttls, tls or none, not {MAIL_SECURITY[:40]!r}.")
MAIL_PORT = env.count("MAIL_PORT", {"starttls": 587, "tls": 465, "none": 25}[MAIL_SECURITY], most=65_535)
MAIL_USER = env.str("MAIL_USER", default="")
MAIL_PASSWORD = env.str("MAIL_PASSWORD", default="")
if MAIL_PASSWORD and MAIL_SECURITY == "none":
    raise ImproperlyConfigured("MAIL_PASSWORD would go in the clear: MAIL_SECURITY must be starttls or tls with it.")
MAIL_FROM = env.str("MAIL_FROM", default="").strip() or f"Prism4k <prism4k@{_host}>"
"""What mails name as their sender."""

SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where Kubernetes mounts ``token`` and ``ca.crt`` of a pod's account; fixed by Kubernetes, another one in tests."""

LOG_LEVEL = env.level("LOG_LEVEL", "INFO")
LOGGING = logging_config(level=LOG_LEVEL, as_json=env.switch("LOG_JSON"))
