"""What stands before every endpoint: the request's size, who asks, and Jenkins' headers on the answer."""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .settings import Settings

MOST_HEAD_BYTES = 8192  # winstone's --requestHeaderSize: request line and headers together


class Gate:
    """ASGI middleware. Wrong credentials 401, none 403 (as for a locked controller), too long a request line 414."""

    def __init__(self, app: ASGIApp, *, settings: Settings, session: str) -> None:
        self._app = app
        self._settings = settings
        self._session = session

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the headers added."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start" and self._is_marked(scope["path"], message["status"]):
                headers = MutableHeaders(scope=message)
                headers["X-Jenkins"] = self._settings.version
                headers["X-Jenkins-Session"] = self._session
            await send(message)

        refusal = self._refuse(scope)
        if refusal is not None:
            await refusal(scope, receive, send_marked)
            return
        scope.setdefault("state", {})["user"] = self._settings.user
        await self._app(scope, receive, send_marked)

    def _is_marked(self, path: str, status: int) -> bool:
        """API answers and pages carry the version; 201, 302, wfapi and logText do not."""
        return status in (401, 403) or path == "/" or (path.endswith("/api/json") and status < 300)

    def _refuse(self, scope: Scope) -> Response | None:
        head = len(scope["raw_path"]) + len(scope["query_string"]) + sum(len(a) + len(b) for a, b in scope["headers"])
        if head > MOST_HEAD_BYTES:
            return HTMLResponse("<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>", 414)
        sent = Headers(scope=scope).get("authorization")
        if sent is None:
            return HTMLResponse("<html><body>Authentication required</body></html>", 403)
        if not self._is_known(sent):
            realm = {"WWW-Authenticate": 'Basic realm="Jenkins"'}
            return HTMLResponse("<html><body>Invalid password/token</body></html>", 401, headers=realm)
        return None

    def _is_known(self, sent: str) -> bool:
        scheme, _, value = sent.partition(" ")
        try:
            decoded = base64.b64decode(value.strip(), validate=True)
        except binascii.Error:
            return False
        wanted = f"{self._settings.user}:{self._settings.token}".encode()
        return scheme.lower() == "basic" and hmac.compare_digest(decoded, wanted)
