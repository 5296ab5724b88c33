"""Refusals in the words of the distribution specification ("Error Codes")."""

from __future__ import annotations

from collections.abc import Mapping


class RegistryError(Exception):
    """``status`` is HTTP's, ``code`` one of the specification's (``MANIFEST_UNKNOWN``), ``message`` a sentence."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    @property
    def document(self) -> dict[str, object]:
        """The body that the specification prescribes."""
        return {"errors": [{"code": self.code, "message": self.message, "detail": {}}]}
