"""The control port: what goes wrong in and before a Jenkins, when tests or people who try the product ask for it.

Everything here is off until somebody asks for it. JSON in, JSON out; the token of the account as ``Bearer``.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .account import RIGHTS, Account
from .controller import Controller, NoSuchJob

LOGIN_PAGE = (
    "<html><body><form action=j_spring_security_check method=post>"
    "<input name=j_username><input type=password name=j_password></form></body></html>"
)
STARTING = "<html><body><h1>Starting Jenkins</h1>Please wait while Jenkins is getting ready to work</body></html>"


@dataclass
class Rule:
    """An answer in Jenkins' place. ``match`` is searched in ``METHOD path?query``; ``times`` None: for ever.

    ``kind``: answer (``status``, ``body``, ``headers``), login_page, login_redirect, drop (the request arrives, its
    answer does not), delay (``seconds`` before Jenkins' own answer), trickle (Jenkins' own answer in small pieces,
    ``seconds`` apart).
    """

    match: re.Pattern[str]
    kind: str = "answer"
    status: int = 503
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    times: int | None = 1
    met: int = 0


KINDS = ("answer", "login_page", "login_redirect", "drop", "delay", "trickle")
TRICKLE_BYTES = 256


class Faults:
    """The rules, and until when the controller does not serve. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.rules: list[Rule] = []
        self.down_until = 0.0

    def rule_for(self, asked: str) -> Rule | None:
        """The first rule that meets the request, counted down."""
        with self._lock:
            for rule in self.rules:
                if (rule.times is None or rule.met < rule.times) and rule.match.search(asked):
                    rule.met += 1
                    return rule
        return None

    def clear(self) -> None:
        """As it was at the start."""
        with self._lock:
            self.rules.clear()
            self.down_until = 0.0


