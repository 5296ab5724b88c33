"""What goes wrong with the account: rights that it lacks, and a password that needs a crumb with every act."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, JSONResponse, Response

from .answers import forbidden, not_found

BUILD, CANCEL, READ = "hudson.model.Item.Build", "hudson.model.Item.Cancel", "hudson.model.Item.Read"
RIGHTS = frozenset({BUILD, CANCEL, READ})
CRUMB_FIELD = "Jenkins-Crumb"
_ACTS = re.compile(r"/(buildWithParameters|build|stop|term|kill)$")
_COOKIE = "JSESSIONID.standin"


@dataclass
class Account:
    """``lacks``: of RIGHTS. ``has_password``: it signs in with a password, which Jenkins takes with a crumb only."""

    lacks: frozenset[str] = frozenset()
    has_password: bool = False

    def refuse(self, method: str, path: str, headers: Headers, user: str, session: str) -> Response | None:
        """Jenkins' no, or None."""
        if method == "POST" and self.has_password and not _is_valid(headers, session):
            return HTMLResponse("<html><body>No valid crumb was included in the request</body></html>", 403)
        act = _ACTS.search(path)
        if path == "/queue/cancelItem" and CANCEL in self.lacks:
            return Response(status_code=422)
        if method == "POST" and act is not None:
            right = BUILD if act[1].startswith("build") else CANCEL
            return forbidden(user, right) if right in self.lacks else None
        # Without Item/Discover nobody is told that there is such a job.
        return not_found() if path.startswith("/job/") and READ in self.lacks else None

    def crumb(self, session: str) -> Response:
        """A crumb for the cookie that comes with it; of no use after a restart. 404 where none is needed."""
        if not self.has_password:
            return not_found()
        cookie = secrets.token_hex(8)
        answer = JSONResponse(
            {
                "_class": "hudson.security.csrf.DefaultCrumbIssuer",
                "crumb": _crumb_of(cookie, session),
                "crumbRequestField": CRUMB_FIELD,
            }
        )
        answer.set_cookie(_COOKIE, cookie, path="/", httponly=True)
        return answer


def _crumb_of(cookie: str, session: str) -> str:
    return hashlib.sha256(f"{cookie};{session}".encode()).hexdigest()


def _is_valid(headers: Headers, session: str) -> bool:
    cookie = cookie_parser(headers.get("cookie", "")).get(_COOKIE, "")
    return bool(cookie) and headers.get(CRUMB_FIELD, "") == _crumb_of(cookie, session)
