"""What administrators ask: does a script compile, which plugins, nodes and credentials are there."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import groovy
from .answers import as_json, forbidden, not_found, page, post_only
from .controller import Controller
from .settings import Settings

_CHECK = "descriptorByName/org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition/checkScriptCompile"


class Administration:
    """Bound methods are the endpoints."""

    def __init__(self, controller: Controller, settings: Settings) -> None:
        self._controller = controller
        self._settings = settings

    def routes(self) -> list[Route]:
        """All of them."""
        store = "credentials/store/{store}/domain/_/api/json"
        return [
            Route(f"/{_CHECK}", self.check_without_item, methods=["GET", "POST"]),
            Route(f"/job/{{job:names}}/{_CHECK}", self.check_script, methods=["GET", "POST"]),
            Route("/pluginManager/api/json", self.plugins),
            Route("/computer/api/json", self.computers),
            Route(f"/{store}", self.credentials),
            Route(f"/job/{{folder:names}}/{store}", self.credentials),
        ]

    def _may(self, request: Request) -> bool:
        return self._settings.may_administer(request.state.user)

    def check_without_item(self, request: Request) -> Response:
        """``@AncestorInPath Item`` is null there: a NullPointerException."""
        return page(500, "java.lang.NullPointerException") if request.method == "POST" else post_only()

    async def check_script(self, request: Request) -> Response:
        """``doCheckScriptCompile``: success for an account that may not configure, as in the plugin."""
        name = request.path_params["job"]
        if name not in self._settings.folders:
            self._controller.job(name)
        if request.method != "POST":
            return post_only()
        success = {"column": 0, "line": 0, "message": "", "status": "success"}
        if not self._may(request):
            return JSONResponse(success)
        sent = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        faults = groovy.faults(sent.get("value", ""))
        return JSONResponse([{**fault, "status": "fail"} for fault in faults] or success)

    def plugins(self, request: Request) -> Response:
        """Overall/SystemRead."""
        if not self._may(request):
            return forbidden(request.state.user, "hudson.model.Hudson.SystemRead")
        plugins = [
            {"shortName": name, "active": is_active, "enabled": is_active, "version": "1.0"}
            for name, is_active in self._controller.inventory.plugins.items()
        ]
        return as_json(request, {"_class": "hudson.LocalPluginManager", "plugins": plugins})

    def computers(self, request: Request) -> Response:
        """One node. Where it serves every label, only its own name can be listed."""
        labels = ["built-in", *sorted(self._controller.agents.labels or ())]
        node: dict[str, Any] = {
            "_class": "hudson.model.Hudson$MasterComputer",
            "assignedLabels": [{"name": label} for label in labels],
            "displayName": "Built-In Node",
            "offline": bool(self._controller.agents.offline),
            "temporarilyOffline": False,
        }
        return as_json(request, {"_class": "hudson.model.ComputerSet", "computer": [node]})

    def credentials(self, request: Request) -> Response:
        """All are in the system's store; without Credentials/View, and for a folder, there is no store."""
        folder, store = request.path_params.get("folder", ""), request.path_params["store"]
        is_there = store == "system" if not folder else store == "folder" and folder in self._settings.folders
        if not self._may(request) or not is_there:
            return not_found()
        kind = "com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl"
        ids = [] if folder else self._controller.inventory.credentials
        found = [{"_class": f"{kind}$Wrapper", "id": name, "typeName": "Username with password"} for name in ids]
        return as_json(request, {"_class": "DomainWrapper", "credentials": found})
