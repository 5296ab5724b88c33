"""The HTTP side: one endpoint for each call that the product or python-jenkins makes (see README.md).

The gate stands before all of them: the request's size, who asks, and Jenkins' headers on the answer.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .administration import Administration
from .answers import as_json, forbidden, not_found, page, post_only
from .api_json import Beans
from .control import Faults, FaultyFront
from .controller import Controller, JobExists, NoSuchJob, NotBuildable, NotParameterised
from .job_config import BadConfig, BadValue
from .settings import Settings, is_legacy_log

MOST_HEAD_BYTES = 8192  # winstone's --requestHeaderSize: request line and headers together


class Gate:
    """ASGI middleware. Wrong credentials 401, none 403 (as for a locked controller), too long a request line 414."""

    def __init__(self, app: ASGIApp, *, settings: Settings, controller: Controller) -> None:
        self._app = app
        self._settings = settings
        self._controller = controller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on with the headers added."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start" and self._is_marked(scope["path"], message["status"]):
                headers = MutableHeaders(scope=message)
                headers["X-Jenkins"] = self._controller.version
                headers["X-Jenkins-Session"] = self._controller.session
            await send(message)

        refusal = self._refuse(scope)
        if refusal is not None:
            await refusal(scope, receive, send_marked)
            return
        scope.setdefault("state", {})["user"] = self._user(Headers(scope=scope).get("authorization", ""))
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
        if not self._user(sent):
            realm = {"WWW-Authenticate": 'Basic realm="Jenkins"'}
            return HTMLResponse("<html><body>Invalid password/token</body></html>", 401, headers=realm)
        headers, session = Headers(scope=scope), self._controller.session
        return self._controller.account.refuse(scope["method"], scope["path"], headers, self._user(sent), session)

    def _user(self, sent: str) -> str:
        """Whose name and token these are; empty for nobody's."""
        scheme, _, value = sent.partition(" ")
        try:
            user, _, token = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        wanted = self._settings.token_of(user)
        is_known = bool(wanted) and hmac.compare_digest(token.encode(), wanted.encode())
        return user if is_known and scheme.lower() == "basic" else ""


_DELAY = re.compile(r"(\d+)\s*(secs?)?")
_TEXT = "text/plain;charset=UTF-8"


