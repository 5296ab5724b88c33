"""A build in Jenkins that tells of itself, in the form of the shipped job."""

from __future__ import annotations

from deployer.hooks.delivery import Delivery, Headers, open_signed, read_object, texts


def read_build_nudge(secret: str, headers: Headers, body: bytes) -> Delivery:
    """``{"trigger_id": …}``; a body without one is about the whole server. Raises NotAuthentic, Unreadable."""
    mark, sent_at = open_signed(secret, headers, body)
    return Delivery(mark, texts(read_object(body).get("trigger_id")), sent_at)
