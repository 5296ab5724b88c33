"""Rows of servers as the targets that adapters connect to. Credentials are in clear in them: never log one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings

from components.grammar import GrammarError, git_address, plain_git_url
from components.models import GitServer, ImageRegistry, JenkinsServer
from deployer.interfaces import BuildServerTarget, RegistryTarget, SourceTarget
from foundation.problems import Refused
from foundation.sentences import say as _


def build_server_target(server: JenkinsServer) -> BuildServerTarget:
    """A Jenkins row as its adapter wants it."""
    return BuildServerTarget(
        key=server.remote_key, url=server.url, username=server.username, token=server.token, ca_pem=server.ca_pem
    )


def registry_target(registry: ImageRegistry) -> RegistryTarget:
    """A registry row as its adapter wants it."""
    return RegistryTarget(
        key=registry.remote_key,
        address=registry.address,
        url=registry.url,
        username=registry.username,
        password=registry.password,
        ca_pem=registry.ca_pem,
    )


def git_server_of(git_url: str) -> GitServer:
    """The listed server that a Git URL leads to; raises Refused for a URL or host that we may not read from."""
    try:
        address = git_address(git_url)
    except GrammarError as exc:
        raise Refused(exc.sentence, "git-url") from exc
    server = GitServer.objects.filter(host=address.host, is_archived=False).first()
    if server is None:
        raise Refused(
            _("The Git host %(host)s is not listed.") % {"host": address.host},
            "git-host-unknown",
            _("A platform administrator can add it under Servers."),
        )
    if address.scheme == "http" and not server.allow_http:
        raise Refused(
            _("%(host)s is listed for https:// and ssh:// only.") % {"host": address.host},
            "git-http-refused",
            _("A platform administrator can allow plain http for this host."),
        )
    return server


def source_target(git_url: str) -> SourceTarget:
    """A repository as the Git adapter wants it, its mirror under the data directory. Raises Refused."""
    server = git_server_of(git_url)
    url = plain_git_url(git_url)
    name = hashlib.sha256(url.encode()).hexdigest()[:32]
    return SourceTarget(
        key=server.remote_key,
        url=url,
        mirror_dir=str(Path(settings.DATA_DIR) / "mirrors" / name),
        username=server.username,
        password=server.password,
        ssh_key=server.ssh_key,
        ca_pem=server.ca_pem,
    )
