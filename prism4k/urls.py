"""Every address of the product: pages, the API under /api/v1/, hooks and health."""

from __future__ import annotations

from django.urls import include, path
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularSwaggerSplitView

from foundation.api.routes import no_api_route
from prism4k import health
from prism4k.api_document import ApiDocument
from releases.api.views import hooks, webhooks

api = [
    path("", include("accounts.api.urls")),
    path("", include("environments.api.urls")),
    path("", include("components.api.urls")),
    path("", include("releases.api.urls")),
    path("", include("trains.api.urls")),
    path("", include("notifications.api.urls")),
    path("", include("desk.api.urls")),
]

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path(
        "language/",
        no_api_route("a cookie of visitors; people have it among their settings (PATCH /api/v1/me/)")(set_language),
        name="set-language",
    ),
    path("api/v1/", include(api)),
    path("api/schema/", ApiDocument.as_view(), name="schema"),
    path(
        "api/docs/",
        # The split view has its script at an address of its own: the Content-Security-Policy refuses inline scripts.
        SpectacularSwaggerSplitView.as_view(url_name="schema", template_name="ui/api_docs.html"),
        name="api-docs",
    ),
    path("hooks/jenkins/claim", hooks.Claim.as_view(), name="hook-claim"),
    path("hooks/jenkins/report", hooks.Report.as_view(), name="hook-report"),
    # No slash at the end: what is sent to it would be lost by a redirect.
    path("hooks/servers/<str:kind>/<str:key>", webhooks.Webhook.as_view(), name="hook-server"),
    path("", include("accounts.urls")),
    path("", include("environments.urls")),
    path("", include("components.urls")),
    path("", include("releases.urls")),
    path("", include("trains.urls")),
    path("", include("notifications.urls")),
    path("", include("desk.urls")),
]

handler400 = "prism4k.errors.bad_request"
handler404 = "prism4k.errors.page_not_found"
handler500 = "prism4k.errors.server_error"
