"""Settings, from the environment alone; what is missing or contradictory stops the start with a sentence.

The defaults run the whole product on one machine with nothing installed: SQLite, a broker of files, no Redis.
Moving to PostgreSQL and Redis changes DATABASE_URL, BROKER_URL and CHANNEL_URL (and gives SECRET_KEY and
ENCRYPTION_KEYS, which then must be the same on every machine).
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from foundation.logs import logging_config

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("PRISM4K_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True)

VERSION = "0.1.0"
DEBUG = env.bool("DEBUG", default=False)
DEMO = env.bool("PRISM4K_DEMO", default=False)
"""Demo data is loaded: sign-in lists the demo people and a menu switches person."""


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


_database = env.db_url("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'prism4k.sqlite3'}")
IS_SQLITE = _database["ENGINE"].endswith("sqlite3")
if IS_SQLITE:
    _database = _sqlite(_database)
else:
    _database = _database | {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
DATABASES = {"default": _database}
ATOMIC_REQUESTS = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


# ---------------------------------------------------------------- secrets
def _kept_secret(name: str, make: Any) -> str:
    """A secret of this installation, made once and kept in the data directory (0600)."""
    path = DATA_DIR / "secrets" / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip() or _wait_for(path)
    with os.fdopen(descriptor, "w") as file:
        value: str = make()
        file.write(value)
    return value


def _wait_for(path: Path) -> str:
    # Another process made the file a moment ago and has not written it yet.
    for _attempt in range(1000):
        if value := path.read_text().strip():
            return value
    raise ImproperlyConfigured(f"{path} is empty: remove it and start again.")


def _secret(variable: str, make: Any) -> str:
    value: str = env.str(variable, default="")
    if value:
        return value
    if not IS_SQLITE:
        raise ImproperlyConfigured(
            f"{variable} must be set when DATABASE_URL is not SQLite: every process needs the same."
        )
    return _kept_secret(variable.lower(), make)


if DEBUG and not IS_SQLITE:
    raise ImproperlyConfigured("DEBUG is for SQLite on one machine only: unset DEBUG or DATABASE_URL.")
SECRET_KEY = _secret("SECRET_KEY", lambda: secrets.token_urlsafe(50))
PRISM4K_ENCRYPTION_KEYS = _secret(
    "ENCRYPTION_KEYS", lambda: "k1:" + base64.b64encode(secrets.token_bytes(32)).decode()
).split(",")
AUDIT_KEY = _secret("AUDIT_KEY", lambda: secrets.token_urlsafe(32))

# ---------------------------------------------------------------- web
PLATFORM_URL = env.str("PLATFORM_URL", default="http://127.0.0.1:8000")
"""How Jenkins and people reach us; goes into builds, links and messages."""
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
ROOT_URLCONF = "prism4k.urls"
ASGI_APPLICATION = "prism4k.asgi.application"
WSGI_APPLICATION = "prism4k.wsgi.application"
AUTH_USER_MODEL = "accounts.User"
# The token model is ours: knox's own table would be a stranger that every flush stumbles over.
MIGRATION_MODULES = {"knox": None}
KNOX_TOKEN_MODEL = "accounts.Token"  # noqa: S105 - a model's name
LOGIN_URL = "accounts:sign-in"
LOGIN_REDIRECT_URL = "desk:home"
LOGOUT_REDIRECT_URL = "accounts:sign-in"
IS_SECURE = PLATFORM_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
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
    "desk",
    "prism4k",
    *env.list("PRISM4K_TEST_APPS", default=[]),
]

MIDDLEWARE = [
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
]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False

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
                "desk.context.shell",
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
TIME_ZONE = env.str("SITE_TIME_ZONE", default="Asia/Shanghai")
"""The site's zone: order numbers are written in it, screens show the viewer's."""
PRODUCT_NAME = _("Prism4k release desk")

# ---------------------------------------------------------------- API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.TokenAuthentication",
        "accounts.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
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
RUN_LEASE_SECONDS = env.float("RUN_LEASE_SECONDS", default=10)
RUN_STEP_SECONDS = env.float("RUN_STEP_SECONDS", default=45)
LOG_RETENTION_DAYS = env.int("LOG_RETENTION_DAYS", default=180)

# ---------------------------------------------------------------- what we may call
OUTBOUND_ALLOW = env.list("OUTBOUND_ALLOW", default=[])
"""Networks, hosts and schemes beyond the public https ones, e.g. ``10.0.0.0/8``, ``git.corp.example``, ``http``."""

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOGGING = logging_config(level=LOG_LEVEL, as_json=env.bool("LOG_JSON", default=False))
