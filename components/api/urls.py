"""Addresses of this room under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from components.api import components, servers, templates
from foundation.api import ApiView

COMPONENT = "components/<slug:project>/<slug:slug>/"


def _servers(prefix: str, family: tuple[type[ApiView], ...]) -> list[URLPattern]:
    everything, one, archive, tests = family
    return [
        path(f"{prefix}/", everything.as_view()),
        path(f"{prefix}/<str:key>/", one.as_view()),
        path(f"{prefix}/<str:key>/archive/", archive.as_view()),
        path(f"{prefix}/<str:key>/tests/", tests.as_view()),
    ]


urlpatterns = [
    path("components/", components.Components.as_view()),
    path(COMPONENT, components.OneComponent.as_view()),
    path(COMPONENT + "archive/", components.ComponentArchive.as_view()),
    path(COMPONENT + "settings/", components.Settings.as_view()),
    path(COMPONENT + "allocations/", components.Allocations.as_view()),
    path(COMPONENT + "allocations/<slug:environment>/", components.OneAllocation.as_view()),
    path(COMPONENT + "configurations/", components.Configurations.as_view()),
    path(COMPONENT + "configurations/<slug:environment>/", components.OneConfiguration.as_view()),
    path(COMPONENT + "branches/", components.Branches.as_view()),
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
    *_servers("jenkins-servers", servers.JENKINS),
    *_servers("git-servers", servers.GIT),
    *_servers("registries", servers.REGISTRY),
    path("projects/<slug:project>/toolchain/", servers.ToolchainView.as_view()),
]
