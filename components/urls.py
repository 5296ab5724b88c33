"""Pages of this app."""

from __future__ import annotations

from django.urls import path

from components.views import components, configuration, entry_checks, scaling, servers, settings, start_order, templates

app_name = "components"

COMPONENT = "components/<slug:project>/<slug:slug>/"
TEMPLATE = "templates/<str:name>/"
SERVER = "servers/<slug:kind>/<str:key>/"

urlpatterns = [
    path("components/", components.list_components, name="list"),
    path("components/new/", components.new_component, name="new"),
    path(COMPONENT, components.component, name="detail"),
    path(COMPONENT + "orders/", components.orders, name="orders"),
    path(COMPONENT + "history/", components.history, name="history"),
    path(COMPONENT + "favourite/", components.favourite, name="favourite"),
    path(COMPONENT + "archive/", components.archive, name="archive"),
    path(COMPONENT + "edit/", settings.edit, name="edit"),
    path(COMPONENT + "edit/check/", settings.check, name="check"),
    path(COMPONENT + "edit/branches/", settings.read_git, name="git-read"),
    path(COMPONENT + "configuration/", configuration.compare, name="configurations"),
    path(COMPONENT + "configuration/<slug:environment>/", configuration.edit, name="configuration"),
    path(COMPONENT + "scaling/<slug:environment>/", scaling.edit, name="scaling"),
    path(COMPONENT + "entry-check/", entry_checks.edit_general, name="entry-check"),
    path(COMPONENT + "entry-check/<slug:environment>/", entry_checks.edit, name="entry-check-in"),
    path("templates/", templates.list_templates, name="templates"),
    path("new-template/", templates.new_template, name="template-new"),
    path(TEMPLATE, templates.template, name="template"),
    path(TEMPLATE + "archive/", templates.archive_template, name="template-archive"),
    path(TEMPLATE + "versions/<int:number>/", templates.version, name="template-version"),
    path(TEMPLATE + "trial/", templates.start_trial, name="template-trial"),
    path("trials/<uuid:batch>/", templates.trial, name="trial"),
    path(TEMPLATE + "preview/", templates.start_preview, name="template-preview"),
    path("previews/<int:pk>/", templates.preview, name="preview"),
    path("base-images/", templates.base_images, name="base-images"),
    path("base-images/archive/", templates.archive_base_image, name="base-image-archive"),
    path("servers/", servers.list_servers, name="servers"),
    path("new-server/<slug:kind>/", servers.new_server, name="server-new"),
    path(SERVER, servers.server, name="server"),
    path(SERVER + "archive/", servers.archive_server, name="server-archive"),
    path(SERVER + "test/", servers.start_test, name="server-test"),
    path(SERVER + "webhook/", servers.make_webhook, name="server-webhook"),
    path(SERVER + "webhook/end/", servers.end_webhook, name="server-webhook-end"),
    path(SERVER + "tests/", servers.tests, name="server-tests"),
    path("projects/<slug:project>/start-order/", start_order.edit, name="start-order"),
    path("projects/<slug:project>/toolchain/", servers.toolchain, name="toolchain"),
]