class FaultyFront:
    """ASGI middleware before everything else: what a proxy, or a controller that starts, answers."""

    def __init__(self, app: ASGIApp, *, faults: Faults) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by a rule, or pass on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if time.monotonic() < self._faults.down_until:
            await HTMLResponse(STARTING, 503, headers={"Cache-Control": "no-cache"})(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        rule = self._faults.rule_for(f"{scope['method']} {scope['path']}?{query}")
        if rule is None:
            await self._app(scope, receive, send)
        elif rule.kind == "delay":
            await asyncio.sleep(rule.seconds)
            await self._app(scope, receive, send)
        elif rule.kind == "trickle":
            await self._app(scope, receive, _trickling(send, rule.seconds))
        elif rule.kind == "drop":
            await self._app(scope, receive, _nowhere)
            # A head without its body: the server hangs up on it.
            headers = [(b"content-length", b"1000"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 201, "headers": headers})
        else:
            await _answer_of(rule)(scope, receive, send)


def _trickling(send: Send, seconds: float) -> Send:
    async def drip(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        body = message.get("body", b"")
        for start in range(0, len(body), TRICKLE_BYTES):
            piece = body[start : start + TRICKLE_BYTES]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(seconds)
        await send({**message, "body": b""})

    return drip


async def _nowhere(_message: Any) -> None:
    """The answer is lost on its way."""


def _answer_of(rule: Rule) -> Response:
    if rule.kind == "login_page":
        return HTMLResponse(LOGIN_PAGE, 200)
    if rule.kind == "login_redirect":
        return Response(status_code=302, headers={"Location": "/login?from=%2F"})
    return HTMLResponse(rule.body, rule.status, headers=rule.headers)


class BadAsk(ValueError):
    """400: the body is not what this knob takes."""


class Knobs:
    """Bound methods are the endpoints."""

    def __init__(self, controller: Controller, faults: Faults) -> None:
        self._controller = controller
        self._faults = faults

    def routes(self) -> list[Route]:
        """All of them."""
        build = "/jobs/{job}/builds/{number:int}"
        return [
            Route("/truth", self.truth),
            Route("/rules", self.set_rule, methods=["POST"]),
            Route("/rules", self.clear, methods=["DELETE"]),
            Route("/crash", self.crash, methods=["POST"]),
            Route("/quiet-down", self.quiet_down, methods=["POST"]),
            Route("/nodes", self.nodes, methods=["POST"]),
            Route("/account", self.account, methods=["POST"]),
            Route("/version", self.change_version, methods=["POST"]),
            Route("/inventory", self.inventory, methods=["POST"]),
            Route("/webhook", self.webhook, methods=["POST"]),
            Route("/jobs/{job}", self.job, methods=["POST"]),
            Route(build, self.delete_build, methods=["DELETE"]),
            Route(f"{build}/log", self.log, methods=["POST"]),
        ]

    async def truth(self, _: Request) -> Response:
        """Every build and waiting item there is, with its trigger id."""
        with self._controller.changed:
            builds = [
                {
                    "job": live.build.job,
                    "number": live.build.number,
                    "queue_id": live.build.queue_id,
                    "trigger_id": live.build.parameters.get("TRIGGER_ID", ""),
                    "building": live.build.is_building,
                    "result": live.build.result,
                    "digest": live.build.description,
                }
                for job in self._controller.jobs.values()
                for live in job.newest()
            ]
            waiting = [
                {"queue_id": item.id, "job": item.job, "trigger_id": item.parameters.get("TRIGGER_ID", "")}
                for item in self._controller.waiting()
            ]
        return JSONResponse({"session": self._controller.session, "builds": builds, "queue": waiting})

    async def set_rule(self, request: Request) -> Response:
        """``{"match", "kind", "status", "body", "headers", "seconds", "times"}``; all but ``match`` may be left out."""
        given = await _body(request, {"match", "kind", "status", "body", "headers", "seconds", "times"})
        if given.get("kind", "answer") not in KINDS:
            raise BadAsk(f"kind is one of {', '.join(KINDS)}")
        try:
            pattern = re.compile(str(given.pop("match")))
        except (KeyError, re.error) as exc:
            raise BadAsk(f"match is a regular expression: {exc}") from exc
        self._faults.rules.append(Rule(pattern, **given))
        return JSONResponse({"rules": len(self._faults.rules)})

    async def clear(self, _: Request) -> Response:
        """No rules, and serving."""
        self._faults.clear()
        return JSONResponse({"rules": 0})

    async def crash(self, request: Request) -> Response:
        """Killed and started again: ``{"lose_queue", "lose_builds": [numbers] or "running", "reset_numbers",
        "reset_queue_ids", "requeue", "down_seconds"}``. Builds that are not lost are resumed."""
        names = {"lose_queue", "lose_builds", "reset_numbers", "reset_queue_ids", "requeue", "down_seconds"}
        given = await _body(request, names)
        self._faults.down_until = time.monotonic() + float(given.pop("down_seconds", 0.0))
        lost = self._controller.crash(**given)
        return JSONResponse({"session": self._controller.session, "lost": lost})

    async def quiet_down(self, request: Request) -> Response:
        """``{"on"}``: about to shut down, nothing is taken out of the queue."""
        given = await _body(request, {"on"})
        self._controller.set_quiet(bool(given.get("on", True)))
        return JSONResponse({})

    async def nodes(self, request: Request) -> Response:
        """``{"labels": [names] or null, "offline": [labels], "busy", "vanish"}``: agents that appear, go offline, have
        no executor free, and vanish with what runs on them; labels null: every label is served."""
        given = await _body(request, {"labels", "offline", "busy", "vanish"})
        with self._controller.changed:
            if "labels" in given:
                labels = given["labels"]
                self._controller.agents.labels = None if labels is None else frozenset(labels)
            self._controller.agents.offline = frozenset(given.get("offline", self._controller.agents.offline))
            self._controller.agents.is_busy = bool(given.get("busy", self._controller.agents.is_busy))
            self._controller.changed.notify_all()
        if given.get("vanish"):
            self._controller.lose_agents()
        return JSONResponse({})

    async def account(self, request: Request) -> Response:
        """``{"lacks": [rights], "password"}``: rights that it has no more; its token is a password, which needs a
        crumb with every act."""
        given = await _body(request, {"lacks", "password"})
        lacks = frozenset(given.get("lacks", ()))
        if not lacks <= RIGHTS:
            raise BadAsk(f"rights are {', '.join(sorted(RIGHTS))}")
        self._controller.account = Account(lacks, bool(given.get("password")))
        return JSONResponse({})

    async def change_version(self, request: Request) -> Response:
        """``{"version"}``: below 2.509 it reads logs the older way."""
        version = str((await _body(request, {"version"})).get("version"))
        if not re.fullmatch(r"\d+\.\d+(\.\d+)*", version):
            raise BadAsk(f"{version} is no Jenkins version")
        self._controller.version = version
        return JSONResponse({})

    async def inventory(self, request: Request) -> Response:
        """Plugins by name and whether they are active; ids of credentials."""
        given = await _body(request, {"plugins", "credentials"})
        known = self._controller.inventory
        known.plugins = dict(given.get("plugins", known.plugins))
        known.credentials = list(given.get("credentials", known.credentials))
        return JSONResponse({})

    async def webhook(self, request: Request) -> Response:
        """``{"address", "secret"}``: where the job's nudges go; empty: it sends none."""
        given = await _body(request, {"address", "secret"})
        self._controller.webhook = (str(given.get("address", "")), str(given.get("secret", "")))
        return JSONResponse({})

    async def job(self, request: Request) -> Response:
        """``{"disabled", "hidden"}``: hidden is a job that the account may not see: 404."""
        given = await _body(request, {"disabled", "hidden"})
        self._controller.change_job(request.path_params["job"], **given)
        return JSONResponse({})

    async def delete_build(self, request: Request) -> Response:
        """The record is deleted, as by a person or by log rotation."""
        self._controller.forget_build(request.path_params["job"], request.path_params["number"])
        return JSONResponse({})

    async def log(self, request: Request) -> Response:
        """``{"keep"}``: the log is cut to its first bytes (a rewind); ``{"append", "times"}``: text written into it."""
        given = await _body(request, {"keep", "append", "times"})
        live = self._controller.record(request.path_params["job"], request.path_params["number"])
        if "keep" in given:
            live.log.cut(int(given["keep"]))
        if "append" in given:
            live.log.write(str(given["append"]).encode("latin-1") * int(given.get("times", 1)))
        return JSONResponse({"size": live.log.path.stat().st_size})


async def _body(request: Request, names: set[str]) -> dict[str, Any]:
    raw = await request.body()
    try:
        given = json.loads(raw or b"{}")
    except ValueError as exc:
        raise BadAsk("the body is not JSON") from exc
    if not isinstance(given, dict) or set(given) - names:
        raise BadAsk(f"the body has these keys: {', '.join(sorted(names))}")
    return given


def _says(status: int) -> Callable[[Request, Exception], Response]:
    return lambda _request, error: JSONResponse({"error": str(error)}, status)


def create_control(controller: Controller, faults: Faults, token: str) -> ASGIApp:
    """The application of the control port."""
    wanted = f"Bearer {token}"
    app = Starlette(
        routes=Knobs(controller, faults).routes(),
        exception_handlers={BadAsk: _says(400), NoSuchJob: _says(404), TypeError: _says(400), ValueError: _says(400)},
    )

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        sent = dict(scope.get("headers") or []).get(b"authorization", b"").decode("latin-1")
        if scope["type"] == "http" and not hmac.compare_digest(sent, wanted):
            await JSONResponse({"error": "the token of the account, as Bearer"}, 401)(scope, receive, send)
            return
        await app(scope, receive, send)

    return guarded
