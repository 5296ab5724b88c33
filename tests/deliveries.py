"""What other systems send to a webhook: payloads of our own with the documented fields, and the headers beside them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

ZERO = "0" * 40
OLD, NEW = "28e1879d029cb852e4844d9c718537df08844e03", "bffeb74224043ba2feb48d137756c8a9331c449a"


def digest(secret: str, signed: bytes) -> str:
    """HMAC-SHA256, by another hand than the product's."""
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def encoded(body: Any) -> bytes:
    """As JSON."""
    return json.dumps(body).encode()


def gitlab_push(repository: str = "sis-omm/proxy-gw", branch: str = "master") -> dict[str, Any]:
    """A push event of GitLab."""
    return {
        "object_kind": "push",
        "event_name": "push",
        "before": OLD,
        "after": NEW,
        "ref": f"refs/heads/{branch}",
        "checkout_sha": NEW,
        "user_username": "dana",
        "project_id": 15,
        "project": {
            "id": 15,
            "name": repository.rpartition("/")[2],
            "web_url": f"http://git.inside/{repository}",
            "git_ssh_url": f"git@git.inside:{repository}.git",
            "git_http_url": f"http://git.inside/{repository}.git",
            "path_with_namespace": repository,
            "default_branch": "master",
        },
        "commits": [],
        "total_commits_count": 1,
    }


def gitlab_headers(secret: str, *, uuid: str = "13792a34-cac6-4fda-95a8-c58e00a3954e") -> dict[str, str]:
    """Of a push event: the token is the secret."""
    return {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": secret, "X-Gitlab-Event-UUID": uuid}


def gitea_push(repository: str = "sis-omm/proxy-gw", branch: str = "master") -> dict[str, Any]:
    """A push of Gitea; GitHub's has the same fields among others."""
    owner, _slash, name = repository.rpartition("/")
    return {
        "ref": f"refs/heads/{branch}",
        "before": OLD,
        "after": NEW,
        "compare_url": f"http://git.inside/{repository}/compare/{OLD}...{NEW}",
        "commits": [{"id": NEW, "message": "Webhooks"}],
        "repository": {
            "id": 140,
            "owner": {"id": 1, "login": owner},
            "name": name,
            "full_name": repository,
            "clone_url": f"http://git.inside/{repository}.git",
            "default_branch": "master",
        },
        "pusher": {"id": 1, "login": "dana"},
    }


def gitea_headers(secret: str, body: bytes, *, event: str = "push") -> dict[str, str]:
    """Gitea sends those of GitHub as well."""
    number, signature = "f6266f16-1bf3-46a5-9ea4-602e06ead473", digest(secret, body)
    return {
        "X-Gitea-Delivery": number,
        "X-Gitea-Event": event,
        "X-Gitea-Signature": signature,
        **github_headers(secret, body, event=event),
    }


def github_headers(secret: str, body: bytes, *, event: str = "push", number: str = "72d3162e") -> dict[str, str]:
    """The number of the delivery is not signed."""
    return {
        "X-GitHub-Delivery": number,
        "X-GitHub-Event": event,
        "X-Hub-Signature-256": f"sha256={digest(secret, body)}",
    }


def harbor_push(repository: str, tag: str, *, at: float | None = None) -> dict[str, Any]:
    """PUSH_ARTIFACT in Harbor's own format."""
    return {
        "type": "PUSH_ARTIFACT",
        "occur_at": int(time.time() if at is None else at),
        "operator": "robot$ci",
        "event_data": _harbor_data(repository, tag),
    }


def harbor_event(repository: str, tag: str, *, at: str) -> dict[str, Any]:
    """The same as a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": "66e18103-09c1-41f6-982f-37df223f3eeb",
        "source": "/projects/2/webhook/policies/15",
        "type": "harbor.artifact.pushed",
        "datacontenttype": "application/json",
        "time": at,
        "data": _harbor_data(repository, tag),
        "operator": "robot$ci",
    }


def _harbor_data(repository: str, tag: str) -> dict[str, Any]:
    namespace, _slash, name = repository.partition("/")
    return {
        "resources": [
            {"digest": "sha256:" + "8a" * 32, "tag": tag, "resource_url": f"harbor.example/{repository}:{tag}"}
        ],
        "repository": {
            "date_created": 1586922308,
            "name": name,
            "namespace": namespace,
            "repo_full_name": repository,
            "repo_type": "private",
        },
    }


def distribution_push(repository: str, tag: str, *, at: str, action: str = "push") -> dict[str, Any]:
    """An envelope of the distribution registry: a layer without a tag, and the manifest."""

    def event(number: int, target: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": f"320678d8-ca14-430f-8bb6-4ca139cd83f{number}",
            "timestamp": at,
            "action": action,
            "target": {"size": 708, "digest": "sha256:" + "fe" * 32, "repository": repository, **target},
            "request": {"id": "6df24a34", "addr": "192.168.64.11:42961", "method": "PUT"},
            "actor": {},
            "source": {"addr": "registry:5000", "instanceID": "a53db899"},
        }

    return {
        "events": [
            event(0, {"mediaType": "application/octet-stream"}),
            event(1, {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "tag": tag}),
        ]
    }


def signed_headers(secret: str, body: bytes, *, at: float | None = None) -> dict[str, str]:
    """Our own form."""
    stamp = str(int(time.time() if at is None else at))
    signature = digest(secret, stamp.encode() + b"." + body)
    return {"X-Prism4k-Timestamp": stamp, "X-Prism4k-Signature": f"sha256={signature}"}
