"""Addresses of this room under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, path

from environments.api import clusters, people, places, projects

PROJECT = "projects/<slug:slug>/"
SPACE = PROJECT + "spaces/<slug:environment>/"
PERSON = "people/<str:username>/"
CLUSTER = "clusters/<slug:slug>/"

urlpatterns: list[URLPattern] = [
    path("organisations/", projects.Organisations.as_view()),
    path("organisations/<slug:slug>/", projects.Organisation.as_view()),
    path("projects/", projects.Projects.as_view()),
    path(PROJECT, projects.Project.as_view()),
    path(PROJECT + "archive/", projects.ProjectArchive.as_view()),
    path(PROJECT + "members/", projects.Members.as_view()),
    path(PROJECT + "members/<int:number>/", projects.Member.as_view()),
    path(PROJECT + "spaces/", places.Spaces.as_view()),
    path(SPACE, places.Space.as_view()),
    path(SPACE + "policy/", places.SpacePolicy.as_view()),
    path(SPACE + "syncs/", places.SpaceSyncs.as_view()),
    path("people/", people.People.as_view()),
    path(PERSON, people.Person.as_view()),
    path(PERSON + "password/", people.PersonPassword.as_view()),
    path(PERSON + "active/", people.PersonActive.as_view()),
    path(PERSON + "roles/", people.SiteRoles.as_view()),
    path(PERSON + "roles/<int:number>/", people.SiteRole.as_view()),
    path("clusters/", clusters.Clusters.as_view()),
    path(CLUSTER, clusters.Cluster.as_view()),
    path(CLUSTER + "archive/", clusters.ClusterArchive.as_view()),
    path(CLUSTER + "tests/", clusters.ClusterTests.as_view()),
    path(CLUSTER + "tests/<int:number>/", clusters.ClusterTest.as_view()),
    path("environments/", places.Environments.as_view()),
    path("environments/<slug:slug>/", places.Environment.as_view()),
]
