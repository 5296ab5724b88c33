"""Errors that services raise and people read, and their RFC 9457 form. Pure: no HTTP framework here.

Messages are lazy translations: they are put into the reader's language where they are shown. The edge
(exception handler, middleware, consumer) turns a PlatformError into a page, a problem document or a message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from foundation.messages import MessageLike
from foundation.messages import message as _

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:prism4k:problem:"


@dataclass(frozen=True)
class Asked:
    """The right that an act asked for and where, by slugs: what the permission explainer needs to say why."""

    verb: str
    project: str = ""
    environment: str = ""
    order: str = ""
    kind: str = ""
    """Which of the acts that the right allows; empty for the one that is named like it."""

    @property
    def parameters(self) -> dict[str, str]:
        """As page and API take them, without empty ones."""
        place = {"space": f"{self.project}/{self.environment}"} if self.environment else {"project": self.project}
        values = {"verb": self.verb, **place, "order": self.order, "kind": self.kind}
        return {name: value for name, value in values.items() if value}

    def address(self, route: str = "desk:explain") -> str:
        """Where that is answered: the explainer's page, or another route that takes the same parameters."""
        return f"{reverse(route)}?{urlencode(self.parameters)}"


class PlatformError(Exception):
    """Base of what services raise on purpose. ``status`` is the HTTP status that fits, ``code`` is for programs."""

    status: int = 500
    code: str = "platform-error"

    def __init__(
        self,
        message: MessageLike,
        code: str = "",
        who_can_help: MessageLike = "",
        *,
        status: int | None = None,
        fields: Mapping[str, Sequence[MessageLike]] | None = None,
        retry_after: int = 0,
        asked: Asked | None = None,
    ) -> None:
        """``retry_after``: seconds after which it makes sense to ask again; 0 says nothing about that.

        ``asked``: which right was asked for, where one is known.
        """
        super().__init__(message)
        self.retry_after = retry_after
        self.asked = asked
        self.message = message
        self.code = code or type(self).code
        self.who_can_help = who_can_help
        self.status = type(self).status if status is None else status
        self.fields: dict[str, list[MessageLike]] = {name: list(said) for name, said in (fields or {}).items()}

    def __str__(self) -> str:
        return str(self.message)


class Refused(PlatformError):
    """A rule says no to an act that is well-formed: a gate, a state, a limit. Nothing was changed."""

    status = 409
    code = "refused"


class Stale(Refused):
    """Somebody else was faster: what the person looked at has changed since."""

    code = "stale"


class Denied(PlatformError):
    """The person may see the thing but not do this to it."""

    status = 403
    code = "denied"


class Missing(PlatformError):
    """There is no such thing, or the person may not know of it: the answer is the same."""

    status = 404
    code = "missing"

    def __init__(self, message: MessageLike = "", code: str = "") -> None:
        super().__init__(message or _("There is no such page or object."), code)


class Invalid(PlatformError):
    """Input that does not fit; ``fields`` has the messages by field name ("" for the whole form)."""

    status = 400
    code = "invalid"

    def __init__(
        self,
        fields: Mapping[str, Sequence[MessageLike]],
        message: MessageLike = "",
        code: str = "",
    ) -> None:
        super().__init__(message or _("Some fields need another value."), code, fields=fields)

    @property
    def texts(self) -> list[MessageLike]:
        """What is wrong, field after field, where no form shows each message beside its field."""
        return [text for texts in self.fields.values() for text in texts]


def title(status: int) -> str:
    """The standard phrase of an HTTP status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def problem(
    error: PlatformError, *, instance: str = "", request_number: str = "", explanation: str = ""
) -> dict[str, Any]:
    """The RFC 9457 document of an error, in the active language, ready for JSON.

    Members beyond the standard: ``code``, ``who_can_help``, ``fields`` (messages by field), ``request_number``,
    ``explanation`` (where the API says why the right is missing or the gate closed).
    """
    document: dict[str, Any] = {
        "type": TYPE_PREFIX + error.code,
        "title": title(error.status),
        "status": error.status,
        "detail": str(error.message),
        "code": error.code,
    }
    if instance:
        document["instance"] = instance
    if error.who_can_help:
        document["who_can_help"] = str(error.who_can_help)
    if error.fields:
        document["fields"] = {name: [str(said) for said in messages] for name, messages in error.fields.items()}
    if request_number:
        document["request_number"] = request_number
    if explanation:
        document["explanation"] = explanation
    return document
