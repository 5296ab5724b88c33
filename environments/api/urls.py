"""Addresses of clusters, environments, people and projects under /api/v1/."""

from __future__ import annotations

from django.urls import path
from rest_framework.routers import SimpleRouter

from environments.api.views import clusters, groups, people, places, projects, rule_changes

PROJECT = "projects/<slug:slug>/"
SPACE = PROJECT + "spaces/<slug:environment>/"
PERSON = "people/<str:username>/"
GROUP = "groups/<slug:slug>/"
CLUSTER = "clusters/<slug:slug>/"

router = SimpleRouter(use_regex_path=False)
router.register("organisations", projects.Organisations, "api-organisation")
router.register("projects", projects.Projects, "api-project")
router.register("people", people.People, "api-person")
router.register("groups", groups.Groups, "api-group")
router.register("clusters", clusters.Clusters, "api-cluster")
router.register("environments", places.Environments, "api-environment")

urlpatterns = [
    *router.urls,
    path(PROJECT + "archive/", projects.ProjectArchive.as_view()),
    path(PROJECT + "members/", projects.Members.as_view()),
    path(PROJECT + "members/<int:number>/", projects.Member.as_view()),
    path(PROJECT + "spaces/", places.Spaces.as_view()),
    path(SPACE, places.Space.as_view()),
    path(SPACE + "archive/", places.SpaceArchive.as_view()),
    path("environments/<slug:slug>/archive/", places.EnvironmentArchive.as_view()),
    path(SPACE + "policy/", places.SpacePolicy.as_view()),
    path(SPACE + "grants/", places.SpaceGrants.as_view()),
    path(SPACE + "syncs/", places.SpaceSyncs.as_view()),
    path("rule-changes/", rule_changes.RuleChanges.as_view()),
    path("rule-changes/<int:number>/", rule_changes.RuleChange.as_view()),
    path("rule-changes/<int:number>/confirm/", rule_changes.RuleChangeConfirmation.as_view()),
    path("rule-changes/<int:number>/refuse/", rule_changes.RuleChangeRefusal.as_view()),
    path("rule-changes/<int:number>/withdraw/", rule_changes.RuleChangeWithdrawal.as_view()),
    path(PERSON + "password/", people.PersonPassword.as_view()),
    path(PERSON + "active/", people.PersonActive.as_view()),
    path(PERSON + "roles/", people.SiteRoles.as_view()),
    path(PERSON + "roles/<int:number>/", people.SiteRole.as_view()),
    path(GROUP + "people/", groups.GroupPeople.as_view()),
    path(GROUP + "people/<str:username>/", groups.GroupPerson.as_view()),
    path(GROUP + "roles/", groups.GroupRoles.as_view()),
    path(GROUP + "roles/<int:number>/", groups.GroupRole.as_view()),
    path(CLUSTER + "archive/", clusters.ClusterArchive.as_view()),
    path(CLUSTER + "account/", clusters.ClusterAccount.as_view()),
    path(CLUSTER + "tests/", clusters.ClusterTests.as_view()),
    path(CLUSTER + "tests/<int:number>/", clusters.ClusterTest.as_view()),
]
