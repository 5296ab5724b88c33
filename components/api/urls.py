"""Addresses of components, templates and servers under /api/v1/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from components.api.views import components, entry_checks, scaling, servers, start_order, templates, webhooks

COMPONENT = "components/<slug:project>/<slug:slug>/"

router = SimpleRouter(use_regex_path=False)
router.register("jenkins-servers", servers.JenkinsServers, "api-jenkins-server")
router.register("git-servers", servers.GitServers, "api-git-server")
router.register("registries", servers.Registries, "api-registry")

urlpatterns = [
    path("components/", components.Components.as_view()),
    path(COMPONENT, components.OneComponent.as_view()),
    path(COMPONENT + "favourite/", components.ComponentFavourite.as_view()),
    path(COMPONENT + "archive/", components.ComponentArchive.as_view()),
    path(COMPONENT + "settings/", components.Settings.as_view()),
    path(COMPONENT + "allocations/", components.Allocations.as_view()),
    path(COMPONENT + "allocations/<slug:environment>/", components.OneAllocation.as_view()),
    path(COMPONENT + "configurations/", components.Configurations.as_view()),
    path(COMPONENT + "configurations/<slug:environment>/", components.OneConfiguration.as_view()),
    path(COMPONENT + "scaling-rules/", scaling.ScalingRules.as_view()),
    path(COMPONENT + "scaling-rules/<slug:environment>/", scaling.OneScalingRule.as_view()),
    path(COMPONENT + "entry-checks/", entry_checks.EntryChecks.as_view()),
    path(COMPONENT + "entry-checks/<slug:environment>/", entry_checks.OneEntryCheck.as_view()),
    path(COMPONENT + "branches/", components.Branches.as_view()),
    path(COMPONENT + "git-tags/", components.GitTags.as_view()),
    path(COMPONENT + "checkout/", components.Checkout.as_view()),
    path(COMPONENT + "previews/", components.Previews.as_view()),
    path("previews/<int:pk>/", components.OnePreview.as_view()),
    path("templates/", templates.Templates.as_view()),
    path("templates/<str:name>/", templates.OneTemplate.as_view()),
    path("templates/<str:name>/versions/", templates.Versions.as_view()),
    path("templates/<str:name>/trials/", templates.Trials.as_view()),
    path("trials/<uuid:batch>/", templates.OneTrial.as_view()),
    path("templates/<str:name>/archive/", templates.TemplateArchive.as_view()),
    path("base-images/", templates.BaseImages.as_view()),
    path("base-images/archive/", templates.BaseImageArchive.as_view()),
    *router.urls,
    path("jenkins-servers/<str:key>/webhook/", webhooks.JenkinsWebhook.as_view()),
    path("git-servers/<str:key>/webhook/", webhooks.GitWebhook.as_view()),
    path("registries/<str:key>/webhook/", webhooks.RegistryWebhook.as_view()),
    path("projects/<slug:slug>/start-order/", start_order.StartOrder.as_view()),
    path("projects/<slug:project>/toolchain/", servers.ToolchainView.as_view()),
]
