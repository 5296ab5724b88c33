"""How the API writes JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import renderers
from rest_framework.utils import encoders

from foundation.messages import LocalizedName, Message


class MessageEncoder(encoders.JSONEncoder):
    """Writes a message as its text in the active language."""

    def default(self, obj: Any) -> Any:
        return str(obj) if isinstance(obj, Message | LocalizedName) else super().default(obj)


class JSONRenderer(renderers.JSONRenderer):
    """As the framework's, with messages."""

    encoder_class = MessageEncoder
