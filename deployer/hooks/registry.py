"""Pushed images as Harbor and the registry of the distribution project tell of them.

Neither signs: both send what they are given as ``Authorization``. Forms: goharbor.io/docs (Configure Webhook
Notifications; both of its payload formats) and distribution.github.io/distribution/about/notifications.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deployer.hooks.delivery import (
    Delivery,
    Headers,
    NotAuthentic,
    Unreadable,
    demand_same,
    is_signed,
    mark_of,
    moment,
    open_signed,
    part,
    read_object,
    texts,
)
from deployer.messages import message as _

_HARBOR_PUSHES = ("PUSH_ARTIFACT", "harbor.artifact.pushed")


def read_image_push(secret: str, headers: Headers, body: bytes) -> Delivery:
    """``names`` are images ``repository:tag``; none for other events. Raises NotAuthentic, Unreadable."""
    if is_signed(headers):
        mark, sent_at = open_signed(secret, headers, body)
        return Delivery(mark, _read(read_object(body)).names, sent_at)
    token = headers.get("Authorization", "")
    if not token:
        raise NotAuthentic(_("It bears no Authorization: enter the secret there."))
    demand_same(token.removeprefix("Bearer ").strip(), secret)
    found = _read(read_object(body))
    return Delivery(mark_of(body), found.names, found.sent_at, found.is_repeated)


def _read(found: dict[str, Any]) -> Delivery:
    """Without a mark."""
    events = found.get("events")
    if isinstance(events, list):
        stamps = texts(*(part(event, "timestamp") for event in events))
        # Each push is told again until it is answered with a success, and the next ones wait for that.
        return Delivery("", texts(*_distribution(events)), max(map(moment, stamps), default=None), is_repeated=True)
    stamp = found.get("occur_at", found.get("time"))
    if stamp is None or not isinstance(found.get("type"), str):
        raise Unreadable(_("Its body has neither the form of Harbor nor that of the distribution registry."))
    names = texts(*_harbor(found)) if found["type"] in _HARBOR_PUSHES else ()
    return Delivery("", names, moment(stamp))


def _distribution(events: list[Any]) -> Iterator[str]:
    for event in events:
        repository, tag = part(event, "target", "repository"), part(event, "target", "tag")
        if part(event, "action") == "push" and repository and tag:
            yield f"{repository}:{tag}"


def _harbor(found: dict[str, Any]) -> Iterator[str]:
    told = found.get("event_data") or found.get("data")
    repository, resources = part(told, "repository", "repo_full_name"), part(told, "resources")
    for resource in resources if isinstance(resources, list) else ():
        if repository and part(resource, "tag"):
            yield f"{repository}:{part(resource, 'tag')}"
