"""Rows of servers as the targets that adapters connect to. Credentials are in clear in them: never log one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db.models import Subquery

from accounts.models import Project
from components.models import Component, GitServer, ImageRegistry, JenkinsServer
from components.offers import is_offered
from components.selectors import newest_settings
from components.validators import GrammarError, git_address, plain_git_url, repository_path
from deployer.interfaces import BuildServerTarget, RegistryTarget, SourceTarget, target_from
from foundation.messages import message as _
from foundation.outbound import HostUnknown, check_url
from foundation.problems import Refused

NOT_GIVEN = "repository-not-given"
"""The code of the refusal of a repository that is not the project's."""
_WHO_OFFERS = _("A platform administrator offers jobs and nodes to projects, on the server's page.")


def build_server_target(server: JenkinsServer) -> BuildServerTarget:
    """A Jenkins row as its adapter wants it."""
    return target_from(server, BuildServerTarget, key=server.remote_key)


def registry_target(registry: ImageRegistry) -> RegistryTarget:
    """A registry row as its adapter wants it."""
    return target_from(registry, RegistryTarget, key=registry.remote_key)


def git_server_of(git_url: str, project: Project) -> GitServer:
    """The listed server that a Git URL leads to, if it gives the repository to the project.

    Raises Refused for a URL or host that we may not read from, and for a repository that is not the project's: alike,
    whether there is one or not. Nobody is asked.
    """
    server = listed_server(git_url)
    try:
        is_given = is_offered(server.repositories, project.slug, repository_path(git_url))
    except GrammarError as exc:
        raise Refused(exc.message, "git-url") from exc
    if not is_given:
        raise Refused(
            _("Git server %(host)s gives project %(slug)s no such path.", host=server.host, slug=project.slug),
            NOT_GIVEN,
            _("A platform administrator gives repositories to projects, on the server's page."),
        )
    return server


def ensure_offered(server: JenkinsServer, project: Project, *, job: str = "", node: str = "") -> None:
    """Raises Refused for a job or node that the server does not offer to the project; an empty one is not asked."""
    if job and not is_offered(server.jobs, project.slug, job):
        message = _(
            "Jenkins %(server)s offers project %(slug)s no job %(name)s.",
            server=server.slug,
            slug=project.slug,
            name=job,
        )
        raise Refused(message, "job-not-offered", _WHO_OFFERS)
    if node and not is_offered(server.nodes, project.slug, node):
        message = _(
            "Jenkins %(server)s offers project %(slug)s no node %(name)s.",
            server=server.slug,
            slug=project.slug,
            name=node,
        )
        raise Refused(message, "node-not-offered", _WHO_OFFERS)


def listed_server(git_url: str) -> GitServer:
    """The listed server that a Git URL leads to, for administrators, who may read from any. Raises Refused."""
    try:
        address = git_address(git_url)
    except GrammarError as exc:
        raise Refused(exc.message, "git-url") from exc
    server = GitServer.objects.filter(host=address.host, is_archived=False).first()
    if server is None:
        raise Refused(
            _("The Git host %(host)s is not listed.", host=address.host),
            "git-host-unknown",
            _("A platform administrator can add it under Servers; an internal host must be in OUTBOUND_ALLOW before."),
        )
    if address.scheme == "http" and not server.allow_http:
        raise Refused(
            _("%(host)s is listed for https:// and ssh:// only.", host=address.host),
            "git-http-refused",
            _("A platform administrator can allow plain http for this host."),
        )
    return server


def explain_unlisted(git_url: str, refusal: Refused) -> Refused:
    """The refusal of an unlisted host, with the setting that keeps it from being listed. Asks DNS."""
    if refusal.code != "git-host-unknown":
        return refusal
    address = git_address(git_url)
    try:
        check_url(f"{address.scheme}://{address.host}/", allowed_schemes=("https", "ssh", "http"))
    except HostUnknown:
        return refusal
    except Refused as barred:
        message = _(
            "The Git host %(host)s is not listed, and a setting forbids it: %(why)s",
            host=address.host,
            why=barred.message,
        )
        return Refused(message, refusal.code, barred.who_can_help)
    return refusal


def source_target(git_url: str, project: Project) -> SourceTarget:
    """A repository that is given to the project, as the Git adapter wants it. Raises Refused."""
    return _source_target(git_server_of(git_url, project), git_url)


def listed_source_target(git_url: str) -> SourceTarget:
    """A repository that no project asks for: of an administrator's test, or of a push to its server. Raises Refused.

    What is read so is shown to administrators, or kept until a project asks to which it is given.
    """
    return _source_target(listed_server(git_url), git_url)


def _source_target(server: GitServer, git_url: str) -> SourceTarget:
    url = plain_git_url(git_url)
    # One for each full address, so that no repository prunes the branches of another; never a part of a credential.
    name = hashlib.sha256(_one_form(url).encode()).hexdigest()[:32]
    mirror_dir = str(Path(settings.DATA_DIR) / "mirrors" / name)
    return target_from(server, SourceTarget, key=server.remote_key, url=url, mirror_dir=mirror_dir)


def _one_form(url: str) -> str:
    """The address without what makes no difference: the case of the host, and a scheme's own port."""
    scheme, _separator, rest = url.partition("://")
    path = rest.partition("/")[2]
    return f"{scheme}://{git_address(url).host}/{path}"


def git_urls_named(server: GitServer, names: Iterable[str]) -> list[str]:
    """Git URLs of components on this host that lead to one of the repositories (``group/name``), each once.

    Elsewhere the host may have another name and keep its repositories below a path, so the path's end decides.
    """
    newest = Subquery(newest_settings().values("git_url")[:1])
    urls = Component.objects.filter(is_archived=False).values_list(newest, flat=True).distinct()
    ends = tuple(f"/{path}" for path in map(_plain_path, names) if path)
    return [url for url in urls if url and _host_of(url) == server.host and f"/{_plain_path(url)}".endswith(ends)]


def _plain_path(url: str) -> str:
    plain = plain_git_url(url)
    path = plain.partition("://")[2].partition("/")[2] if "://" in plain else plain
    return path.strip("/").removesuffix(".git").lower()


def _host_of(url: str) -> str:
    try:
        return git_address(url).host
    except GrammarError:
        return ""