class Endpoints:
    """Bound methods are the endpoints; plain ``def`` ones run in a thread, so a long log holds nobody up."""

    def __init__(self, controller: Controller, settings: Settings) -> None:
        self._controller = controller
        self._settings = settings
        self._beans = Beans(controller, settings.url)
        self._administration = Administration(controller, settings)

    def routes(self) -> list[Route]:
        """All of them."""
        build = "/job/{job:names}/{number:int}"
        return [
            Route("/", self.front),
            Route("/api/json", self.hudson),
            Route("/me/api/json", self.me),
            Route("/crumbIssuer/api/json", self.crumb),
            Route("/createItem", self.create_item, methods=["POST"]),
            Route("/job/{folder:names}/createItem", self.create_item, methods=["POST"]),
            *self._administration.routes(),
            Route("/queue/api/json", self.queue),
            Route("/queue/cancelItem", self.cancel_item, methods=["POST"]),
            Route("/queue/item/{id:int}/", self.queue_item_page),
            Route("/queue/item/{id:int}/api/json", self.queue_item),
            Route("/job/{job:names}/api/json", self.job),
            Route("/job/{job:names}/config.xml", self.get_config, methods=["GET"]),
            Route("/job/{job:names}/config.xml", self.post_config, methods=["POST"]),
            Route("/job/{job:names}/build", self.build_now, methods=["GET", "POST"]),
            Route("/job/{job:names}/buildWithParameters", self.build_with_parameters, methods=["GET", "POST"]),
            Route(f"{build}/", self.build_page),
            Route(f"{build}/console", self.build_page),
            Route(f"{build}/api/json", self.build),
            Route(f"{build}/wfapi/describe", self.stages),
            Route(f"{build}/wfapi/describe/", self.stages),
            Route(f"{build}/artifact/{{name}}", self.artifact),
            Route(f"{build}/consoleText", self.console_text),
            Route(f"{build}/logText/progressiveText", self.progressive_text),
            Route(f"{build}/{{level}}", self.stop, methods=["GET", "POST"]),
        ]

    # ------------------------------------------------------------ server
    def front(self, _: Request) -> Response:
        """A page; python-jenkins reads the version from its headers."""
        return HTMLResponse("<html><head><title>Dashboard [Jenkins]</title></head><body>Stand-in Jenkins</body></html>")

    def hudson(self, request: Request) -> Response:
        """The server itself."""
        return as_json(request, self._beans.hudson())

    def me(self, request: Request) -> Response:
        """Who asks."""
        return as_json(request, self._beans.user(request.state.user))

    def crumb(self, _: Request) -> Response:
        """With an API token no crumb is needed: 404."""
        return self._controller.account.crumb(self._controller.session)

    # ------------------------------------------------------------ jobs
    async def create_item(self, request: Request) -> Response:
        """A new job from its XML, at the top or in a folder."""
        name = request.query_params.get("name", "").strip()
        folder = request.path_params.get("folder", "")
        if folder and folder not in self._settings.folders:
            return not_found()
        if not self._settings.may_administer(request.state.user):
            return forbidden(request.state.user, "hudson.model.Item.Create")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}", name):
            return page(400, f"‘{name}’ is no name for a job")
        if "content-type" not in request.headers:
            return page(400, "No Content-Type header set")
        try:
            self._controller.create_job(f"{folder}/{name}" if folder else name, (await request.body()).decode())
        except (JobExists, BadConfig, UnicodeDecodeError) as exc:
            return page(400 if isinstance(exc, JobExists) else 500, str(exc))
        return Response(status_code=200)

    def get_config(self, request: Request) -> Response:
        """The XML as it was sent. Without Job/Configure Jenkins wants Job/ExtendedRead."""
        job = self._controller.job(request.path_params["job"])
        if not self._settings.may_administer(request.state.user):
            return forbidden(request.state.user, "hudson.model.Item.ExtendedRead")
        return Response(job.config.xml, media_type="application/xml")

    async def post_config(self, request: Request) -> Response:
        """New XML for the job."""
        self._controller.job(request.path_params["job"])
        if not self._settings.may_administer(request.state.user):
            return forbidden(request.state.user, "hudson.model.Item.Configure")
        try:
            self._controller.configure_job(request.path_params["job"], (await request.body()).decode())
        except (BadConfig, UnicodeDecodeError) as exc:
            return page(500, str(exc))
        return Response(status_code=200)

    def job(self, request: Request) -> Response:
        job = self._controller.job(request.path_params["job"])
        with self._controller.changed:
            return as_json(request, self._beans.job(job, tree=request.query_params.get("tree")))

    def build_now(self, request: Request) -> Response:
        """A parameterised job asks for its form; there are no other jobs here."""
        self._controller.job(request.path_params["job"])
        return page(400, "Nothing is submitted") if request.method == "POST" else post_only()

    async def build_with_parameters(self, request: Request) -> Response:
        """Queue a build: 201, 303 for an equal item, 400, 404, 405, 409, 500."""
        job = request.path_params["job"]
        self._controller.job(job)
        if request.method != "POST":
            return post_only()
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            pairs += parse_qsl((await request.body()).decode(), keep_blank_values=True, encoding="utf-8")
        sent = dict(pairs)
        if len(sent) != len(pairs):
            return page(500, "IllegalArgumentException: the same parameter was sent twice")
        delay = _DELAY.fullmatch(sent.pop("delay", f"{self._settings.quiet_period_ms}"))
        if delay is None:
            return page(500, "Unknown time duration")
        delay_ms = int(delay.group(1)) * (1000 if delay.group(2) else 1)
        try:
            number, is_new = self._controller.schedule(job, sent, user=request.state.user, delay_ms=delay_ms)
        except NotBuildable as exc:
            return page(409, str(exc))
        except NotParameterised as exc:
            return page(400, str(exc))
        except BadValue as exc:
            return page(500, str(exc))
        # As Jenkins does without a configured address of its own: where the request came to.
        location = {"Location": f"{request.url.scheme}://{request.headers['host']}/queue/item/{number}/"}
        return Response(status_code=201 if is_new else 303, headers=location)

    # ------------------------------------------------------------ queue
    def queue(self, request: Request) -> Response:
        """Everything that waits."""
        with self._controller.changed:
            return as_json(request, self._beans.queue())

    def queue_item(self, request: Request) -> Response:
        """One item; 404 when it left more than 300 s ago."""
        with self._controller.changed:
            item = self._controller.item(request.path_params["id"])
            return as_json(request, self._beans.queue_item(item)) if item else not_found()

    def queue_item_page(self, request: Request) -> Response:
        """The page behind a Location."""
        item = self._controller.item(request.path_params["id"])
        return PlainTextResponse("Queue item exists. For details check, for example, api/json") if item else not_found()

    def cancel_item(self, request: Request) -> Response:
        """204 when it was taken out, 404 when it is not there."""
        text = request.query_params.get("id", "")
        done = text.isdigit() and self._controller.cancel(int(text))
        return Response(status_code=204) if done else Response(status_code=404)

    # ------------------------------------------------------------ builds
    def _live(self, request: Request) -> Any:
        return self._controller.live(request.path_params["job"], request.path_params["number"])

    def build(self, request: Request) -> Response:
        live = self._live(request)
        with self._controller.changed:
            return as_json(request, self._beans.build(live.build))

    def build_page(self, request: Request) -> Response:
        """A page for people who follow a link: the log as text."""
        return Response(self._live(request).log.text(), media_type=_TEXT)

    def stages(self, request: Request) -> Response:
        live = self._live(request)
        with self._controller.changed:
            return JSONResponse(self._beans.stages(live))

    def artifact(self, request: Request) -> Response:
        """A file that the build archived."""
        build, name = self._live(request).build, request.path_params["name"]
        if name not in build.artifacts:
            return not_found()
        return Response((self._controller.store.artifacts(build.job, build.number) / name).read_bytes())

    def console_text(self, request: Request) -> Response:
        """The whole log."""
        return Response(self._live(request).log.text(), media_type=_TEXT)

    def progressive_text(self, request: Request) -> Response:
        """The log from an offset."""
        start = request.query_params.get("start", "0")
        if not start.isdigit():
            return page(400, "start is no number")
        piece = self._live(request).log.piece(int(start), is_legacy=is_legacy_log(self._controller.version))
        headers = {"X-Text-Size": str(piece.size)} | ({"X-More-Data": "true"} if piece.has_more else {})
        return Response(piece.body, media_type=_TEXT, headers=headers)

    def stop(self, request: Request) -> Response:
        """stop, term, kill: 302 to the build's page in any case."""
        level = request.path_params["level"]
        if level not in ("stop", "term", "kill"):
            return not_found()
        live = self._live(request)
        if request.method != "POST":
            return post_only()
        self._controller.stop(live, level, request.state.user)
        return Response(status_code=302, headers={"Location": "."})


def _no_such_job(_: Request, __: Exception) -> Response:
    return not_found()


def create_app(controller: Controller, settings: Settings, faults: Faults | None = None) -> Starlette:
    """The application; its lifespan starts and closes the controller."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> Any:
        controller.start()
        yield
        controller.close()

    return Starlette(
        routes=Endpoints(controller, settings).routes(),
        middleware=[
            Middleware(FaultyFront, faults=faults or Faults()),
            Middleware(Gate, settings=settings, controller=controller),
        ],
        exception_handlers={NoSuchJob: _no_such_job},
        lifespan=lifespan,
    )
