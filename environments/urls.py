"""Pages of this app."""

from __future__ import annotations

from django.urls import URLPattern, path

from environments.views import clusters, groups, people, places, projects, rule_changes

SPACE = "spaces/<slug:project>/<slug:environment>/"

app_name = "environments"
urlpatterns: list[URLPattern] = [
    path("environments/", places.list_environments, name="list"),
    path("environments/new/", places.new_environment, name="environment-new"),
    path("environments/<slug:slug>/edit/", places.edit_environment, name="environment-edit"),
    path("environments/<slug:slug>/archive/", places.archive_environment, name="environment-archive"),
    path(SPACE, places.space, name="space"),
    path(SPACE + "archive/", places.archive_space, name="space-archive"),
    path(SPACE + "edit/", places.edit_space, name="space-edit"),
    path(SPACE + "policy/", places.edit_policy, name="space-policy"),
    path(SPACE + "grants/", places.edit_grants, name="space-grants"),
    path(SPACE + "sync/", places.sync, name="space-sync"),
    path("rule-changes/", rule_changes.list_changes, name="rule-changes"),
    path("rule-changes/<int:number>/", rule_changes.change, name="rule-change"),
    path("rule-changes/<int:number>/confirm/", rule_changes.confirm, name="rule-change-confirm"),
    path("rule-changes/<int:number>/refuse/", rule_changes.refuse, name="rule-change-refuse"),
    path("rule-changes/<int:number>/withdraw/", rule_changes.withdraw, name="rule-change-withdraw"),
    path("clusters/", clusters.list_clusters, name="clusters"),
    path("clusters/new/", clusters.new_cluster, name="cluster-new"),
    path("clusters/<slug:slug>/", clusters.cluster, name="cluster"),
    path("clusters/<slug:slug>/edit/", clusters.edit_cluster, name="cluster-edit"),
    path("clusters/<slug:slug>/archive/", clusters.archive_cluster, name="cluster-archive"),
    path("clusters/<slug:slug>/tests/", clusters.start_test, name="cluster-tests"),
    path("clusters/<slug:slug>/tests/<int:number>/", clusters.test, name="cluster-test"),
    path("projects/", projects.list_projects, name="projects"),
    path("projects/new/", projects.new_project, name="project-new"),
    path("projects/<slug:slug>/", projects.project, name="project"),
    path("projects/<slug:slug>/edit/", projects.edit_project, name="project-edit"),
    path("projects/<slug:slug>/archive/", projects.archive_project, name="project-archive"),
    path("projects/<slug:slug>/members/", projects.add_member, name="member-add"),
    path("projects/<slug:slug>/members/<int:number>/end/", projects.end_member, name="member-end"),
    path("projects/<slug:project>/spaces/new/", places.new_space, name="space-new"),
    path("organisations/new/", projects.new_organisation, name="organisation-new"),
    path("organisations/<slug:slug>/edit/", projects.edit_organisation, name="organisation-edit"),
    path("people/", people.list_people, name="people"),
    path("people/new/", people.new_person, name="person-new"),
    path("people/<str:username>/", people.person, name="person"),
    path("people/<str:username>/edit/", people.edit_person, name="person-edit"),
    path("people/<str:username>/password/", people.set_password, name="person-password"),
    path("people/<str:username>/active/", people.switch_person_on_or_off, name="person-active"),
    path("people/<str:username>/roles/", people.add_site_role, name="site-role-add"),
    path("people/<str:username>/roles/<int:number>/end/", people.end_site_role, name="site-role-end"),
    path("groups/", groups.list_groups, name="groups"),
    path("groups/new/", groups.new_group, name="group-new"),
    path("groups/<slug:slug>/", groups.group, name="group"),
    path("groups/<slug:slug>/edit/", groups.edit_group, name="group-edit"),
    path("groups/<slug:slug>/remove/", groups.remove_group, name="group-remove"),
    path("groups/<slug:slug>/people/", groups.add_person, name="group-person-add"),
    path("groups/<slug:slug>/people/<str:username>/remove/", groups.take_person, name="group-person-remove"),
    path("groups/<slug:slug>/roles/", groups.add_site_role, name="group-role-add"),
    path("groups/<slug:slug>/roles/<int:number>/end/", groups.end_site_role, name="group-role-end"),
]
