"""Answers in Jenkins' forms: JSON pruned by ``tree=``, its error pages, a right that is lacking."""

from __future__ import annotations

from typing import Any

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from . import tree


class JobNames(Convertor[str]):
    """``A/job/B/job/J`` in a path is the job ``A/B/J``."""

    regex = "[^/]+(?:/job/[^/]+)*"

    def convert(self, value: str) -> str:
        """The full name."""
        return value.replace("/job/", "/")

    def to_string(self, value: str) -> str:
        """Its path."""
        return value.replace("/", "/job/")


register_url_convertor("names", JobNames())


def as_json(request: Request, bean: dict[str, Any]) -> Response:
    """The bean, or what of it ``tree=`` asks for."""
    expression = request.query_params.get("tree")
    try:
        wanted = tree.parse(expression) if expression else None
    except tree.BadTree as exc:
        return page(400, str(exc))
    return JSONResponse(tree.prune(bean, wanted))


def page(status: int, message: str) -> Response:
    """An error page."""
    safe = message.replace("&", "&amp;").replace("<", "&lt;")
    return HTMLResponse(f"<html><body><h1>Error</h1><p>{safe}</p></body></html>", status)


def not_found() -> Response:
    """404."""
    return page(404, "Not Found")


def post_only() -> Response:
    """405, as for every act."""
    return HTMLResponse("<html><body>This URL requires POST</body></html>", 405, headers={"Allow": "POST"})


def forbidden(user: str, permission: str) -> Response:
    """403 with the headers of ``AccessDeniedException3``: who asks, and the right that is lacking."""
    headers = {"X-You-Are-Authenticated-As": user, "X-Required-Permission": permission}
    body = f"<html><body>Access Denied: {user} is missing the {permission} permission</body></html>"
    return HTMLResponse(body, 403, headers=headers)
