"""People, projects, environments and spaces of the demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from accounts.models import Organisation, Project, User
from components.models import ImageRegistry
from demo import world
from demo.stand_ins import ClusterSide, ServerSide
from environments.choices import Role
from environments.models import Cluster, Environment, Group, GroupMember, Membership, Space
from environments.services.spaces import launch_sync

GRANT_DAYS = 90
MEMBER_DAYS = 30
"""So long everybody has had their role: whose role is younger than a day is nobody's second person."""
GIB = 1024**3


@dataclass
class Places:
    """What later rows refer to, by the slugs of ``demo.world``."""

    people: dict[str, User] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)


def load_places(clusters: Mapping[str, ClusterSide], registry: ServerSide) -> Places:
    """Make what is missing; ``clusters`` by short name. Call inside a transaction."""
    places = Places()
    known = {user.username: user for user in User.objects.filter(username__in=[one.username for one in world.PEOPLE])}
    # Hashed once: everybody has the same password, and hashing is slow on purpose.
    password = make_password(world.PASSWORD) if len(known) < len(world.PEOPLE) else ""
    for person in world.PEOPLE:
        places.people[person.username] = known.get(person.username) or _make_person(person, password)
    slug, name, name_en = world.ORGANISATION
    organisation, _made = Organisation.objects.get_or_create(slug=slug, defaults={"name": name, "name_en": name_en})
    for subsystem in world.SUBSYSTEMS:
        places.projects[subsystem.slug], _made = Project.objects.get_or_create(
            slug=subsystem.slug,
            defaults={
                "organisation": organisation,
                "name": subsystem.name,
                "name_en": subsystem.name_en,
                "description": subsystem.description,
            },
        )
    places.environments = _load_environments()
    _load_memberships(places)
    _load_teams(places)
    _load_spaces(places, clusters, registry)
    return places


def _make_person(person: world.Person, password: str) -> User:
    return User.objects.create(
        username=person.username,
        password=password,
        name=person.name,
        name_en=person.name_en,
        email=person.email,
        note=person.note,
        note_en=person.note_en,
    )


def _load_environments() -> dict[str, Environment]:
    found: dict[str, Environment] = {}
    for position, place in enumerate(world.PLACES, start=1):
        row, is_new = Environment.objects.get_or_create(
            slug=place.slug,
            defaults={
                "name": place.name,
                "name_en": place.name_en,
                "position": position,
                "is_production": place.is_production,
                "twin": found.get(place.twin),
            },
        )
        if is_new:
            row.follows.set([found[slug] for slug in place.follows])
        found[place.slug] = row
    return found


def _load_memberships(places: Places) -> None:
    administrator = places.people[world.PROJECT_ADMIN]
    for person in world.PEOPLE:
        user = places.people[person.username]
        if person.site_role:
            _member(user, person.site_role, None, None)
        for project in places.projects.values():
            for role in person.roles:
                _member(user, role, project, administrator)
            if person.grant:
                _grant(user, project, places.environments[person.grant], administrator)


def _load_teams(places: Places) -> None:
    """Made once, with their people: a group that somebody changed stays as it is."""
    appointer, since = places.people[world.PLATFORM_ADMIN], timezone.now() - timedelta(days=MEMBER_DAYS)
    for team in world.TEAMS:
        names = {"name": team.name, "name_en": team.name_en}
        group, is_new = Group.objects.get_or_create(slug=team.slug, defaults=names)
        if is_new:
            members = [places.people[username] for username in team.people]
            GroupMember.objects.bulk_create(
                [GroupMember(group=group, user=member, added_by=appointer, added_at=since) for member in members]
            )


def _member(user: User, role: str, project: Project | None, by: User | None) -> None:
    """Given once: a role that somebody ended, or ended and gave again, stays as it is."""
    place = {"user": user, "role": role, "project": project, "environment": None}
    if not Membership.objects.filter(**place).exists():
        since = timezone.now() - timedelta(days=MEMBER_DAYS)
        Membership.objects.create(**place, granted_by=by, reason="demo", created_at=since)


def _grant(user: User, project: Project, environment: Environment, by: User) -> None:
    """A grant that has ended is given anew: the demo must still work in a year."""
    now = timezone.now()
    held = Membership.objects.filter(user=user, role=Role.GRANT, project=project, environment=environment)
    if not held.filter(ends_at__gt=now + timedelta(hours=1)).exists():
        Membership.objects.create(
            user=user,
            role=Role.GRANT,
            project=project,
            environment=environment,
            ends_at=now + timedelta(days=GRANT_DAYS),
            granted_by=by,
            reason="自测部署 (deploys own work for a first test)",
        )


def _load_cluster(slug: str, side: ClusterSide, registry: ServerSide) -> tuple[Cluster, bool]:
    """The row, and whether it now leads to another cluster than before."""
    row = Cluster.objects.filter(slug=slug).first() or Cluster(slug=slug, name=world.CLUSTERS[slug])
    is_other = row.url != side.url
    row.url, row.token, row.ca_pem = side.url, side.token, side.ca_pem
    row.client_cert_pem, row.client_key_pem = side.client_cert_pem, side.client_key_pem
    row.tls_server_name, row.verify_tls = side.tls_server_name, side.verify_tls
    addresses = set(ImageRegistry.objects.values_list("address", flat=True)) | {registry.address}
    row.registries = sorted({*row.registries, *addresses})
    row.save()
    return row, is_other


def _load_spaces(places: Places, sides: Mapping[str, ClusterSide], registry: ServerSide) -> None:
    """A space that is new, or whose cluster is, gets its namespace and quota from a worker."""
    clusters = {slug: _load_cluster(slug, side, registry) for slug, side in sides.items()}
    others = {row.pk for row, is_other in clusters.values() if is_other}
    for project in places.projects.values():
        for place in world.PLACES:
            space, is_new = Space.objects.get_or_create(
                project=project,
                environment=places.environments[place.slug],
                defaults={
                    "cluster": clusters[place.cluster][0],
                    "namespace": f"{world.NAMESPACE_PREFIX}-{project.slug}-{place.slug}",
                    **_ceilings(),
                    **_policy(place),
                    "approver_groups": _teams_of(project.slug, place.slug),
                },
            )
            if is_new or space.cluster_id in others:
                launch_sync(actor=places.people[world.PLATFORM_ADMIN], space=space)


def _ceilings() -> dict[str, int]:
    return {
        "cpu_request_ceiling": world.CEILING_CPU[0],
        "cpu_limit_ceiling": world.CEILING_CPU[1],
        "memory_request_ceiling": world.CEILING_MEMORY_GIB[0] * GIB,
        "memory_limit_ceiling": world.CEILING_MEMORY_GIB[1] * GIB,
        "pods_ceiling": world.CEILING_PODS,
    }


def _teams_of(project: str, environment: str) -> list[str]:
    return [team.slug for team in world.TEAMS if (team.project, team.environment) == (project, environment)]


def _policy(place: world.Place) -> dict[str, object]:
    return {
        "creators_may_promote": place.creators_may_promote,
        "asks_review": place.asks_review,
        "approvals": place.approvals,
        "approver_roles": [Role.OPERATIONS, Role.PROJECT_ADMIN],
        "four_eyes": place.is_production,
        "operations_only": place.operations_only,
        "settle_seconds": world.SETTLE_SECONDS,
        "deploy_deadline_seconds": world.DEPLOY_DEADLINE_SECONDS,
    }
