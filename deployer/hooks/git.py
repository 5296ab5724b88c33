"""Pushes as GitLab, Gitea (and Forgejo) and GitHub tell of them. None of the three signs a time.

Forms: docs.gitlab.com/user/project/integrations/webhook_events, docs.gitea.com/usage/repository/webhooks,
docs.github.com/webhooks/webhook-events-and-payloads.
"""

from __future__ import annotations

from deployer.hooks.delivery import (
    Delivery,
    Headers,
    NotAuthentic,
    demand_same,
    hmac_hex,
    mark_of,
    part,
    read_object,
    texts,
)
from deployer.messages import message as _


def read_git_push(secret: str, headers: Headers, body: bytes) -> Delivery:
    """``names`` are the repositories that got commits; none for other events. Raises NotAuthentic, Unreadable."""
    if "X-Gitlab-Token" in headers:
        return _gitlab(secret, headers, body)
    if "X-Gitea-Signature" in headers:
        demand_same(headers["X-Gitea-Signature"].lower(), hmac_hex(secret, body))
        return _signed(headers.get("X-Gitea-Event", ""), body)
    if "X-Hub-Signature-256" in headers:
        demand_same(headers["X-Hub-Signature-256"].lower(), "sha256=" + hmac_hex(secret, body))
        return _signed(headers.get("X-GitHub-Event", ""), body)
    raise NotAuthentic(_("It bears no signature or token of GitLab, Gitea or GitHub: enter the secret there."))


def _gitlab(secret: str, headers: Headers, body: bytes) -> Delivery:
    """The token is the secret itself. Two pushes may have one body; what GitLab calls each by is beside it."""
    demand_same(headers["X-Gitlab-Token"], secret)
    found = read_object(body)
    known_by = headers.get("Idempotency-Key") or headers.get("X-Gitlab-Event-UUID", "")
    is_push = "push" in (found.get("object_kind"), found.get("event_name"))
    names = texts(part(found, "project", "path_with_namespace")) if is_push else ()
    return Delivery(mark_of(body, known_by.encode(errors="replace")), names)


def _signed(event: str, body: bytes) -> Delivery:
    """By its body alone: the number that the sender gave it is not signed, anybody could send it under another."""
    found = read_object(body)
    return Delivery(mark_of(body), texts(part(found, "repository", "full_name")) if event == "push" else ())
