"""What the adapters read alike in the answers of other systems."""

from __future__ import annotations

import json
from typing import Any

from deployer.errors import Unavailable
from deployer.messages import Message


def json_object(body: bytes, message: Message) -> dict[str, Any]:
    """The body as a JSON object; raises Unavailable with the message for a proxy's page or a cut answer."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise Unavailable(message) from exc
    if not isinstance(found, dict):
        raise Unavailable(message)
    return found
